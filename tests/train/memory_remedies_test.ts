import { assertEquals } from "@std/assert";
import { resolveConfig } from "../../train/config/config.ts";
import { smallerRuns } from "../../train/memory_remedies.ts";

const config = resolveConfig({ task: "rte", data: "d", model: "m", batch: 4, evalBatch: 6 });

function flagsOf(...args: Parameters<typeof smallerRuns>): string[] {
  return [...smallerRuns(...args)].flatMap(({ settings }) => settings.map(({ flags }) => flags));
}

const batches = [
  "--batch 2 --accumulate 2 --eval-batch 3",
  "--batch 1 --accumulate 4 --eval-batch 2",
  "--batch 1 --accumulate 4 --eval-batch 1",
];
const again = "--gradient-checkpointing";
const both = batches.map((flags) => `${again} ${flags}`);

Deno.test("runs that take less keep their numbers first, and change little first", () => {
  assertEquals(flagsOf(config, true), [
    ...["--half", again, ...batches],
    ...[again, ...both].map((flags) => `--half ${flags}`),
    ...["--quantize nf4", ...[again, ...both].map((flags) => `--quantize nf4 ${flags}`)],
  ]);
});

Deno.test("flags that a run has, or that would change nothing, are not among what would help", () => {
  const given = { ...config, gradientCheckpointing: true, quantize: "nf4" } as const;
  assertEquals(flagsOf(given, false), batches);
  const narrow = batches.map((flags) => `--half ${flags}`);
  assertEquals(flagsOf(given, true), ["--half", ...batches, ...narrow]);
  const least = { ...config, batch: 3, evalBatch: 1 };
  const coded = ["--quantize nf4", `--quantize nf4 ${again}`];
  assertEquals(flagsOf(least, false), [again, ...coded]);
});

Deno.test("a run in 8 bits may have 4", () => {
  const flags = flagsOf({ ...config, quantize: "int8" }, false);
  assertEquals(flags.filter((one) => one.includes("--quantize"))[0], "--quantize nf4");
});

Deno.test("each of them makes the settings that its flags say", () => {
  for (const { format, settings } of smallerRuns(config, true)) {
    for (const { flags, config: made } of settings) {
      assertEquals(made.half, flags.includes("--half"));
      assertEquals(made.quantize, flags.includes("nf4") ? "nf4" : undefined);
      assertEquals(made.gradientCheckpointing, flags.includes(again));
      assertEquals(made.batch * made.accumulate, 4);
      assertEquals({ ...made, ...format }, made);
    }
  }
});
