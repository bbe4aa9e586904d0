/**
 * One optimiser step as a function of state, window and key: nothing else decides what it computes.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { add } from "../../core/ops/elementwise.ts";
import { foldKey, type Key } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import { checkPlan } from "../dropout/check_site.ts";
import type { DropoutPlan } from "../dropout/plan.ts";
import type { Batch } from "../layers/batch.ts";
import type { Model } from "../models/model.ts";
import { objective, type StepMetrics } from "../objective/objective.ts";
import type { capturedGradients } from "./captured_gradients.ts";
import type { Optimiser } from "./optimiser.ts";

/** Steps of which the work may be queued again, once that was loaded: pages do without. */
let captured: typeof capturedGradients | undefined;

/** Lets backends that capture work queue that of steps again. */
export function captureSteps(by: typeof capturedGradients): void {
  captured = by;
}

/** What a step changes: the numbers of a model and of its optimiser. */
export interface TrainState {
  /** Model that the loss is computed by. */
  readonly model: Model;
  /** The rule by which its trainable parameters change. */
  readonly optimiser: Optimiser;
}

/** How a step is made. */
export interface StepOptions {
  /** What is dropped; absent: nothing. */
  readonly plan?: DropoutPlan;
  /** Share of the label that is spread over all classes; default 0. */
  readonly smoothing?: number;
  /** Whether labels are scores, whose loss is the squared error; default false. */
  readonly regression?: boolean;
  /** Whether each layer is computed again in the backward pass, to save memory; default false. */
  readonly gradientCheckpointing?: boolean;
  /** Most logits of a language model that are held at once, as in `objective`; default 2²⁶. */
  readonly mostLogits?: number;
  /** Most attention weights of a layer that are kept, as in `objective`; default 2²². */
  readonly mostWeights?: number;
  /** Labels that losses are means over, where others add gradients too; default the window's own. */
  readonly targets?: number;
  /** Factor of the optimiser's direction. */
  readonly lr: number;
}

/**
 * Accumulates the gradients of a window of batches and updates the parameters once. Losses are means
 * over all labels of the window, and over the plan's draws of the masks.
 *
 * On a GPU, work of a batch whose shapes were met before may be queued again without the model being
 * run. Modules of one's own must therefore decide by their fields alone, which are seen to change; what a
 * closure or a private field decides is not.
 *
 * @throws {OptionError} If the window has no batch, or the plan is none
 */
export function trainStep(
  state: TrainState,
  window: readonly Batch[],
  key: Key,
  options: StepOptions,
): StepMetrics {
  const { optimiser } = state;
  const { trainable } = optimiser;
  trainable.clear();
  const terms = addGradients(state, window, key, options);
  const squaredNorm = trainable.squaredNorm();
  optimiser.step(squaredNorm, options.lr);
  return { ...terms, squaredNorm };
}

/**
 * Adds the gradients of a window of batches to those that are there, without an update. Losses are
 * shares of the mean over `targets`.
 *
 * @throws {OptionError} If the window has no batch, or the plan is none
 */
export function addGradients(
  { model, optimiser }: TrainState,
  window: readonly Batch[],
  key: Key,
  { lr: _, targets, ...options }: StepOptions,
): Omit<StepMetrics, "squaredNorm"> {
  const { trainable } = optimiser;
  const { device } = trainable;
  if (!(window.length > 0)) {
    throw new OptionError(
      `Cannot train as window requires a list of at least 1 batch: found ${shown(window)}`,
    );
  }
  if (options.plan !== undefined) checkPlan(options.plan);
  const { instances = 1 } = options.plan ?? {};
  const labels = window.reduce(
    (count, { labels, targets }) => count + (targets ?? sizeOf(labels?.shape ?? [0])),
    0,
  );
  const normaliser = (targets ?? labels) * instances;
  // The first draw of the masks has the step's own key, the others have keys folded from it.
  const draws = Array.from({ length: instances }, (_, i) => i === 0 ? key : foldKey(key, i));
  const parts = window.flatMap((batch) => draws.map((drawn) => ({ batch, drawn })));
  let total: Omit<StepMetrics, "squaredNorm"> | undefined;
  for (const { batch, drawn } of parts) {
    total = device.inside("batch", (scope) => {
      const given = { ...options, normaliser, key: drawn };
      const compute = (batch: Batch) =>
        trainable.differentiate(() => objective(model, batch, given));
      const result = captured?.({ model, trainable, batch, options: given }, compute) ??
        compute(batch);
      const { loss, task, compensation } = result;
      const sums = total === undefined ? result : {
        loss: add(total.loss, loss),
        task: add(total.task, task),
        compensation: compensation && add(total.compensation!, compensation),
      };
      for (const t of Object.values(sums)) if (t !== undefined) scope.keep(t);
      return sums;
    });
  }
  return total!;
}
