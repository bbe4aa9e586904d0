/**
 * One run of a model over a batch: the inputs on the device, and what is dropped. Dropout is on
 * exactly when the context carries it; there is no training flag.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { foldKey, type Key } from "../../core/random.ts";
import type { Device } from "../../core/device.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import type { PastKeyValues } from "./past_key_values.ts";
import { activeIn, type DropoutPlan, type Position, type Site } from "../dropout/plan.ts";

/** Token sequences, padded on the right, on the host. */
export interface Sequences {
  /** `[batch, width]`, row-major. */
  readonly ids: Uint32Array;
  /** Segment of each token, same layout; zeros where absent. */
  readonly typeIds?: Uint32Array;
  /** Real tokens of each sequence. */
  readonly lengths: readonly number[];
  /** Tokens of the longest sequence. */
  readonly width: number;
}

/** A batch on the device. */
export interface Inputs {
  /** `[batch, width]`. */
  readonly ids: Tensor;
  /** `[batch, width]`. */
  readonly typeIds: Tensor;
  /** Position from 0, `[batch, width]`. */
  readonly positions: Tensor;
  /**
   * 1 for each visible key, `[batch, keys]`; absent where all are. Beside a cache that holds earlier
   * tokens `[sequences, rows of each, slots]`.
   */
  readonly mask: Tensor | undefined;
  /** Number of real tokens, `[batch]`. */
  readonly lengths: Tensor;
  /** Flat index of each sequence's last real token, `[batch]`. */
  readonly last: Tensor;
  /** Sequences. */
  readonly batch: number;
  /** Tokens of each, with padding. */
  readonly width: number;
}

/** What decides every mask of a pass. */
export interface DropoutContext {
  /** Where and how. */
  readonly plan: DropoutPlan;
  /** Key of the step. */
  readonly key: Key;
  /** Number of each example in the global batch, times 2, plus the pass: `[batch]`. */
  readonly examples: Tensor;
  /** Number of real tokens, `[batch]`. */
  readonly lengths: Tensor;
}

/** All that a layer may read beside its input. */
export interface ForwardContext {
  /** The batch. */
  readonly inputs: Inputs;
  /** What is dropped; absent at inference. */
  readonly dropout?: DropoutContext;
  /** Keys and values of earlier tokens, which those of this pass join. */
  readonly cache?: PastKeyValues;
  /**
   * Added to each layer's attention scores, `[batch, keyHeads, group, queries, keys]`: the gradient
   * of a zero probe is that of the scores.
   */
  readonly probes?: readonly Tensor[];
  /** Collects hidden states: the embedding output, then each layer's. */
  readonly trace?: Tensor[];
}

/** A site that is active here, with the key of its masks. */
export interface ActiveSite {
  /** What to drop. */
  readonly site: Site;
  /** Key of this place in this step. */
  readonly key: Key;
  /** Where examples and lengths are. */
  readonly dropout: DropoutContext;
}

/** The active site at a position, if any. `path` names the place; `layer` counts from 0. */
export function siteAt(
  context: ForwardContext,
  position: Position,
  path: string,
  layer: number | undefined,
  layers: number,
): ActiveSite | undefined {
  const { dropout } = context;
  const site = dropout?.plan.sites.find((s) =>
    s.position === position && activeIn(s, layer, layers)
  );
  if (dropout === undefined || site === undefined) return undefined;
  return { site, key: foldKey(dropout.key, `${path}/${position}`), dropout: dropout };
}

/**
 * Puts sequences on the device.
 *
 * @throws {OptionError} If a sequence is empty or longer than the width
 */
export function toInputs(device: Device, { ids, typeIds, lengths, width }: Sequences): Inputs {
  const batch = lengths.length;
  const positions = new Uint32Array(batch * width);
  const mask = new Uint32Array(batch * width);
  lengths.forEach((length, b) => {
    if (!(length >= 1 && length <= width)) {
      throw new OptionError(
        `Cannot use sequence ${b} as 1 to ${width} tokens are required: ${length}`,
      );
    }
    for (let i = 0; i < width; i++) {
      positions[b * width + i] = i;
      mask[b * width + i] = i < length ? 1 : 0;
    }
  });
  const words = (data: ArrayLike<number>, shape: number[]) => tensor(device, data, shape, "u32");
  return {
    ids: words(ids, [batch, width]),
    typeIds: words(typeIds ?? new Uint32Array(batch * width), [batch, width]),
    positions: words(positions, [batch, width]),
    mask: lengths.every((length) => length === width) ? undefined : words(mask, [batch, width]),
    lengths: words(lengths, [batch]),
    last: words(lengths.map((length, b) => b * width + length - 1), [batch]),
    batch,
    width,
  };
}
