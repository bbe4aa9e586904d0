/**
 * Gradients of a batch whose work may be queued again instead of being computed.
 *
 * @module
 */

import { capturable, Captures, type Results } from "../../core/capture.ts";
import { Tensor } from "../../core/tensor.ts";
import type { Batch } from "../layers/batch.ts";
import { snapshot } from "../layers/snapshot.ts";
import type { EncoderConfig } from "../models/encoder_embeddings.ts";
import type { Model, ModelConfig } from "../models/model.ts";
import type { ObjectiveOptions } from "../objective/objective.ts";
import type { Trainable } from "./trainable.ts";

/** What decides the gradients of a batch. */
export interface BatchGradients {
  /** Computes the loss. */
  readonly model: Model;
  /** Has the parameters and their gradients. */
  readonly trainable: Trainable;
  /** Examples. */
  readonly batch: Batch;
  /** How the loss is made. */
  readonly options: ObjectiveOptions;
}

/** Captures of each set of gradients, by the model that makes them. */
const captures = new WeakMap<Trainable, WeakMap<Model, Captures>>();

/**
 * What `compute` returns, whose gradients it adds, or the same without it: work that an earlier batch of
 * the same shape made is queued again, with the numbers of this one.
 *
 * @param compute Adds the gradients of a batch
 */
export function capturedGradients<R extends Results>(
  { model, trainable, batch, options }: BatchGradients,
  compute: (batch: Batch) => R,
): R {
  const { device } = trainable;
  if (!capturable(device)) return compute(batch);
  // How many targets there are is in the normaliser.
  const { texts, targets: _, ...tensors } = batch;
  // Texts decide where models look for tokens among them, which language models do not.
  const sought = soughtTokens(model);
  const isFound = texts?.some((ids) => sought.some((token) => ids.includes(token!)));
  if (batch.rows === undefined && isFound) return compute(batch);
  const { key, normaliser, ...settings } = options;
  const named = Object.entries(tensors)
    .flatMap(([name, held]) => [held].flat().map((item) => [name, item] as const))
    .filter(([, item]) => item !== undefined);
  const described = named.map(([name, item]) => item instanceof Tensor ? name : [name, item]);
  const byModel = captures.get(trainable) ?? new WeakMap<Model, Captures>();
  captures.set(trainable, byModel);
  const own = byModel.get(model) ?? new Captures();
  byModel.set(model, own);
  const captured = {
    signature: JSON.stringify([trainable.cleared, described, settings]),
    inputs: named.flatMap(([, item]) => item instanceof Tensor ? [item] : []),
    key,
    number: 1 / normaliser,
    unchanged: () => snapshot(model),
  };
  const result = own.run(device, captured, () => compute(tensors));
  trainable.cleared = false;
  return result as R;
}

/** The padding token, and that whose number positions are counted from, which may be another one. */
function soughtTokens({ config }: Model): readonly (number | undefined)[] {
  const { padId, positionOffset }: ModelConfig & Partial<EncoderConfig> = config;
  return [padId, positionOffset && positionOffset - 1];
}
