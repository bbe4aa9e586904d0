import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { OptionError } from "../../core/errors.ts";
import { parseSafetensors } from "../../nn/formats/weights.ts";
import type { GivenConfig } from "../../train/config/config.ts";
import type { TaskName } from "../../train/config/train_options.ts";
import { planSteps } from "../../train/fit.ts";
import { train } from "../../train/train.ts";
import { assertClose } from "../support/differences.ts";
import { readAdapter, readMetrics, Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

let runs = 0;

/** The learning rates and the saved numbers of a run, and what it says of its rates. */
async function run(changes: GivenConfig, task: TaskName = "rte") {
  const out = workspace.out(`run-${++runs}`);
  const said: string[] = [];
  const config = workspace.config(task, { out, dtype: "f64", warmup: 0, ...changes });
  await train(config, { onMessage: (line) => said.push(line) });
  const rates = (await readMetrics(out)).flatMap((line) => line["learning_rate"] ?? []);
  const saved = parseSafetensors(await readAdapter(out), "adapter");
  const numbers: Record<string, number[]> = {};
  for (const name of saved.names()) numbers[name] = [...await saved.read(name, "f64")];
  return { rates, numbers, said: said.filter((line) => line.startsWith("learning rate")) };
}

Deno.test("each schedule reaches the steps of a run, with its warm-up, floor and power", async () => {
  const eighths = Array.from({ length: 8 }, (_, i) => (8 - i) / 8);
  const cosine = eighths.map((x) => 0.5 - 0.5 * Math.cos(Math.PI * x));
  const cases: readonly (readonly [GivenConfig, readonly number[]])[] = [
    [{ schedule: "cosine" }, cosine],
    [{ schedule: "cosine", minLr: 0.005 }, cosine.map((x) => 0.5 + 0.5 * x)],
    [{ schedule: "constant" }, eighths.map(() => 1)],
    [{ schedule: "polynomial", power: 3 }, eighths.map((x) => x ** 3)],
    [{ schedule: "constant", warmup: 4 }, [0, 0.25, 0.5, 0.75, 1, 1, 1, 1]],
    [{ minLr: 0.0025 }, eighths.map((x) => 0.25 + 0.75 * x)],
  ];
  for (const [changes, factors] of cases) {
    const { rates } = await run({ lr: 0.01, ...changes });
    assertClose(rates, factors.map((x) => 0.01 * x), 1e-16);
  }
});

Deno.test("--head-lr moves the head by its own rate, and all else as before", async () => {
  const isHead = (name: string) => name.includes("classifier");
  const of = (numbers: Record<string, number[]>, head: boolean) =>
    Object.fromEntries(Object.entries(numbers).filter(([name]) => isHead(name) === head));
  const base = await run({ lr: 0.01, maxSteps: 1, clip: 0 });
  const still = await run({ lr: 0.01, maxSteps: 1, clip: 0, headLr: 0 });
  const twice = await run({ lr: 0.01, maxSteps: 1, clip: 0, headLr: 0.02 });
  assertEquals(of(still.numbers, false), of(base.numbers, false));
  assertEquals(of(twice.numbers, false), of(base.numbers, false));
  const initial = of(still.numbers, true);
  assertEquals(Object.keys(initial).length, 2);
  for (const [name, start] of Object.entries(initial)) {
    const [once, double] = [base, twice].map(({ numbers }) =>
      numbers[name]!.map((x, i) => x - start[i]!)
    );
    assertNotEquals(once, start.map(() => 0));
    // The step of AdamW is linear in its rate, and saved numbers have 32 bits or 64.
    assertClose(double!, once!.map((x) => 2 * x), 1e-7);
  }
  assertEquals(base.said, []);
  assertEquals(twice.said, ["learning rate: 0.01, 0.02 of 2 of 10 trained tensors"]);
  // The rate that all have makes no groups.
  assertEquals((await run({ lr: 0.01, maxSteps: 1, clip: 0, headLr: 0.01 })).numbers, base.numbers);
});

Deno.test("--head-lr is refused where no head is trained", async () => {
  await assertRejects(
    () => run({ headLr: 0.1, generate: 0 }, "e2e"),
    OptionError,
    "Cannot use --head-lr as a head that is trained is required: found none",
  );
});

Deno.test("planSteps() counts whole batches alone where partial ones are left out", () => {
  const plan = (changes: GivenConfig, examples: number) =>
    planSteps(workspace.config("rte", { epochs: 1.5, ...changes }), examples);
  for (const [batch, accumulate, examples] of [[4, 1, 23], [4, 2, 23], [5, 4, 23], [8, 1, 32]]) {
    const sizes = { batch: batch!, accumulate: accumulate! };
    const whole = plan({ ...sizes, dropLast: true }, examples!);
    const batches = Math.floor(examples! / batch!);
    assertEquals(whole.perEpoch, Math.ceil(batches / accumulate!));
    assertEquals(whole.steps, Math.ceil(1.5 * whole.perEpoch));
    const all = plan(sizes, examples!);
    assertEquals(all.perEpoch, Math.ceil(Math.ceil(examples! / batch!) / accumulate!));
    assert(all.perEpoch >= whole.perEpoch);
  }
});

Deno.test("a run that leaves partial batches out ends its epochs where its steps say", async () => {
  const out = workspace.out("whole");
  const config = workspace.config("rte", { out, batch: 5, dropLast: true });
  const { steps, epoch } = await train(config);
  assertEquals([steps, epoch], [12, 2]);
  const evaluated = (await readMetrics(out)).filter((line) => "eval_loss" in line);
  assertEquals(evaluated.map(({ step, epoch }) => [step, epoch]), [[0, 0], [6, 1], [12, 2]]);
});
