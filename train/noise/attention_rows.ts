/**
 * How the derivatives of DropKey and of DropAttention with NoGrad relate on the attention rows of a
 * model: both by differentiating attention itself, beside what the paper's formulas give.
 *
 * **Source**: "LoRA Meets Dropout under a Unified Framework", Eq. 10, 14 and 15.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { gradient } from "../../core/gradient.ts";
import { mul } from "../../core/ops/elementwise.ts";
import { sum } from "../../core/ops/reduce.ts";
import type { Key } from "../../core/random.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { dropoutOf } from "../../nn/dropout/batch_dropout.ts";
import { layerPlace, siteAt } from "../../nn/dropout/site.ts";
import { attentionWeights } from "../../nn/layers/attention_weights.ts";
import type { Batch } from "../../nn/layers/batch.ts";
import { fates, fatesOf } from "./gradients.ts";
import { addRatios, emptyRatios, type RatioRow, type RowDerivatives } from "./ratios.ts";
import { masksBatch, type Subject } from "./subject.ts";
import { variantPlan } from "./variants.ts";

/** Numbers of keys that are dropped of a row. */
export const droppedCounts = [1, 2, 4] as const;
/** What is added to the logits of dropped keys: k must fall from each to the next. */
export const raises = [0, 1, 2, 3] as const;

/** Most keys of a row whose weight is differentiated. */
const mostKeys = 8;

/** One layer's scores, `[batch, keyHeads, group, queries, keys]`. */
interface Scores {
  readonly scores: Tensor;
  readonly scale: number;
}

/**
 * Measures the ratios on all attention rows of the subject's examples, without dropout elsewhere. A
 * run of keys is dropped of each head: of them, rows count that lose exactly as many.
 *
 * @returns One row for each number of dropped keys
 */
export async function measureRatios(
  device: Device,
  subject: Subject,
  key: Key,
): Promise<RatioRow[]> {
  using scope = device.scope("attention rows");
  const batch = masksBatch(device, subject, 0, 1);
  const scores: Scores[] = [];
  subject.model.forward({
    batch,
    onScores(own, scale) {
      scope.adopt(own);
      scores.push({ scores: own, scale });
    },
  });
  const rows: RatioRow[] = [];
  for (const count of droppedCounts) {
    const row = emptyRatios(count, raises);
    for (const [layer, own] of scores.entries()) {
      await measureLayer(device, subject, { batch, key, layer, own, row });
    }
    rows.push(row);
  }
  return rows;
}

/** One layer, and the row that its ratios are counted in. */
interface Place {
  readonly batch: Batch;
  readonly key: Key;
  readonly layer: number;
  readonly own: Scores;
  readonly row: RatioRow;
}

async function measureLayer(device: Device, subject: Subject, place: Place): Promise<void> {
  using _scope = device.scope("layer");
  const { batch, key, layer, own, row } = place;
  const plan = (variant: "dropkey" | "dropattention-nograd") =>
    variantPlan(variant, 0, { structure: "span", spanLength: row.dropped });
  const fate = (await fatesOf(device, subject, batch, { plan: plan("dropkey"), key }, layer))!;
  const { config } = subject;
  const at = layerPlace(layer, config.layers);
  const common = { causal: config.causal, mask: batch.mask, maximum: config.maxPositions };
  const sites = (variant: "dropkey" | "dropattention-nograd") => {
    const dropout = dropoutOf(batch, { plan: plan(variant), key });
    return {
      logits: siteAt({ dropout }, "logits", at),
      weights: siteAt({ dropout }, "weights", at),
    };
  };
  const before = await own.scores.read();
  const { width } = batch;
  const options = { ...common, scale: own.scale };
  const raised: { readonly x: Tensor; readonly weights: Float32Array }[] = [];
  for (const raise of raises) {
    const data = Float32Array.from(
      before,
      (g, i) => fate[i] === fates.dropped ? g + raise / own.scale : g,
    );
    const x = tensor(device, data, own.scores.shape);
    raised.push({ x, weights: Float32Array.from(await attentionWeights(x, options).read()) });
  }
  const [dropKey, noGrad] = [sites("dropkey"), sites("dropattention-nograd")];
  const step = Math.max(1, Math.ceil(width / mostKeys));
  for (let of = 0; of < width; of += step) {
    using _scope = device.scope("key");
    const byRaise: RowDerivatives[] = [];
    for (const { x, weights } of raised) {
      byRaise.push({
        weights,
        dropKey: await derivativeOf(device, x, { ...options, ...dropKey }, of),
        noGrad: await derivativeOf(device, x, { ...options, ...noGrad }, of),
      });
    }
    addRatios(row, fate, byRaise, { width, of });
  }
}

/** Derivative of the weight of key `of`, in each row, by all scores of the row. */
async function derivativeOf(
  device: Device,
  x: Tensor,
  options: Parameters<typeof attentionWeights>[1],
  of: number,
): Promise<Float32Array> {
  const width = x.shape.at(-1)!;
  const oneHot = Float32Array.from({ length: width }, (_, key) => key === of ? 1 : 0);
  const cotangent = tensor(device, oneHot, [1, 1, 1, 1, width]);
  const { gradients } = gradient(() => sum(mul(attentionWeights(x, options), cotangent)), [x]);
  return Float32Array.from(await gradients[0]!.read());
}
