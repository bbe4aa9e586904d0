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
import { dropoutOf } from "../../nn/dropout/batch_dropout.ts";
import type { DropoutPlan } from "../../nn/dropout/plan.ts";
import { layerPlace, siteAt } from "../../nn/dropout/site.ts";
import { attentionWeights } from "../../nn/layers/attention_weights.ts";
import type { Batch } from "../../nn/layers/batch.ts";
import type { ForwardContext } from "../../nn/layers/forward_context.ts";
import type { Subject } from "./subject.ts";

/** What is dropped, and the key of the masks. */
export interface Drawing {
  /** Where something is dropped, and how. */
  readonly plan: DropoutPlan;
  /** Key that all masks are folded from. */
  readonly key: Key;
}

/**
 * Differentiates the loss of one pass by the attention scores of each layer. Repeated examples do not
 * change each other's gradient: the loss is divided by the losses of the subject's examples alone.
 *
 * @returns By layer, `[batch, keyHeads, group, queries, keys]` row by row
 */
export async function probe(
  device: Device,
  { model, config, normaliser, regression }: Subject,
  batch: Batch,
  drawing?: Drawing,
): Promise<Float32Array[]> {
  using _scope = device.scope("probe");
  const shape = scoresShape(config, batch);
  const empty = new Float32Array(sizeOf(shape));
  const probes = Array.from({ length: config.layers }, () => tensor(device, empty, shape));
  const { gradients } = gradient(() => {
    const dropout = drawing && dropoutOf(batch, drawing);
    const context: ForwardContext = { batch, probes, ...(dropout && { dropout }) };
    const { logits } = model.forward(context);
    const { labels } = batch;
    const rows = regression ? squaredError(logits, labels!) : crossEntropy(logits, labels!);
    return scale(sum(rows), 1 / normaliser);
  }, probes);
  const layers: Float32Array[] = [];
  for (const g of gradients) layers.push(g ? Float32Array.from(await g.read()) : empty);
  return layers;
}

/** What a mask does to a logit. */
export const fates = { hidden: 0, kept: 1, dropped: 2 } as const;

/**
 * What the masks do to each logit of a layer, by {@linkcode fates}: `hidden` are those that padding,
 * of keys or of the query, and causality take; `dropped` are others whose weight is zero where all
 * scores are equal.
 *
 * @returns Laid out as the gradient; undefined where nothing is dropped from attention
 */
export async function fatesOf(
  device: Device,
  { config }: Pick<Subject, "config">,
  batch: Batch,
  drawing: Drawing,
  layer: number,
): Promise<Uint8Array | undefined> {
  using _scope = device.scope("fates");
  const dropout = dropoutOf(batch, drawing);
  const at = (position: "logits" | "weights") =>
    siteAt({ dropout }, position, layerPlace(layer, config.layers));
  const [logits, weights] = [at("logits"), at("weights")];
  if (logits === undefined && weights === undefined) return undefined;
  const shape = scoresShape(config, batch);
  const scores = tensor(device, new Float32Array(sizeOf(shape)), shape);
  const common = {
    scale: 1,
    causal: config.causal,
    mask: batch.mask,
    maximum: config.maxPositions,
  };
  const kept = await attentionWeights(scores, { ...common, logits, weights }).read();
  const { width } = batch;
  const found = new Uint8Array(kept.length);
  const rows = config.heads * width;
  batch.texts!.forEach(({ length }, b) => {
    for (let row = 0; row < rows; row++) {
      const query = row % width;
      if (query >= length) continue;
      const start = (b * rows + row) * width;
      const end = start + (config.causal ? query + 1 : length);
      for (let i = start; i < end; i++) found[i] = kept[i] === 0 ? fates.dropped : fates.kept;
    }
  });
  return found;
}

/** Shape of one layer's attention scores. */
export function scoresShape(config: Subject["config"], { size, width }: Batch): number[] {
  const { heads, keyValueHeads } = config;
  return [size, keyValueHeads, heads / keyValueHeads, width, width];
}
