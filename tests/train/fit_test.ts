import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TrainingError } from "../../core/errors.ts";
import { seedKey } from "../../core/random.ts";
import { dropoutPlan } from "../../nn/dropout/methods.ts";
import { trainHead } from "../../nn/models/heads.ts";
import { type Optimiser, restoreOptimiser } from "../../nn/optim/optimiser.ts";
import { Trainable } from "../../nn/optim/trainable.ts";
import type { TrainConfig } from "../../train/config/config.ts";
import { fit, type FitHooks, type FitResult, optimiserOf } from "../../train/fit.ts";
import { openClassifier, readConfig } from "../../train/run/load_model.ts";
import { loadTokenizer } from "../../train/run/load_tokenizer.ts";
import { openTask } from "../../train/tasks/open.ts";
import type { Task } from "../../train/tasks/task.ts";
import { withDevice } from "../support/with_device.ts";
import { Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** What a test may change, and what it is told. */
interface Setting {
  readonly config?: Partial<TrainConfig>;
  readonly task?: Partial<Task>;
  readonly hooks?: (optimiser: Optimiser) => FitHooks;
  readonly from?: number;
}

/** Trains the head of the tiny BERT on RTE, eight steps of two epochs; an error is a result. */
async function fitHead({ config: changes, task: other, hooks, from = 0 }: Setting) {
  const config = workspace.config("rte", changes);
  const told: string[] = [];
  let [result, ended]: [unknown, FitResult | undefined] = [undefined, undefined];
  await withDevice("f32", async (device) => {
    const architecture = await readConfig(config.model);
    const task = await openTask(config, architecture, await loadTokenizer(config.model));
    const { model } = await openClassifier(config.model, device, seedKey(1), task.labels);
    trainHead(model);
    const optimiser = optimiserOf(await Trainable.of(model, device), config);
    optimiser.steps = from;
    const own = hooks?.(optimiser) ?? {};
    const plan = dropoutPlan(config.method, false, config);
    const run = { ...task, ...other };
    const done = fit({ model, optimiser }, { task: run, config, plan, key: seedKey(1) }, {
      onEvaluation: ({ step }) => void told.push(`evaluation ${step}`),
      onCheckpoint: (step) => void told.push(`checkpoint ${step}`),
      ...own,
    });
    result = await done.then((end) => [(ended = end).step, end.aborted], (thrown) => thrown);
  });
  return { told, result, ended: ended as FitResult | undefined };
}

/** Makes a parameter infinite after a step. */
const poison = (at: number) => (optimiser: Optimiser): FitHooks => ({
  onStep({ step }) {
    if (step !== at) return;
    const none = new Float64Array(optimiser.trainable.flat.shape[0]!);
    const numbers = { parameters: none.with(3, Infinity), first: none, second: none };
    restoreOptimiser(optimiser, numbers, optimiser.steps);
  },
});

async function refused(setting: Setting, ...parts: string[]): Promise<string[]> {
  const { told, result } = await fitHead(setting);
  const error = await assertRejects(() => Promise.reject(result), TrainingError);
  for (const part of parts) assertStringIncludes(error.message, part);
  return told;
}

Deno.test("fit() evaluates each epoch and tells of checkpoints between", async () => {
  const { told, result } = await fitHead({ config: { saveEvery: 3, out: "none" } });
  assertEquals(told, ["checkpoint 3", "evaluation 4", "checkpoint 6", "evaluation 8"]);
  assertEquals(result, [8, false]);
  // The last step saves the adapter, and no checkpoint.
  const even = await fitHead({ config: { saveEvery: 4, out: "none" } });
  assertEquals(even.told, ["evaluation 4", "checkpoint 4", "evaluation 8"]);
});

Deno.test("fit() evaluates once where no step is left", async () => {
  for (const from of [8, 9]) {
    const { told, result } = await fitHead({ from });
    assertEquals([told, result], [[`evaluation ${from}`], [from, false]]);
  }
});

Deno.test("fit() refuses an evaluation that is not finite", async () => {
  for (const value of [NaN, Infinity]) {
    const task = { evaluate: () => Promise.resolve({ accuracy: value }) };
    const told = await refused({ task }, "step 4", "eval_accuracy", `finite: found ${value}`);
    assertEquals(told, []);
  }
});

Deno.test("fit() refuses parameters that are not finite before it saves them", async () => {
  const parts = ["parameter", "finite: found Infinity"];
  const config = { saveEvery: 3, out: "none" };
  assertEquals(await refused({ config, hooks: poison(3) }, "step 3", ...parts), []);
  const last = await refused({ config, hooks: poison(8) }, "step 8", ...parts);
  assertEquals(last, ["checkpoint 3", "evaluation 4", "checkpoint 6"]);
  const controller = new AbortController();
  const hooks = (optimiser: Optimiser): FitHooks => ({
    signal: controller.signal,
    async onStep(record, steps) {
      await poison(2)(optimiser).onStep?.(record, steps);
      if (record.step === 2) controller.abort();
    },
  });
  assertEquals(await refused({ hooks }, "step 2", ...parts), []);
});

Deno.test("fit() blames the learning rate only once something was updated", async () => {
  const config = { compensation: "kl", kl: 1e308, lr: 1e-3 } as const;
  const { result } = await fitHead({ config: { ...config, method: "hiddenkey" } });
  const { message } = await assertRejects(() => Promise.reject(result), TrainingError);
  assertStringIncludes(message, "after step 1 as loss must be finite: found Infinity; --kl");
});

/** An evaluation that gives one number after the other, and notes which were told to be final. */
function scripted(primary: string, values: readonly number[]) {
  const finals: boolean[] = [];
  const evaluate: Task["evaluate"] = (_model, _device, final) => {
    finals.push(final);
    return Promise.resolve({ other: -finals.length, [primary]: values[finals.length - 1]! });
  };
  return { finals, task: { primary, evaluate } };
}

Deno.test("fit() keeps the best of all evaluations, and the metrics of the last", async () => {
  const rows = [
    ["accuracy", [0.5, 0.75, 0.25], 0.75],
    ["accuracy", [0.75, 0.5, 0.25], 0.75],
    ["pearson", [-0.5, -0.25, -0.125], -0.125],
    ["loss", [3, 1, 2], 1],
    ["loss", [1, 2, 3], 1],
    ["loss", [3, 2, 1], 1],
  ] as const;
  for (const [primary, values, best] of rows) {
    const { task, finals } = scripted(primary, values);
    const { ended, told } = await fitHead({ task, config: { epochs: 3 } });
    assertEquals([ended?.best, ended?.metrics], [best, { other: -3, [primary]: values[2] }]);
    assertEquals(finals, [false, false, true]);
    assertEquals(told, ["evaluation 4", "evaluation 8", "evaluation 12"]);
  }
});

Deno.test("fit() takes as many steps as epochs and limits say, and evaluates the last", async () => {
  const rows = [
    [{ epochs: 2.5 }, 10, [4, 8, 10]],
    [{ epochs: 0.3 }, 2, [2]],
    [{ epochs: 2, maxSteps: 5 }, 5, [4, 5]],
    [{ epochs: 2, maxSteps: 50 }, 8, [4, 8]],
    [{ batch: 5, epochs: 2 }, 14, [7, 14]],
    [{ batch: 5, accumulate: 2, epochs: 1.5 }, 6, [4, 6]],
  ] as const;
  for (const [config, steps, evaluations] of rows) {
    const { told, ended } = await fitHead({ config });
    assertEquals(told, evaluations.map((step) => `evaluation ${step}`), JSON.stringify(config));
    const epoch = steps / evaluations[0];
    if (evaluations.length > 1) assertEquals(ended?.epoch, epoch);
    assertEquals([ended?.step, ended?.steps], [steps, steps]);
  }
});

Deno.test("fit() gives the mean loss of the task over the steps of the last epoch", async () => {
  for (const config of [{ epochs: 2 }, { epochs: 2.5 }, { epochs: 3, maxSteps: 5 }]) {
    const losses: number[] = [];
    const { ended } = await fitHead({
      config: { ...config, method: "hiddenkey", rate: 0.3 },
      hooks: () => ({ onStep: (record) => void losses.push(record.task_loss) }),
    });
    const last = losses.slice(4 * Math.floor((losses.length - 1) / 4));
    const mean = last.reduce((sum, loss) => sum + loss, 0) / last.length;
    assertEquals(ended?.lastEpochLoss, mean);
    assertEquals(new Set(losses).size, losses.length);
  }
});
