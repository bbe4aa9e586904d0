/**
 * Tokens whose work is queued again instead of being computed: shapes come again as the cache and the
 * batch have sizes of whole groups.
 *
 * @module
 */

import { capturable, Captures } from "../../core/capture.ts";
import type { Device } from "../../core/device.ts";
import type { Key } from "../../core/random.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Batch } from "../layers/batch.ts";
import type { PastKeyValues } from "../layers/past_key_values.ts";
import { snapshot } from "../layers/snapshot.ts";
import type { Model } from "../models/model.ts";
import { PaddedKeyValues } from "./padded_cache.ts";
import type { Padding } from "./padding.ts";

/** Few shapes, and little work whose results nobody sees. */
const padding: Padding = { slots: 64, sequences: 8 };

/** Nothing is drawn by it. */
const noKey: Key = [0x6e6f206b, 0x65792121];

/** How tokens are captured. */
export interface TokenCapture {
  /** How sizes are rounded. */
  readonly padding: Padding;
  /** Makes an empty cache; the capacity is rounded. */
  readonly makeCache: (device: Device, sequences: number, capacity: number) => PastKeyValues;
  /**
   * What `compute` returns for a token of each row, or the same without it.
   *
   * @param compute Runs the model, which extends the cache
   */
  readonly logits: (
    model: Model,
    batch: Batch,
    cache: PastKeyValues,
    compute: () => Tensor,
  ) => Tensor;
}

/** How tokens are captured on a device; nothing where they are not. */
export function capturedTokens(device: Device): TokenCapture | undefined {
  return capturable(device) ? capture : undefined;
}

const captures = new WeakMap<Model, Captures>();

const capture: TokenCapture = {
  padding,
  makeCache: (...sizes) => new PaddedKeyValues(...sizes, padding.slots),
  logits: (model, batch, cache, compute) => {
    if (!(cache instanceof PaddedKeyValues) || !cache.isFilled) return compute();
    const { slots: before } = cache;
    const branches = batch.size / cache.sequences;
    const { ids, positions, mask, last, windowMasks = new Map<number, Tensor>() } = batch;
    const read = [ids, positions, mask!, last, ...windowMasks.values()];
    const own = captures.get(model) ?? new Captures();
    captures.set(model, own);
    // What looks at the cache's memory ends here: it may be moved in the same step.
    const logits = cache.device.within("token", () => {
      const captured = {
        signature: "token",
        inputs: [...read, ...cache.memory],
        moving: cache.next(branches),
        key: noKey,
        unchanged: () => snapshot(model),
      };
      return own.run(cache.device, captured, () => ({ logits: compute() })).logits!;
    });
    if (cache.slots === before) cache.advance(branches);
    return logits;
  },
};
