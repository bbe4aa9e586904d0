/**
 * What is minimised: the task's loss of one or two passes, and the compensation between them.
 *
 * **Source**: "LoRA Meets Dropout under a Unified Framework", Eq. 11 and 12.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { add, scale } from "../../core/ops/elementwise.ts";
import {
  bidirectionalKl,
  crossEntropy,
  klDivergence,
  squaredError,
} from "../../core/ops/losses.ts";
import { sum } from "../../core/ops/reduce.ts";
import type { Key } from "../../core/random.ts";
import { untracked } from "../../core/tape.ts";
import type { Tensor } from "../../core/tensor.ts";
import { type DropoutPlan, layersBefore } from "../dropout/plan.ts";
import type { Batch } from "../layers/batch.ts";
import { SharedPrefix } from "../layers/shared_prefix.ts";
import type { Model, ModelOutput } from "../models/model.ts";

/** How the loss is made. */
export interface ObjectiveOptions {
  /** What is dropped and how it is compensated; absent: one clean pass. */
  readonly plan?: DropoutPlan;
  /** Key of the step's masks. */
  readonly key: Key;
  /** Share of the label that is spread over all classes; default 0. */
  readonly smoothing?: number;
  /** Whether labels are scores, whose loss is the squared error; default false. */
  readonly regression?: boolean;
  /** Whether each layer is computed again in the backward pass, to save memory; default false. */
  readonly gradientCheckpointing?: boolean;
  /** Examples or target tokens of the whole window; losses are sums divided by it. */
  readonly normaliser: number;
}

/** What a step computes beside its update, on the device; the caller's scope owns it. */
export interface StepMetrics {
  /** What is differentiated, one number. */
  readonly loss: Tensor;
  /** Loss of the task alone, one number. */
  readonly task: Tensor;
  /** Compensation before its weight, one number; absent where there is none. */
  readonly compensation: Tensor | undefined;
  /** Squared norm of the gradient before clipping, `[1]`. */
  readonly squaredNorm: Tensor;
}

/**
 * Computes the objective of a batch; call it inside `gradient`.
 *
 * @throws {OptionError} If the batch has no labels, the normaliser is not above 0, or something is
 * dropped and the batch has no counters
 */
export function objective(
  model: Model,
  batch: Batch,
  options: ObjectiveOptions,
): Omit<StepMetrics, "squaredNorm"> {
  const { plan, key, smoothing = 0, regression = false, normaliser, gradientCheckpointing } =
    options;
  const { labels, examples, lengths } = batch;
  if (labels === undefined) throw new OptionError("Cannot train on a batch without labels");
  if (!(normaliser > 0 && normaliser < Infinity)) {
    throw new OptionError(
      `Cannot train as normaliser requires a finite number above 0: found ${shown(normaliser)}`,
    );
  }
  const { kind, weight, branches } = plan?.compensation ?? { kind: "none", weight: 0, branches: 1 };
  const common = plan && kind !== "none" ? layersBefore(plan, model.config.layers) : undefined;
  const sharedPrefix = common === undefined ? undefined : new SharedPrefix(common);
  const run = (pass: 0 | 1): ModelOutput => {
    if (plan === undefined) return model.forward({ batch, gradientCheckpointing });
    if (examples === undefined) {
      throw new OptionError("Cannot drop from a batch without the numbers of its examples");
    }
    const dropout = { plan, key, examples: examples[pass], lengths };
    return model.forward({ batch, dropout, gradientCheckpointing, sharedPrefix });
  };
  const taskLoss = ({ logits }: ModelOutput) => {
    const rows = regression
      ? squaredError(logits, labels)
      : crossEntropy(logits, labels, smoothing);
    return scale(sum(rows), 1 / normaliser);
  };
  // One number has no distribution to compare: regression compares the features of the last layer.
  const compared = ({ logits, representation }: ModelOutput) =>
    regression && representation !== undefined ? representation : logits;
  const combine = (task: Tensor, divergence: Tensor, weight: number) => {
    const compensation = scale(divergence, 1 / normaliser);
    return { loss: add(task, scale(compensation, weight)), task, compensation };
  };
  const first = run(0);
  const task = taskLoss(first);
  if (kind === "none") return { loss: task, task, compensation: undefined };
  if (kind === "js") {
    const clean = untracked(() => model.forward({ batch, sharedPrefix }));
    return combine(task, sum(klDivergence(compared(first), compared(clean))), weight);
  }
  const second = branches === 1 ? untracked(() => run(1)) : run(1);
  const divergence = bidirectionalKl(compared(first), compared(second));
  const both = branches === 1 ? task : scale(add(task, taskLoss(second)), 0.5);
  return combine(both, divergence, weight);
}
