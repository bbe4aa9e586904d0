import { assertAlmostEquals, assertEquals } from "@std/assert";
import { tablesOf } from "../../../train/tables/tables.ts";
import { type MadeArm, sweepOf } from "../../support/sweep_results.ts";

const tuned = { lr: [1e-4, 1e-3, 1e-2], rate: [0.1, 0.2] };

/** Runs that try a setting of a method. */
function tried(
  method: string,
  settings: Record<string, number>,
  figures: MadeArm["figures"],
): MadeArm {
  const firstSeed = 100_001;
  return { method, stage: "tune", varied: { ...settings }, settings, figures, firstSeed };
}

Deno.test("tuning has a score a setting, the expected best of fewer, and what was chosen", () => {
  const { tuning } = tablesOf(sweepOf([
    tried("hiddenkey", { lr: 1e-4, rate: 0.1 }, [0.5, 0.7]),
    tried("hiddenkey", { lr: 1e-3, rate: 0.1 }, [0.8, 0.8]),
    tried("hiddenkey", { lr: 1e-2, rate: 0.1 }, [0.6, 0.8]),
    tried("hiddenkey", { lr: 1e-3, rate: 0.2 }, [0.9, undefined]),
    { method: "hiddenkey", figures: [0.8], settings: { lr: 1e-3, rate: 0.1 } },
    // A run that waits for its settings has those of the defaults.
    {
      method: "hiddenkey",
      figures: [undefined],
      firstSeed: 2,
      status: "waiting",
      settings: { lr: 1 },
    },
  ], { tuned }));
  assertEquals(tuning.length, 1);
  const [{ label, tried: settings, expected, chosen }] = tuning as [typeof tuning[number]];
  assertEquals(label, "hiddenkey");
  assertEquals(settings.map(({ score, runs, without }) => [score, runs, without]), [
    [0.6, 2, 0],
    [0.8, 2, 0],
    [0.7, 2, 0],
    // It is not chosen, as a run of it failed.
    [NaN, 1, 1],
  ]);
  assertEquals(expected.length, 3);
  assertAlmostEquals(expected[0]!, 0.7, 1e-12);
  // Of two draws among three: 1, 3 and 5 of 9 pairs have 0.6, 0.7 and 0.8 as their best.
  assertAlmostEquals(expected[1]!, (0.6 + 3 * 0.7 + 5 * 0.8) / 9, 1e-12);
  assertEquals(chosen, [
    { option: "lr", value: 1e-3, isAtEdge: false },
    { option: "rate", value: 0.1, isAtEdge: true },
  ]);
});

Deno.test("what an arm tried one value of was not chosen; what differs in seeds is shown", () => {
  const { tuning } = tablesOf(sweepOf([
    tried("lora", { lr: 1e-4 }, [0.5]),
    tried("lora", { lr: 1e-2 }, [0.6]),
    { method: "lora", figures: [0.5], settings: { lr: 1e-4, rate: 0.1 } },
    { method: "lora", figures: [0.5], firstSeed: 2, settings: { lr: 1e-2, rate: 0.1 } },
  ], { tuned }));
  assertEquals(tuning[0]!.chosen.map(({ option, value }) => [option, value]), [
    ["lr", 1e-4],
    ["lr", 1e-2],
  ]);
});

Deno.test("settings are judged by the last evaluation, as they were chosen", () => {
  const arms = [{ ...tried("lora", { lr: 1e-4 }, [0.5]), best: { accuracy: 0.9 } }];
  const { tuning } = tablesOf(sweepOf(arms, { tuned }), { which: "best" });
  assertEquals(tuning[0]!.expected, [0.5]);
});

Deno.test("costs are medians of the runs that are done, and multiples of the baseline's", () => {
  const { costs } = tablesOf(sweepOf([
    ...[10, 20, 90].map((seconds, i): MadeArm => ({
      ...{ method: "lora", figures: [0.5], firstSeed: i + 1, seconds, peakBytes: 1e8 * (i + 1) },
      backend: "CPU",
    })),
    { method: "lora", figures: [undefined], firstSeed: 4, seconds: 1e6 },
    { method: "hiddenkey", figures: [0.5], seconds: 30, peakBytes: 3e8, backend: "CPU" },
    { method: "dropkey", figures: [0.5] },
  ]));
  const rows = costs.map((cost) => [
    ...[cost.runs, cost.seconds, cost.relativeSeconds, cost.peakBytes, cost.relativePeakBytes],
  ]);
  assertEquals(rows, [
    [3, 20, 1, 2e8, 1],
    [1, 30, 1.5, 3e8, 1.5],
    [0, NaN, NaN, NaN, NaN],
  ]);
  assertEquals(costs[0]!.backends, ["CPU"]);
});
