/**
 * What is minimised: the task's loss of one or two passes, and the compensation between them.
 *
 * **Source**: "LoRA Meets Dropout under a Unified Framework", Eq. 11 and 12.
 *
 * @module
 */

import { checkpoint } from "../../core/checkpoint.ts";
import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { add, scale } from "../../core/ops/elementwise.ts";
import {
  bidirectionalKl,
  checkLabels,
  comparedCrossEntropy,
  crossEntropy,
  klDivergence,
  squaredError,
} from "../../core/ops/losses.ts";
import { sum } from "../../core/ops/reduce.ts";
import { split } from "../../core/ops/slice.ts";
import { reshape } from "../../core/ops/view.ts";
import type { Key } from "../../core/random.ts";
import { untracked } from "../../core/tape.ts";
import type { Tensor } from "../../core/tensor.ts";
import { dropoutOf } from "../dropout/batch_dropout.ts";
import { type DropoutPlan, layersBefore } from "../dropout/plan.ts";
import type { Batch } from "../layers/batch.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { SharedPrefix } from "../layers/shared_prefix.ts";
import type { Model, ModelOutput } from "../models/model.ts";
import { ofChunk, type TargetChunks, targetChunks } from "./target_chunks.ts";

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
  /** Examples or target tokens of the whole window that count; losses are sums divided by it. */
  readonly normaliser: number;
  /**
   * Most logits of a language model's pass that are held at once; default 2²⁶. Where there are more,
   * the output layer runs on some target tokens after the other, and again in the backward pass.
   */
  readonly mostLogits?: number;
  /** Most attention weights of a layer that are kept, as in `ForwardContext`; default 2²². */
  readonly mostWeights?: number;
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

/** What a batch adds to the metrics of a step. */
type Terms = Omit<StepMetrics, "squaredNorm">;

/** A run of the model over the batch. */
interface Pass {
  readonly context: ForwardContext;
  /** Whether a gradient flows through it. */
  readonly tracked: boolean;
}

/**
 * Computes the objective of a batch; call it inside `gradient`.
 *
 * @throws {OptionError} If the batch has no labels, the normaliser or the most logits are not above 0,
 * or something is dropped and the batch has no counters
 */
export function objective(
  model: Model,
  batch: Batch,
  options: ObjectiveOptions,
): Omit<StepMetrics, "squaredNorm"> {
  const { normaliser, mostLogits } = options;
  const { labels } = batch;
  if (labels === undefined) throw new OptionError("Cannot train on a batch without labels");
  if (!(normaliser > 0 && normaliser < Infinity)) {
    throw new OptionError(
      `Cannot train as normaliser requires a finite number above 0: found ${shown(normaliser)}`,
    );
  }
  const passes = passesOf(model, batch, options);
  const chunks = targetChunks(model, passes[0]!.context, mostLogits);
  if (chunks !== undefined) return inChunks(chunks, passes, labels, options);
  const outputs = passes.map((pass) => during(pass, () => model.forward(pass.context)));
  return termsOf(outputs, labels, options);
}

const noCompensation = { kind: "none", weight: 0, branches: 1 } as const;

/** The first pass, and the one that compensation compares it with. */
function passesOf(
  model: Model,
  batch: Batch,
  { plan, key, gradientCheckpointing, mostWeights }: ObjectiveOptions,
): Pass[] {
  const { kind, branches } = plan?.compensation ?? noCompensation;
  const common = plan && kind !== "none" ? layersBefore(plan, model.config.layers) : undefined;
  const sharedPrefix = common === undefined ? undefined : new SharedPrefix(common);
  const clean = { batch, gradientCheckpointing, mostWeights, sharedPrefix };
  const contextOf = (pass: 0 | 1): ForwardContext => {
    if (plan === undefined) return clean;
    return { ...clean, dropout: dropoutOf(batch, { plan, key }, pass) };
  };
  const first = { context: contextOf(0), tracked: true };
  if (kind === "none") return [first];
  if (kind === "js") return [first, { context: clean, tracked: false }];
  return [first, { context: contextOf(1), tracked: branches === 2 }];
}

function during<T>({ tracked }: Pass, run: () => T): T {
  return tracked ? run() : untracked(run);
}

/** What passes are compared by. */
type Compared = Omit<ModelOutput, "hidden">;

/** Losses of what the passes gave, over its rows. */
function termsOf(
  [first, second]: readonly Compared[],
  labels: Tensor,
  { plan, smoothing = 0, regression = false, normaliser }: ObjectiveOptions,
): Terms {
  const mean = (rows: Tensor) => scale(sum(rows), 1 / normaliser);
  const taskLoss = ({ logits }: Compared) =>
    mean(regression ? squaredError(logits, labels) : crossEntropy(logits, labels, smoothing));
  const { kind, weight, branches } = plan?.compensation ?? noCompensation;
  if (second === undefined) {
    const task = taskLoss(first!);
    return { loss: task, task, compensation: undefined };
  }
  const both = kind === "kl";
  const [losses, divergences] = regression
    ? comparedErrors(first!, second, labels, both)
    : comparedCrossEntropy(first!.logits, second.logits, labels, { smoothing, both });
  const [own, compensation] = [mean(losses), mean(divergences)];
  const task = both && branches === 2 ? scale(add(own, taskLoss(second)), 0.5) : own;
  return { loss: add(task, scale(compensation, weight)), task, compensation };
}

/**
 * Squared errors, and divergences of representations: one number has no distribution to compare, so
 * that regression compares the features of the last layer.
 */
function comparedErrors(first: Compared, second: Compared, labels: Tensor, both: boolean) {
  const [a, b] = [first, second].map(({ logits, representation = logits }) => representation);
  const divergences = (both ? bidirectionalKl : klDivergence)(a!, b!);
  return [squaredError(first.logits, labels), divergences] as const;
}

/** The same over some target rows after the other, whose logits are computed again for the gradient. */
function inChunks(
  { head, sizes }: TargetChunks,
  passes: readonly Pass[],
  labels: Tensor,
  options: ObjectiveOptions,
): Terms {
  checkLabels(labels, head.config.vocabularySize);
  const states = passes.map((pass) => during(pass, () => head.targetStates(pass.context)));
  const tokens = passes.map(({ context }) => context.dropout?.rowTokens);
  const parts = [
    ...[reshape(labels, [-1]), ...states].map((rows) => split(rows, 0, sizes)),
    ...tokens.flatMap((words) => words ? [split(words, 1, sizes)] : []),
  ];
  const chunkOf = (...[labels, ...given]: readonly Tensor[]): readonly Tensor[] => {
    const words = given.slice(passes.length);
    const outputs = passes.map((pass, p) => {
      const context = ofChunk(pass.context, tokens[p] && words.shift());
      return during(pass, () => ({ logits: head.outputLayer(given[p]!, context) }));
    });
    const { loss, task, compensation } = termsOf(outputs, labels!, options);
    return compensation === undefined ? [task] : [task, loss, compensation];
  };
  const terms = sizes.map((_, i) => checkpoint(parts.map((part) => part[i]!), chunkOf));
  const [task, loss = task, compensation] = terms.reduce((total, chunk) =>
    total.map((term, t) => add(term, chunk[t]!))
  );
  return { loss: loss!, task: task!, compensation };
}
