/**
 * What is measured: a model and one labelled batch. Nothing here reads a file, so that pages can
 * measure too.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { OptionError } from "../../core/errors.ts";
import { foldKey, seedKey, threefry } from "../../core/random.ts";
import { type Batch, countTargets, type EncodedExample, toBatch } from "../../nn/layers/batch.ts";
import type { Model, ModelConfig } from "../../nn/models/model.ts";
import { planEpoch } from "../data/batches.ts";

/** A model on the device, and the examples that it is measured on. */
export interface Subject {
  /** The model with its base weights, before training. */
  readonly model: Model;
  /** Sizes and kind of the model. */
  readonly config: ModelConfig;
  /** Training examples, drawn by the seed. */
  readonly examples: readonly EncodedExample[];
  /** Token that fills up shorter sequences. */
  readonly padId: number;
  /** Number of losses that these examples sum: their own, or their target tokens. */
  readonly normaliser: number;
  /** Whether labels are scores. */
  readonly regression: boolean;
  /** Model and data as the chart's title says them. */
  readonly name: string;
}

/**
 * Training examples by the seed, as the first batch of an epoch would hold them.
 *
 * @throws {OptionError} If there are fewer than the batch asks for
 */
export function drawExamples(
  examples: readonly EncodedExample[],
  { batch, seed }: { readonly batch: number; readonly seed: number },
): Pick<Subject, "examples" | "normaliser"> {
  if (batch > examples.length) {
    throw new OptionError(
      `Cannot use --batch ${batch} as there are ${examples.length} training examples`,
    );
  }
  const key = foldKey(seedKey(seed), "order");
  let drawn = 0;
  const random = () => threefry(key, 0, drawn++)[0] / 2 ** 32;
  const lengths = examples.map(({ ids }) => ids.length);
  const [members = []] = planEpoch({ lengths, batch, bucket: false, shuffle: true, random });
  const chosen = members.map((i) => examples[i]!);
  return { examples: chosen, normaliser: countTargets(chosen) };
}

/**
 * A batch that holds the examples once for each of `count` masks, from mask `first` on. Masks follow
 * the numbers of examples, of which no two masks share one: what a mask drops depends on nothing else.
 *
 * **Shapes**: rows are mask by mask, example by example
 */
export function masksBatch(device: Device, subject: Subject, first: number, count: number): Batch {
  const { examples, padId, regression } = subject;
  const repeated = Array.from({ length: count }, () => examples).flat();
  const numbers = repeated.map((_, i) => first * examples.length + i);
  return toBatch(device, repeated, { numbers, padId, regression });
}
