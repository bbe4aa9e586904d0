import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { OptionError, TrainingError } from "../../core/errors.ts";
import { seedKey } from "../../core/random.ts";
import { dropoutPlan } from "../../nn/dropout/methods.ts";
import { trainHead } from "../../nn/models/heads.ts";
import { type Optimiser, restoreOptimiser } from "../../nn/optim/optimiser.ts";
import { Trainable } from "../../nn/optim/trainable.ts";
import type { TrainConfig } from "../../train/config/config.ts";
import { fit, type FitHooks, type FitResult, optimiserOf } from "../../train/fit.ts";
import type { BestEvaluation, FitProgress } from "../../train/run/fit_progress.ts";
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
  readonly progress?: FitProgress;
}

/** An evaluation that tells of every example, so that a signal ends it behind the first. */
const shortBatches: Partial<Task> = {
  evaluate(_model, _device, { onProgress }) {
    for (const done of [1, 2, 3]) onProgress?.({ phase: "evaluating", done, total: 3 });
    return Promise.resolve({ accuracy: 0.5 });
  },
};

/** Trains the head of the tiny BERT on RTE, eight steps of two epochs; an error is a result. */
async function fitHead({ config: changes, task: other, hooks, from = 0, progress }: Setting) {
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
    const remembered = progress === undefined ? {} : { progress };
    const options = { task: run, config, plan, key: seedKey(1), ...remembered };
    const done = fit({ model, optimiser }, options, {
      onEvaluation: ({ step }) => void told.push(`evaluation ${step}`),
      onCheckpoint: ({ step }) => void told.push(`checkpoint ${step}`),
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

Deno.test("fit() evaluates before the first step, each epoch, and tells of checkpoints between", async () => {
  const { told, result } = await fitHead({ config: { saveEvery: 3, out: "none" } });
  const between = ["checkpoint 3", "evaluation 4", "checkpoint 6", "evaluation 8"];
  assertEquals(told, ["evaluation 0", ...between]);
  assertEquals(result, [8, false]);
  // The last step saves the adapter, and no checkpoint.
  const even = await fitHead({ config: { saveEvery: 4, out: "none" } });
  assertEquals(even.told, ["evaluation 0", "evaluation 4", "checkpoint 4", "evaluation 8"]);
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
    const told = await refused({ task }, "step 0", "eval_accuracy", `finite: found ${value}`);
    assertEquals(told, []);
    const later = { task, config: { evalStart: false } };
    await refused(later, "step 4", "eval_accuracy", `finite: found ${value}`);
  }
});

Deno.test("fit() refuses parameters that are not finite before it saves them", async () => {
  const parts = ["parameter", "finite: found Infinity"];
  const config = { saveEvery: 3, out: "none" };
  const early = await refused({ config, hooks: poison(3) }, "step 3", ...parts);
  assertEquals(early, ["evaluation 0"]);
  const last = await refused({ config, hooks: poison(8) }, "step 8", ...parts);
  assertEquals(last, ["evaluation 0", "checkpoint 3", "evaluation 4", "checkpoint 6"]);
  const controller = new AbortController();
  const hooks = (optimiser: Optimiser): FitHooks => ({
    signal: controller.signal,
    async onStep(record, steps) {
      await poison(2)(optimiser).onStep?.(record, steps);
      if (record.step === 2) controller.abort();
    },
  });
  assertEquals(await refused({ hooks }, "step 2", ...parts), ["evaluation 0"]);
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
  const evaluate: Task["evaluate"] = (_model, _device, { final }) => {
    finals.push(final);
    return Promise.resolve({ other: -finals.length, [primary]: values[finals.length - 1]! });
  };
  return { finals, task: { primary, evaluate } };
}

Deno.test("fit() keeps the best of all evaluations, and the metrics of the last", async () => {
  const rows = [
    ["accuracy", [0.5, 0.75, 0.25], 1],
    ["accuracy", [0.75, 0.5, 0.25], 0],
    ["accuracy", [0.5, 0.75, 0.75], 1],
    ["pearson", [-0.5, -0.25, -0.125], 2],
    ["loss", [3, 1, 2], 1],
    ["loss", [1, 2, 3], 0],
    ["perplexity", [3, 2, 1], 2],
    ["perplexity_seen", [3, 2, 1], 2],
    ["loss_unseen", [1, 1, 1], 0],
  ] as const;
  for (const [primary, values, at] of rows) {
    const { task, finals } = scripted(primary, values);
    const bests: number[] = [];
    const config = { epochs: 3, evalStart: false };
    const hooks = () => ({ onBest: ({ step }: BestEvaluation) => void bests.push(step) });
    const { ended, told } = await fitHead({ task, config, hooks });
    const metrics = { other: -1 - at, [primary]: values[at] };
    const [step, epoch] = [4 * (at + 1), at + 1];
    assertEquals(ended?.best, { metric: primary, value: values[at], step, epoch, metrics });
    assertEquals(bests.at(-1), step);
    assertEquals(ended?.metrics, { other: -3, [primary]: values[2] });
    assertEquals(finals, [false, false, true]);
    assertEquals(told, ["evaluation 4", "evaluation 8", "evaluation 12"]);
  }
});

Deno.test("fit() judges by the metric that is asked for, and not what no step led to", async () => {
  const evaluated = [9, 1, 2, 3];
  let count = 0;
  const task = {
    primary: "accuracy",
    evaluate: () => Promise.resolve({ accuracy: 0.5, f1: evaluated[count++]! }),
  };
  const { ended } = await fitHead({ task, config: { epochs: 3, bestMetric: "f1" } });
  assertEquals([ended?.best?.step, ended?.best?.value], [12, 3]);
  const { result } = await fitHead({ config: { bestMetric: "f2" } });
  const { message } = await assertRejects(() => Promise.reject(result), OptionError);
  assertStringIncludes(message, "--best-metric f2 as one of accuracy, ");
});

Deno.test("fit() computes costly metrics each time where one of them is judged", async () => {
  const finals: boolean[] = [];
  const task: Partial<Task> = {
    primary: "loss",
    costly: true,
    evaluate(_model, _device, { final }) {
      finals.push(final);
      return Promise.resolve({ loss: 1, ...(final && { bleu: finals.length }) });
    },
  };
  const { ended } = await fitHead({ task, config: { bestMetric: "bleu" } });
  assertEquals(finals, [false, true, true, true]);
  assertEquals(ended?.best, {
    metric: "bleu",
    value: 4,
    step: 8,
    epoch: 2,
    metrics: { loss: 1, bleu: 4 },
  });
  const { result } = await fitHead({ task, config: { bestMetric: "meteor" } });
  const { message } = await assertRejects(() => Promise.reject(result), OptionError);
  assertStringIncludes(message, "one of loss, bleu is required");
});

Deno.test("fit() evaluates between the ends of epochs where it is asked to", async () => {
  const rows = [
    [{ evalEvery: 3 }, [0, 3, 4, 6, 8]],
    [{ evalEvery: 0.25 }, [0, 2, 4, 6, 8]],
    [{ evalEvery: 0.3 }, [0, 3, 4, 6, 8]],
    [{ evalEvery: 100, evalStart: false }, [4, 8]],
  ] as const;
  for (const [config, steps] of rows) {
    const { told } = await fitHead({ config });
    assertEquals(told, steps.map((step) => `evaluation ${step}`), JSON.stringify(config));
  }
});

Deno.test("fit() stops after so many evaluations in a row that are not the best", async () => {
  const rows = [
    [1, [3, 2, 2, 1], 12, true],
    [2, [3, 2, 4, 1], 16, false],
    [2, [3, 4, 2, 4, 1], 20, false],
    [2, [1, 2, 3, 0], 12, true],
    [3, [1, 2, 3, 4], 16, true],
  ] as const;
  for (const [earlyStop, values, steps, stopped] of rows) {
    const { task, finals } = scripted("loss", values);
    const config = { epochs: 5, evalStart: false, earlyStop, maxSteps: stopped ? 20 : steps };
    const { ended } = await fitHead({ task, config });
    assertEquals([ended?.step, ended?.stoppedEarly], [steps, stopped], JSON.stringify(values));
    assertEquals(finals.length, steps / 4);
    const again = scripted("loss", [...values, 0]);
    const costly = { ...again.task, costly: true };
    const other = await fitHead({ task: costly, config });
    assertEquals([other.ended?.step, other.ended?.best], [steps, ended?.best]);
    assertEquals(again.finals, [...finals.map((final) => final), ...(stopped ? [true] : [])]);
  }
});

Deno.test("fit() ends within an evaluation at a signal, and has it still to come", async () => {
  for (const at of [0, 4, 8]) {
    const controller = new AbortController();
    let now = 0;
    const { told, ended } = await fitHead({
      hooks: () => ({
        signal: controller.signal,
        onStep: ({ step }) => void (now = step),
        onProgress: () => now === at ? controller.abort() : undefined,
      }),
      task: shortBatches,
    });
    const expected = [0, 4].filter((step) => step < at).map((step) => `evaluation ${step}`);
    assertEquals([told, ended?.step, ended?.aborted], [expected, at, true]);
    assertEquals(ended?.progress.evaluatedStep, [-1, 0, 4][[0, 4, 8].indexOf(at)]);
    const next = await fitHead({ from: at, progress: ended!.progress });
    assertEquals(next.told, [0, 4, 8].filter((s) => s >= at).map((s) => `evaluation ${s}`));
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
    const all = [0, ...evaluations].map((step) => `evaluation ${step}`);
    assertEquals(told, all, JSON.stringify(config));
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
