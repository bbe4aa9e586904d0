/**
 * Monte-Carlo evaluation: passes that drop as training does, each under masks of its own. Masks are
 * functions of seed, pass and example, and so independent of batches and of the order of examples.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { isWord } from "../../core/numbers.ts";
import { foldKey, type Key } from "../../core/random.ts";
import { dropoutOf } from "../../nn/dropout/batch_dropout.ts";
import { dropoutPlan } from "../../nn/dropout/methods.ts";
import { activeAnywhere, type DropoutPlan } from "../../nn/dropout/plan.ts";
import { type Batch, type EncodedExample, toBatch } from "../../nn/layers/batch.ts";
import type { ForwardContext } from "../../nn/layers/forward_context.ts";
import type { ModelConfig } from "../../nn/models/model.ts";
import { runKeys, type TrainConfig } from "../config/config.ts";
import type { Group } from "../distributed/group.ts";

/** What is dropped in an evaluation, and how often it is drawn. */
export interface Sampling {
  /** Where, and in which structure; its compensation has no part in it. */
  readonly plan: DropoutPlan;
  /** Root of the masks, from which the key of each pass is folded. */
  readonly key: Key;
  /** Passes over each example, at least 1. */
  readonly samples: number;
}

/** How the examples of an evaluation are read. */
export interface Reading {
  /** Token that fills sequences up. */
  readonly padId: number;
  /** Examples in a batch; changes speed and memory alone. */
  readonly batch: number;
  /** Number of each example, which its masks follow; default its place. */
  readonly numbers?: readonly number[] | undefined;
  /** What is dropped; absent: nothing, in one pass. */
  readonly sampling?: Sampling | undefined;
  /** Called after each batch with the number of examples read so far. */
  readonly onRead?: ((done: number) => void) | undefined;
  /** The processes that share the batches; default this one alone. */
  readonly group?: Group | undefined;
}

/**
 * The sampling of a run: its own plan, under its own seed; none where no samples are asked for.
 *
 * @param model Its layers, and whether it is a decoder, of which plans mean other layers
 * @throws {OptionError} If the run drops nothing
 */
export function samplingOf(
  config: TrainConfig,
  { causal, layers }: Pick<ModelConfig, "causal" | "layers">,
  samples: number | undefined,
): Sampling | undefined {
  if (samples === undefined) return undefined;
  const { method } = config;
  // Noise of NEFTune is of training alone.
  const { neftuneAlpha: _, ...plan } = dropoutPlan(method, causal, config);
  if (plan.sites.some((site) => activeAnywhere(site, layers))) {
    return { plan, key: runKeys(config).masks, samples };
  }
  throw new OptionError(
    `Cannot use --samples ${samples} as a run that drops something is required: found one with ` +
      `method ${method}, whose passes are all the same`,
  );
}

/**
 * Some examples of an evaluation as a batch; with the numbers that their masks follow where something
 * is dropped.
 *
 * @param texts The examples themselves
 * @param members Their places among all examples
 */
export function readBatch(
  device: Device,
  texts: readonly EncodedExample[],
  members: readonly number[],
  { padId, numbers, sampling }: Reading,
): Batch {
  return toBatch(device, texts, {
    padId,
    ...(sampling && { numbers: members.map((i) => numbers?.[i] ?? i) }),
  });
}

/**
 * What a model is run with for a batch: once without dropout, or once for each sample.
 *
 * @throws {OptionError} If the number of samples is none, or the batch has no counters
 */
export function passesOf(batch: Batch, sampling: Sampling | undefined): readonly ForwardContext[] {
  if (sampling === undefined) return [{ batch }];
  const { plan, key, samples } = sampling;
  if (!isWord(samples) || samples < 1) {
    throw new OptionError(
      `Cannot evaluate samples as an integer from 1 is required: found ${shown(samples)}`,
    );
  }
  const root = foldKey(key, "samples");
  return Array.from({ length: samples }, (_, k) => {
    return { batch, dropout: dropoutOf(batch, { plan, key: foldKey(root, k) }) };
  });
}
