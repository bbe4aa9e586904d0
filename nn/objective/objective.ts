/**
 * What is minimised: the task's loss of one or two passes, and the compensation between them.
 *
 * **Source**: "LoRA Meets Dropout under a Unified Framework", Eq. 11 and 12.
 *
 * @module
 */

import { add, scale } from "../../core/ops/elementwise.ts";
import { sum } from "../../core/ops/rowwise.ts";
import type { Key } from "../../core/random.ts";
import { untracked } from "../../core/tape.ts";
import type { Tensor } from "../../core/tensor.ts";
import { LanguageModel } from "../models/decoder.ts";
import type { DropoutPlan } from "../dropout/plan.ts";
import {
  bidirectionalKl,
  crossEntropy,
  klDivergence,
  squaredError,
} from "../../core/ops/losses.ts";
import type { Classifier } from "../models/load.ts";
import type { ForwardContext, Inputs } from "../layers/forward_context.ts";

/** A batch with its answers. */
export interface Batch {
  /** The sequences. */
  readonly inputs: Inputs;
  /** Classes or next tokens (u32), or scores (float), one an example or target token. */
  readonly labels: Tensor;
  /** Language models: flat indices of the tokens whose successor is predicted. */
  readonly rows?: Tensor;
  /** Counters of the examples for the first and the second pass (see `DropoutContext.examples`). */
  readonly examples: readonly [Tensor, Tensor];
}

/** How the loss is made. */
export interface ObjectiveOptions {
  /** What is dropped and how it is compensated; absent: one clean pass. */
  readonly plan?: DropoutPlan;
  /** Key of the step's masks. */
  readonly key: Key;
  /** Label smoothing. */
  readonly smoothing?: number;
  /** Whether labels are scores. */
  readonly regression?: boolean;
  /** Examples or target tokens of the whole window; losses are sums divided by it. */
  readonly normaliser: number;
}

/** Parts of the loss, one number each. */
export interface Objective {
  /** What is differentiated. */
  readonly loss: Tensor;
  /** Loss of the task alone. */
  readonly task: Tensor;
  /** Compensation before its weight. */
  readonly compensation: Tensor | undefined;
}

/** Computes the objective of a batch; call it inside `gradient`. */
export function objective(
  model: Classifier | LanguageModel,
  batch: Batch,
  { plan, key, smoothing = 0, regression = false, normaliser }: ObjectiveOptions,
): Objective {
  const { inputs, examples, labels } = batch;
  const run = (pass: 0 | 1): Prediction => {
    if (plan === undefined) return predict(model, { inputs }, batch, regression);
    const dropout = { plan, key, examples: examples[pass], lengths: inputs.lengths };
    return predict(model, { inputs, dropout }, batch, regression);
  };
  const taskLoss = ({ logits }: Prediction) => {
    const rows = regression
      ? squaredError(logits, labels)
      : crossEntropy(logits, labels, smoothing);
    return scale(sum(rows), 1 / normaliser);
  };
  const first = run(0);
  const task = taskLoss(first);
  const { kind, weight, branches } = plan?.compensation ?? { kind: "none", weight: 0, branches: 1 };
  if (kind === "none") return { loss: task, task, compensation: undefined };
  if (kind === "js") {
    const clean = untracked(() => predict(model, { inputs }, batch, regression));
    const divergence = sum(klDivergence(first.compared, clean.compared));
    return combine(task, scale(divergence, 1 / normaliser), weight);
  }
  const second = branches === 1 ? untracked(() => run(1)) : run(1);
  const divergence = scale(bidirectionalKl(first.compared, second.compared), 1 / normaliser);
  const both = branches === 1 ? task : scale(add(task, taskLoss(second)), 0.5);
  return combine(both, divergence, weight);
}

function combine(task: Tensor, compensation: Tensor, weight: number): Objective {
  return { loss: add(task, scale(compensation, weight)), task, compensation };
}

/** What a pass predicts, and the logits whose distributions are compared. */
export interface Prediction {
  /** `[rows, classes]`. */
  readonly logits: Tensor;
  /** Regression compares the features of the last layer, all else the logits. */
  readonly compared: Tensor;
}

/** Runs the model over a labelled batch. */
export function predict(
  model: Classifier | LanguageModel,
  context: ForwardContext,
  { rows }: Pick<Batch, "rows">,
  regression = false,
): Prediction {
  if (model instanceof LanguageModel) {
    const logits = model.logits(context, rows!);
    return { logits, compared: logits };
  }
  const { logits, representation } = model.classify(context);
  return { logits, compared: regression ? representation : logits };
}
