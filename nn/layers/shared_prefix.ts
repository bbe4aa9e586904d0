/**
 * What several passes over one batch have in common: all before the first layer in which their masks
 * differ.
 *
 * @module
 */

import type { Tensor } from "../../core/tensor.ts";

/** How far a pass has come. */
export interface PrefixStates {
  /** Hidden states before the next layer, and before input dropout, `[batch, tokens, width]`. */
  readonly hidden: Tensor;
  /** What was computed for all layers, such as rotary tables. */
  readonly shared: readonly Tensor[];
}

/**
 * The first layers of passes over one batch, in which nothing is dropped. The first pass runs them, and
 * the others go on from its states: a gradient that records it goes through them once, with the sum of
 * what all passes pass back. The first pass must therefore be one with a gradient, where any has one.
 */
export class SharedPrefix {
  #states: PrefixStates | undefined;

  /** Shares the embeddings and so many layers. */
  constructor(readonly layers: number) {}

  /** The states after these layers, which the first pass computes; its scope owns them. */
  once(compute: () => PrefixStates): PrefixStates {
    return this.#states ??= compute();
  }
}
