import { assertEquals } from "@std/assert";
import type { TrainState } from "../../nn/optim/train_step.ts";
import { resolveConfig } from "../../train/config/config.ts";
import { Evaluation } from "../../train/evaluation.ts";
import { noProgress } from "../../train/run/fit_progress.ts";
import type { Task } from "../../train/tasks/task.ts";

Deno.test("a run that goes on by another metric has no best evaluation yet", async () => {
  const flat = { read: () => Promise.resolve(new Float32Array(1)) };
  const state = { optimiser: { steps: 8, trainable: { flat } } } as unknown as TrainState;
  const evaluate = () => Promise.resolve({ accuracy: 0.5, f1: 1 });
  const task = { primary: "accuracy", evaluate } as unknown as Task;
  const config = resolveConfig({ task: "rte", data: "d", model: "m", bestMetric: "f1" });
  for (const [metric, best, since] of [["f1", 9, 2], ["accuracy", 1, 0]] as const) {
    const before = { metric, value: 9, step: 4, epoch: 1, metrics: { [metric]: 9 } };
    const progress = { ...noProgress, best: before, evaluationsSinceBest: 1, evaluatedStep: 4 };
    const evaluation = new Evaluation(state, task, config, {}, progress);
    await evaluation.run({ step: 8, epoch: 2 }, false);
    const { best: found, evaluationsSinceBest } = evaluation.progress;
    assertEquals([found?.metric, found?.value, evaluationsSinceBest], ["f1", best, since]);
  }
});
