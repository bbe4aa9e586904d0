/**
 * One row of attention under three kinds of dropout: its weights, and their derivatives by the
 * logits, as the library computes them.
 *
 * @module
 */

import type { Device } from "../../../../core/device.ts";
import { gradient } from "../../../../core/gradient.ts";
import { add, div, log, mul } from "../../../../core/ops/elementwise.ts";
import { sum } from "../../../../core/ops/reduce.ts";
import { softmax } from "../../../../core/ops/softmax.ts";
import { seedKey } from "../../../../core/random.ts";
import { noGrad } from "../../../../core/tape.ts";
import { type Tensor, tensor } from "../../../../core/tensor.ts";
import { dropoutPlan } from "../../../../nn/dropout/methods.ts";
import { layerPlace, siteAt } from "../../../../nn/dropout/site.ts";
import { attentionWeights } from "../../../../nn/layers/attention_weights.ts";

/** The methods that are compared, in the order of the page. */
export const rowMethods = ["dropkey", "dropattention", "nograd"] as const;
/** One of them: `nograd` is DropAttention with NoGrad, `dropattention` the same without it. */
export type RowMethod = typeof rowMethods[number];

/** What a method makes of a row. */
export interface RowResult {
  /** Weight of each key after the drop. */
  readonly weights: Float32Array;
  /** Derivative of the weight of key `u` by the logit of key `j`, at `keys * u + j`. */
  readonly jacobian: Float32Array;
}

/** A row as it is, and under each method. */
export interface RowResults extends Readonly<Record<RowMethod, RowResult>> {
  /** Weights before anything is dropped. */
  readonly before: Float32Array;
}

/** Weights of rows of logits, of which the mask has 1 for each key that stays and 0 for others. */
const weightsBy: Readonly<Record<RowMethod, (logits: Tensor, mask: Tensor) => Tensor>> = {
  // Eq. 3: the logit of a dropped key becomes minus infinity, which is the logarithm of 0.
  dropkey: (logits, mask) => softmax(add(logits, log(mask))),
  // Eq. 1 and 2 without NoGrad.
  dropattention(logits, mask) {
    const kept = mul(softmax(logits), mask);
    return div(kept, sum(kept, -1, { keepDims: true }));
  },
  // Eq. 1 and 2.
  nograd(logits, mask) {
    const kept = mul(softmax(logits), mask);
    return div(kept, noGrad(sum(kept, -1, { keepDims: true })));
  },
};

/**
 * Computes a row under all methods. Every row of a square of repeated logits gives the derivatives
 * of one weight, so that one walk back gives all of them.
 *
 * @param dropped Numbers of the keys that are dropped; where that is all of them, none is
 */
export async function computeRow(
  device: Device,
  logits: readonly number[],
  dropped: readonly number[],
): Promise<RowResults> {
  using _scope = device.scope("row");
  const keys = logits.length;
  const square = tensor(device, logits.map(() => [...logits]));
  const mask = tensor(device, maskOf(keys, dropped));
  const identity = tensor(device, logits.map((_, u) => logits.map((_, j) => u === j ? 1 : 0)));
  const before = (await softmax(square).read()).slice(0, keys);
  const one = async (method: RowMethod): Promise<RowResult> => {
    const { result: { weights }, gradients } = gradient(() => {
      const weights = weightsBy[method](square, mask);
      return { weights, loss: sum(mul(weights, identity)) };
    }, [square]);
    return {
      weights: Float32Array.from(await weights.read()).slice(0, keys),
      jacobian: Float32Array.from(await gradients[0]!.read()),
    };
  };
  return {
    before: Float32Array.from(before),
    dropkey: await one("dropkey"),
    dropattention: await one("dropattention"),
    nograd: await one("nograd"),
  };
}

/** 1 for keys that stay, 0 for others; a row that would lose all its keys keeps all, as in training. */
export function maskOf(keys: number, dropped: readonly number[]): number[] {
  const mask = Array.from({ length: keys }, (_, key) => dropped.includes(key) ? 0 : 1);
  return mask.includes(1) ? mask : mask.map(() => 1);
}

/**
 * Keys that DropKey drops of a row, as a model's only layer would draw them: by the library's own
 * masks, of which each is a function of seed and rate.
 */
export async function drawKeys(
  device: Device,
  { keys, rate, seed }: { keys: number; rate: number; seed: number },
): Promise<number[]> {
  using _scope = device.scope("draw");
  const plan = dropoutPlan("dropkey", false, { rate, structure: "column", layers: "all" });
  const examples = tensor(device, [0], [1], "u32");
  const lengths = tensor(device, [keys], [1], "u32");
  const dropout = { plan, key: seedKey(seed), examples, lengths };
  const logits = siteAt({ dropout }, "logits", layerPlace(0, 1));
  const scores = tensor(device, [[[[new Array<number>(keys).fill(0)]]]]);
  const options = { scale: 1, causal: false, maximum: keys, logits };
  const weights = await attentionWeights(scores, options).read();
  return Array.from(weights.keys()).filter((key) => weights[key] === 0);
}

/** Where k is asked for: which weight, and the logit that is moved. */
export interface KSettings {
  /** Number of the kept key whose weight is differentiated by its own logit. */
  readonly of: number;
  /** Number of the dropped key whose logit takes each of the values. */
  readonly moved: number;
  /** Its values. */
  readonly values: readonly number[];
}

/**
 * The paper's k (Eq. 10) at each value of a dropped key's logit: the derivative of a kept weight by
 * its own logit under DropKey, over that under DropAttention with NoGrad.
 */
export async function computeK(
  device: Device,
  logits: readonly number[],
  dropped: readonly number[],
  { of, moved, values }: KSettings,
): Promise<number[]> {
  using _scope = device.scope("k");
  const rows = values.map((value) => logits.map((g, key) => key === moved ? value : g));
  const x = tensor(device, rows);
  const mask = tensor(device, maskOf(logits.length, dropped));
  const column = tensor(device, logits.map((_, key) => key === of ? 1 : 0));
  const own = async (method: RowMethod): Promise<number[]> => {
    const { gradients } = gradient(() => sum(mul(weightsBy[method](x, mask), column)), [x]);
    const all = await gradients[0]!.read();
    return values.map((_, row) => all[row * logits.length + of]!);
  };
  const [above, below] = [await own("dropkey"), await own("nograd")];
  return above.map((value, row) => value / below[row]!);
}
