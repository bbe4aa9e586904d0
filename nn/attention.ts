/**
 * Grouped-query attention between projected queries, keys and values.
 *
 * @module
 */

import { add } from "../core/ops/elementwise.ts";
import { matmul } from "../core/ops/matmul.ts";
import { concatenate } from "../core/ops/slice.ts";
import { permute, reshape, transpose } from "../core/ops/view.ts";
import type { Tensor } from "../core/tensor.ts";
import { attentionWeights } from "./attention_weights.ts";
import { type Pass, siteAt } from "./pass.ts";

/** Sizes of an attention layer, and where it stands. */
export interface AttentionSettings {
  /** Query heads. */
  readonly heads: number;
  /** Key and value heads; queries share them in groups. */
  readonly keyValueHeads: number;
  /** Width of a head. */
  readonly size: number;
  /** Whether keys after the query are invisible. */
  readonly causal: boolean;
  /** Factor of the scores; default 1/√size. */
  readonly scale?: number;
  /** Longest sequence of the model. */
  readonly maximum: number;
  /** Number of the layer, from 0. */
  readonly layer: number;
  /** Layers of the model. */
  readonly layers: number;
}

/** `[batch, tokens, heads · size] -> [batch, heads, tokens, size]`, without a copy. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, tokens, width] = x.shape as [number, number, number];
  return permute(reshape(x, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
}

/**
 * Attends and joins the heads.
 *
 * **Shapes**: query `[batch, heads, tokens, size]`, key and value `[batch, keyValueHeads, tokens,
 * size]` -> `[batch, tokens, heads · size]`. With a cache, keys and values of earlier tokens come
 * in front.
 */
export function attend(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  settings: AttentionSettings,
  pass: Pass,
): Tensor {
  const { heads, keyValueHeads, size, causal, maximum, layer, layers } = settings;
  if (pass.cache !== undefined) {
    const before = pass.cache.layers[layer];
    if (before !== undefined) {
      key = concatenate([before.key, key], 2);
      value = concatenate([before.value, value], 2);
    }
    pass.cache.layers[layer] = { key, value };
  }
  const [batch, , queries] = query.shape as [number, number, number];
  const keys = key.shape[2]!;
  const group = heads / keyValueHeads;
  const q = reshape(query, [batch, keyValueHeads, group, queries, size]);
  const k = reshape(key, [batch, keyValueHeads, 1, keys, size]);
  const v = reshape(value, [batch, keyValueHeads, 1, keys, size]);
  const path = `layer.${layer}`;
  const scores = matmul(q, transpose(k));
  const probe = pass.probes?.[layer];
  const weights = attentionWeights(probe === undefined ? scores : add(scores, probe), {
    scale: settings.scale ?? 1 / Math.sqrt(size),
    causal,
    mask: pass.inputs.mask,
    logits: siteAt(pass, "logits", path, layer, layers),
    weights: siteAt(pass, "weights", path, layer, layers),
    maximum,
  });
  const joined = reshape(matmul(weights, v), [batch, heads, queries, size]);
  return reshape(permute(joined, [0, 2, 1, 3]), [batch, queries, heads * size]);
}
