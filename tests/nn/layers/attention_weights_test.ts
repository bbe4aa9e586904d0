import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { apply } from "../../../core/apply.ts";
import { gradient } from "../../../core/gradient.ts";
import { div, mul } from "../../../core/ops/elementwise.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { sumRow } from "../../../core/ops/rowwise.ts";
import type { Device } from "../../../core/device.ts";
import { noGrad } from "../../../core/tape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { attentionWeightsOp } from "../../../nn/layers/attention_weights.ts";
import {
  type AttentionCase,
  attentionCases,
  expectedWeights,
  rowsOf,
  scoresOf,
  shapeOf,
  weightsOf,
} from "../../support/attention_cases.ts";
import { assertClose, numbers, randomTensor } from "../../support/differences.ts";
import { withDevice } from "../../support/with_device.ts";

const floats = ["f64", "f32"] as const;
const limits = { f64: 1e-14, f32: 1e-6 } as const;

/** Checks a property of any attention case on a device of each float type. */
function everyCase(
  name: string,
  check: (device: Device, c: AttentionCase, limit: number) => Promise<void>,
): void {
  for (const float of floats) {
    Deno.test(`${name}, in ${float}`, () =>
      withDevice(float, (device) =>
        fc.assert(
          fc.asyncProperty(attentionCases, async (c) => {
            using _scope = device.scope("case");
            await check(device, c, limits[float]);
          }),
          { numRuns: 60 },
        )));
  }
}

const scoresTensor = (device: Device, c: AttentionCase) => tensor(device, scoresOf(c), shapeOf(c));

everyCase("DropKey is the softmax over kept keys, and over all where none is", async (d, c, e) => {
  const w = await weightsOf(c, scoresTensor(d, c), "logits").read();
  assertClose(w, expectedWeights(c, scoresOf(c)), e, e);
});

everyCase("DropAttention equals DropKey of the same mask going forward", async (d, c, e) => {
  const scores = scoresTensor(d, c);
  const key = await weightsOf(c, scores, "logits").read();
  assertClose(await weightsOf(c, scores, "weights").read(), key, e, e);
  assertClose(await weightsOf(c, scores, "weights", false).read(), key, e, e);
});

everyCase("attention weights sum to 1 and never see pads or the future", async (d, c, e) => {
  for (const position of ["none", "logits", "weights"] as const) {
    const w = await weightsOf(c, scoresTensor(d, c), position).read();
    for (const { start, visible } of rowsOf(c)) {
      let total = 0;
      visible.forEach((seen, key) => {
        if (!seen) assertEquals(w[start + key], 0);
        else total += w[start + key]!;
      });
      assert(Math.abs(total - 1) <= 4 * e, `${position}: ${total}`);
    }
  }
});

/** Gradient of Σ c · weights by the scores. */
async function scoreGradient(scores: Tensor, weights: (scores: Tensor) => Tensor) {
  const weigh = randomTensor(scores.device, 77, scores.shape);
  const { gradients } = gradient(() => sum(mul(weights(scores), weigh)), [scores]);
  return await gradients[0]!.read();
}

/** Mask of kept keys as numbers, from threefry() on the host. */
function keptTensor(device: Device, c: AttentionCase): Tensor {
  const mask = new Float64Array(scoresOf(c).length);
  for (const { start, keep } of rowsOf(c)) keep.forEach((k, key) => mask[start + key] = k ? 1 : 0);
  return tensor(device, mask, shapeOf(c));
}

everyCase("DropAttention equals kept / NoGrad(Σ kept), gradient included", async (d, c, e) => {
  const [scores, mask] = [scoresTensor(d, c), keptTensor(d, c)];
  const composed = (x: Tensor) => {
    const kept = mul(weightsOf(c, x, "none"), mask);
    return div(kept, noGrad(sumRow(kept)));
  };
  const fused = await weightsOf(c, scores, "weights").read();
  assertClose(fused, await composed(scores).read(), e, e);
  const expected = await scoreGradient(scores, composed);
  // Gradients contain 1 / Σ kept, as large as e^4 times the keys here.
  const g = await scoreGradient(scores, (x) => weightsOf(c, x, "weights"));
  const largest = Math.max(1, ...Array.from(expected, Math.abs));
  assertClose(g, expected, 8 * e * largest);
});

everyCase("DropAttention without NoGrad has DropKey's gradient", async (d, c, e) => {
  const scores = scoresTensor(d, c);
  const key = await scoreGradient(scores, (x) => weightsOf(c, x, "logits"));
  // Its sums cancel terms up to 1 / Σ kept times the result.
  const cancelled = e * 100;
  assertClose(
    await scoreGradient(scores, (x) => weightsOf(c, x, "weights", false)),
    key,
    cancelled,
  );
});

everyCase("the gradient of attention weights is zero where nothing is seen", async (d, c) => {
  for (const position of ["none", "logits", "weights"] as const) {
    const g = await scoreGradient(scoresTensor(d, c), (x) => weightsOf(c, x, position));
    for (const { start, visible } of rowsOf(c)) {
      visible.forEach((seen, key) => seen || assertEquals(Math.abs(g[start + key]!), 0));
    }
  }
});

everyCase("DropKey has no gradient at dropped keys, DropAttention has", async (d, c) => {
  const scores = scoresTensor(d, c);
  const key = await scoreGradient(scores, (x) => weightsOf(c, x, "logits"));
  const attention = await scoreGradient(scores, (x) => weightsOf(c, x, "weights"));
  for (const { start, visible, keep } of rowsOf(c)) {
    visible.forEach((seen, k) => {
      if (!seen || keep[k]) return;
      assertEquals(Math.abs(key[start + k]!), 0);
      // Eq. 8: dw'_u/dg_m = -w_u w_m / Σ kept, the noise.
      assert(attention[start + k] !== 0);
    });
  }
});

Deno.test("DropKey and DropAttention have the derivatives of Eq. 7 to 10", () =>
  withDevice("f64", async (device) => {
    const c: AttentionCase = {
      keyHeads: 1,
      group: 1,
      tokens: 5,
      lengths: [5],
      causal: false,
      structure: "column",
      rate: 0.4,
      perHead: true,
      key: [3, 4],
      seed: 11,
    };
    const scores = scoresTensor(device, c);
    const { keep, start } = rowsOf(c)[2]!;
    assert(keep.includes(false) && keep.includes(true));
    const e = [...scoresOf(c).subarray(start, start + 5)].map(Math.exp);
    const all = e.reduce((a, b) => a + b);
    const kept = e.reduce((a, b, k) => keep[k] ? a + b : a, 0);
    const jacobian = async (u: number, position: "logits" | "weights") => {
      const pick = new Float64Array(25);
      pick[start + u] = 1;
      const weigh = tensor(device, pick, shapeOf(c));
      const run = () => sum(mul(weightsOf(c, scores, position), weigh));
      return (await gradient(run, [scores]).gradients[0]!.read()).subarray(start, start + 5);
    };
    for (let u = 0; u < 5; u++) {
      if (!keep[u]) continue;
      const [dropKey, dropAttention] = [await jacobian(u, "logits"), await jacobian(u, "weights")];
      // Eq. 7: e_u (E_m - e_u) / E_m²; Eq. 9: e_u E_u / (E E_m); Eq. 10: their ratio k < 1.
      const eq7 = e[u]! * (kept - e[u]!) / kept ** 2;
      const eq9 = e[u]! * (all - e[u]!) / (all * kept);
      const k = (1 - e[u]! / kept) / (1 - e[u]! / all);
      assertClose([dropKey[u]!, dropAttention[u]!], [eq7, eq9], 1e-14);
      assertClose([dropKey[u]! / dropAttention[u]!], [k], 1e-12);
      assert(k < 1);
      keep.forEach((stays, m) => {
        // Eq. 8: -e_u e_m / (E E_m) at dropped keys.
        if (!stays) assertClose([dropAttention[m]!], [-e[u]! * e[m]! / (all * kept)], 1e-14);
      });
    }
  }));

Deno.test("attentionWeightsOp() by hand has the gradient that derivation gives", () =>
  withDevice("f64", async (device) => {
    for (const causal of [false, true]) {
      for (const logits of ["none", "independent", "span"] as const) {
        const op = attentionWeightsOp({
          causal,
          masked: true,
          logits,
          weights: "none",
          noGrad: true,
        });
        assert(op.derived !== op);
        const scores = tensor(device, numbers(5, 72), [2, 1, 1, 6, 6]);
        const words = (data: number[], shape: number[]) => tensor(device, data, shape, "u32");
        const inputs = [
          words([1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0], [2, 1, 1, 1, 6]),
          words([1, 2], [2, 1, 1, 1, 1]),
          words([4, 6], [2, 1, 1, 1, 1]),
        ].slice(0, { none: 1, independent: 2, span: 3 }[logits]);
        const attributes = {
          scalars: [0.7, 1, 2, logits === "span" ? 2 ** 15 : 2 ** 31, 0, 0, 0, 0, 0],
          indices: [[0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]
            .map((strides) => ({ offset: 0, strides })),
        };
        const run = (which: typeof op) => (x: Tensor) =>
          apply(which, [x, ...inputs], attributes)[0]!;
        const byHand = await scoreGradient(scores, run(op));
        assertClose(byHand, await scoreGradient(scores, run(op.derived)), 1e-15);
        assertClose(byHand.subarray(36), new Float64Array(36), 0);
      }
    }
  }));
