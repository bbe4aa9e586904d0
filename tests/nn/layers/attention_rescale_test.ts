// Ordinary dropout of attention weights, and both of the paper's places in one layer.
import { assert } from "@std/assert";
import fc from "fast-check";
import type { Device } from "../../../core/device.ts";
import { gradient } from "../../../core/gradient.ts";
import { mul } from "../../../core/ops/elementwise.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { tensor } from "../../../core/tensor.ts";
import { attentionWeights } from "../../../nn/layers/attention_weights.ts";
import {
  activeOf,
  type AttentionCase,
  attentionCases,
  optionsOf,
  rowsOf,
  scoresOf,
  shapeOf,
} from "../../support/attention_cases.ts";
import { assertClose, numbers } from "../../support/differences.ts";
import { withDevice } from "../../support/with_device.ts";

/** How the weights are dropped: the setting, and whether the denominator gets a gradient. */
interface Kind {
  readonly rescale?: boolean;
  readonly nograd?: boolean;
}
const kinds: readonly Kind[] = [{ rescale: true }, { rescale: false }, {}, { nograd: false }];

/** Weights of a row and their gradient by the scores, where `c` weighs the weights. */
interface Expected {
  readonly weights: readonly number[];
  readonly slope: readonly number[];
}

/** Softmax over the keys that take part; zeros where none does. */
function softmax(scores: readonly number[], keep: readonly boolean[]): number[] {
  const e = scores.map((s, k) => keep[k] ? Math.exp(s) : 0);
  const total = e.reduce((a, b) => a + b);
  return e.map((x) => total > 0 ? x / total : 0);
}

/**
 * One row by the written rule: what DropKey left (all where it left nothing) is the softmax w; the
 * weights that DropAttention keeps are times 1/(1 - p), or nothing, or divided by their sum.
 */
function expectedRow(
  scores: readonly number[],
  c: readonly number[],
  row: { readonly left: readonly boolean[]; readonly dropped: readonly boolean[] },
  { rescale, nograd = true }: Kind,
  rate: number,
): Expected {
  const w = softmax(scores, row.left);
  if (rescale !== undefined) {
    const f = row.dropped.map((gone) => gone ? 0 : rescale ? 1 / (1 - rate) : 1);
    // y_k = f_k w_k, so dL/ds_j = w_j (f_j c_j - Σ f_k c_k w_k).
    const mean = w.reduce((sum, x, k) => sum + x * f[k]! * c[k]!, 0);
    return {
      weights: w.map((x, k) => x * f[k]!),
      slope: w.map((x, k) => x * (f[k]! * c[k]! - mean)),
    };
  }
  const kept = row.left.map((here, k) => here && !row.dropped[k]);
  const y = softmax(scores, kept.includes(true) ? kept : row.left);
  const mean = y.reduce((sum, x, k) => sum + x * c[k]!, 0);
  // dy_u/ds_j = y_u (δ_uj - w_j) with NoGrad, y_u (δ_uj - y_j) without.
  const other = nograd ? w : y;
  return { weights: y, slope: y.map((x, k) => x * c[k]! - other[k]! * mean) };
}

/** Compares the operation with the rule, going forward and back. */
async function compare(device: Device, c: AttentionCase, kind: Kind, beside?: AttentionCase) {
  using _scope = device.scope("case");
  const data = scoresOf(c);
  const scores = tensor(device, data, shapeOf(c));
  const weigh = numbers(77, data.length);
  const options = {
    ...optionsOf(device, c),
    weights: activeOf(device, c, { position: "weights", ...kind }),
    ...(beside && { logits: activeOf(device, beside, { position: "logits" }) }),
  };
  const { result, gradients } = gradient(() => {
    const y = attentionWeights(scores, options);
    return { loss: sum(mul(y, tensor(device, weigh, scores.shape))), y };
  }, [scores]);
  const [found, slope] = [await result.y.read(), await gradients[0]!.read()];
  const before = beside && rowsOf(beside);
  for (const [i, row] of rowsOf(c).entries()) {
    const here = (
      list: ArrayLike<number>,
    ) => Array.from({ length: c.tokens }, (_, k) => list[row.start + k]!);
    const parts = { left: before?.[i]?.keep ?? row.visible, dropped: row.dropped };
    const expected = expectedRow(here(data), here(weigh), parts, kind, c.rate);
    assertClose(here(found), expected.weights, 1e-14);
    assertClose(here(slope), expected.slope, 1e-12);
  }
}

for (const kind of kinds) {
  const name = JSON.stringify(kind);
  Deno.test(`DropAttention with ${name} is its plain formula, gradient included`, () =>
    withDevice("f64", (device) =>
      fc.assert(
        fc.asyncProperty(attentionCases, (c) => compare(device, c, kind)),
        { numRuns: 60 },
      )));

  Deno.test(`DropAttention with ${name} takes what DropKey left in the same layer`, () =>
    withDevice("f64", async (device) => {
      const structure = fc.constantFrom("element", "column", "span");
      await fc.assert(
        fc.asyncProperty(
          attentionCases,
          structure,
          fc.nat(),
          (c, structure, k) =>
            compare(device, c, kind, { ...c, structure, key: [k, 5], rate: 0.5 }),
        ),
        { numRuns: 60 },
      );
      // Both columns, of which each drops something in some row.
      const c: AttentionCase = {
        keyHeads: 2,
        group: 2,
        tokens: 7,
        lengths: [7, 5],
        causal: false,
        structure: "column",
        rate: 0.5,
        perHead: true,
        key: [3, 4],
        seed: 11,
      };
      const beside = { ...c, key: [8, 5] } as const;
      const rows = rowsOf(beside);
      assert(
        rowsOf(c).some((row, i) =>
          row.visible.some((seen, k) => seen && row.dropped[k] && !rows[i]!.dropped[k])
        ),
      );
      await compare(device, c, kind, beside);
    }));
}
