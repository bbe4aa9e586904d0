/**
 * One run of a model over a batch: all that a layer may read beside its input. Dropout is on exactly
 * when the context carries it; there is no training flag.
 *
 * @module
 */

import type { Tensor } from "../../core/tensor.ts";
import type { DropoutContext } from "../dropout/site.ts";
import type { Batch } from "./batch.ts";
import type { PastKeyValues } from "./past_key_values.ts";
import type { SharedPrefix } from "./shared_prefix.ts";

/** All that a layer may read beside its input. */
export interface ForwardContext {
  /** Token sequences, and which of them may see which. */
  readonly batch: Batch;
  /** What is dropped; absent at inference. */
  readonly dropout?: DropoutContext;
  /** Keys and values of earlier tokens, which those of this pass join. */
  readonly cache?: PastKeyValues;
  /**
   * Added to each layer's attention scores, `[batch, keyHeads, group, queries, keys]`: the gradient
   * of a zero probe is that of the scores.
   */
  readonly probes?: readonly Tensor[];
  /**
   * First token of HiddenCut's span by layer, `[batch]` each, where attention chooses it: attention
   * writes it, and the feed-forward module of the same layer reads it.
   */
  readonly spanStarts?: Tensor[];
  /**
   * Told each layer's attention scores, of the probes' shape, and their factor; those that are to
   * outlive the layer must be adopted by a scope.
   */
  readonly onScores?: (scores: Tensor, scale: number) => void;
  /** Collects hidden states, `[batch, tokens, width]`: the embedding output, then each layer's. */
  readonly trace?: Tensor[];
  /**
   * Whether a gradient keeps the input of each layer but the last alone, and computes the layer again in
   * the backward pass; `onScores` is told its scores again. Ignored beside a cache.
   */
  readonly gradientCheckpointing?: boolean | undefined;
  /**
   * Most attention weights of a layer that a gradient keeps; default 2²². Where there are more, they are
   * computed again in the backward pass, one layer's at a time.
   */
  readonly mostWeights?: number | undefined;
  /**
   * First layers that passes over this batch have in common. Of these `trace`, `probes` and `onScores`
   * belong to the first pass, which runs them.
   */
  readonly sharedPrefix?: SharedPrefix | undefined;
}
