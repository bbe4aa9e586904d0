/**
 * The gradient of a loss with respect to every attention logit, by probes, and which logits a mask
 * dropped.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { gradient } from "../../core/gradient.ts";
import { scale } from "../../core/ops/elementwise.ts";
import { crossEntropy, squaredError } from "../../core/ops/losses.ts";
import { sum } from "../../core/ops/reduce.ts";
import type { Key } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import { tensor } from "../../core/tensor.ts";
import type { DropoutPlan } from "../../nn/dropout/plan.ts";
import { type DropoutContext, layerPlace, siteAt } from "../../nn/dropout/site.ts";
import { attentionWeights } from "../../nn/layers/attention_weights.ts";
import type { ForwardContext } from "../../nn/layers/forward_context.ts";
import type { Subject } from "./subject.ts";

/** One mask's gradient, or that without a mask. */
export interface Probed {
  /** By layer, `[batch, keyHeads, group, queries, keys]` row by row. */
  readonly layers: readonly Float32Array[];
}

/** Differentiates the loss of one pass by the attention scores of each layer. */
export async function probe(
  device: Device,
  { model, config, batch, normaliser, regression }: Subject,
  plan?: DropoutPlan,
  key: Key = [0, 0],
): Promise<Probed> {
  using _scope = device.scope("probe");
  const shape = scoresShape({ config, batch });
  const empty = new Float32Array(sizeOf(shape));
  const probes = Array.from({ length: config.layers }, () => tensor(device, empty, shape));
  const { examples, labels, lengths } = batch;
  const { gradients } = gradient(() => {
    const dropout = plan && { plan, key, examples: examples![0], lengths };
    const context: ForwardContext = { batch, probes, ...(dropout && { dropout }) };
    const { logits } = model.forward(context);
    const rows = regression ? squaredError(logits, labels!) : crossEntropy(logits, labels!);
    return scale(sum(rows), 1 / normaliser);
  }, probes);
  const layers: Float32Array[] = [];
  for (const g of gradients) layers.push(g ? Float32Array.from(await g.read()) : empty);
  return { layers };
}

/** Logits of a layer, 1 where it is so, laid out as the gradient. */
export interface DroppedLogits {
  /** 1 where the mask drops the logit, else 0. */
  readonly dropped: Uint8Array;
  /** Whether padding and causality leave it. */
  readonly visible: Uint8Array;
}

/**
 * Which logits a mask drops in a layer: visible ones whose weight is zero where all scores are
 * equal. Undefined where nothing is dropped from attention.
 */
export async function droppedLogits(
  device: Device,
  { config, batch }: Pick<Subject, "config" | "batch">,
  plan: DropoutPlan,
  key: Key,
  layer: number,
): Promise<DroppedLogits | undefined> {
  using _scope = device.scope("dropped logits");
  const { examples, lengths, mask } = batch;
  const dropout: DropoutContext = { plan, key, examples: examples![0], lengths };
  const at = (position: "logits" | "weights") =>
    siteAt({ dropout }, position, layerPlace(layer, config.layers));
  const [logits, weights] = [at("logits"), at("weights")];
  if (logits === undefined && weights === undefined) return undefined;
  const shape = scoresShape({ config, batch });
  const scores = tensor(device, new Float32Array(sizeOf(shape)), shape);
  const common = { scale: 1, causal: config.causal, mask, maximum: config.maxPositions };
  const all = await attentionWeights(scores, common).read();
  const kept = await attentionWeights(scores, { ...common, logits, weights }).read();
  const visible = Uint8Array.from(all, (weight) => weight > 0 ? 1 : 0);
  return { visible, dropped: visible.map((seen, i) => seen === 1 && kept[i] === 0 ? 1 : 0) };
}

/** Shape of one layer's attention scores. */
function scoresShape({ config, batch }: Pick<Subject, "config" | "batch">): number[] {
  const { heads, keyValueHeads } = config;
  const { size, width } = batch;
  return [size, keyValueHeads, heads / keyValueHeads, width, width];
}
