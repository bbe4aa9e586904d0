import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { gradient } from "../../../core/gradient.ts";
import { mul } from "../../../core/ops/elementwise.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { attentionWeights } from "../../../nn/layers/attention_weights.ts";
import {
  type AttentionCase,
  attentionCases,
  rowsOf,
  scoresOf,
  shapeOf,
  weightsOf,
} from "../../support/attention_cases.ts";
import { assertClose, randomTensor } from "../../support/differences.ts";
import { withDevice } from "../../support/with_device.ts";

const floats = ["f64", "f32"] as const;

/** Gradient of Σ c · weights by the scores. */
async function scoreGradient(scores: Tensor, weights: (scores: Tensor) => Tensor) {
  const weigh = randomTensor(scores.device, 77, scores.shape);
  const { gradients } = gradient(() => sum(mul(weights(scores), weigh)), [scores]);
  return await gradients[0]!.read();
}

const plain: AttentionCase = {
  keyHeads: 1,
  group: 1,
  tokens: 2,
  lengths: [2],
  causal: false,
  structure: "column",
  rate: 0.5,
  perHead: true,
  key: [0, 0],
  seed: 0,
};

/** The case under the first key that drops exactly the keys asked for. */
function dropping(c: AttentionCase, wanted: readonly boolean[]): AttentionCase {
  for (let k = 0;; k++) {
    const found: AttentionCase = { ...c, key: [k, 0] };
    if (String(rowsOf(found)[0]!.dropped) === String(wanted)) return found;
  }
}

Deno.test("causal DropKey leaves key 0 to query 0 when key 0 is dropped", () =>
  withDevice("f64", async (device) => {
    for (const structure of ["element", "column", "span"] as const) {
      const causal = { ...plain, tokens: 4, lengths: [4], causal: true, structure };
      const c = dropping({ ...causal, rate: 0.25 }, [true, false, false, false]);
      for (const position of ["logits", "weights"] as const) {
        const w = await weightsOf(c, tensor(device, scoresOf(c), shapeOf(c)), position).read();
        assertEquals([...w.subarray(0, 4)], [1, 0, 0, 0]);
        // Column and span drop key 0 for all queries: query 1 sees itself alone.
        if (structure !== "element") assertEquals([...w.subarray(4, 8)], [0, 1, 0, 0]);
      }
    }
  }));

Deno.test("a row whose real keys are all dropped keeps them all, and no pad", () =>
  withDevice("f64", async (device) => {
    for (const structure of ["element", "column"] as const) {
      const c = dropping({ ...plain, tokens: 4, lengths: [2], structure }, [
        true,
        true,
        false,
        true,
      ]);
      const scores = tensor(device, new Float64Array(16), shapeOf(c));
      for (const position of ["logits", "weights"] as const) {
        const w = await weightsOf(c, scores, position).read();
        assertEquals([...w.subarray(0, 4)], [0.5, 0.5, 0, 0]);
      }
    }
    // A span as long as the text: round(0.875 · 2) = 2.
    const c: AttentionCase = { ...plain, tokens: 4, lengths: [2], structure: "span", rate: 0.875 };
    const w = await weightsOf(c, tensor(device, new Float64Array(16), shapeOf(c)), "logits").read();
    assertEquals([...w.subarray(0, 4)], [0.5, 0.5, 0, 0]);
  }));

/** Which keys of each row are dropped, by the weights of equal scores; `[heads][query][key]`. */
async function droppedKeys(c: AttentionCase): Promise<boolean[][][]> {
  const out: boolean[][][] = [];
  await withDevice("f64", async (device) => {
    const zeros = new Float64Array(scoresOf(c).length);
    const w = await weightsOf(c, tensor(device, zeros, shapeOf(c)), "logits").read();
    for (const { start, at: [, head, query] } of rowsOf(c)) {
      (out[head] ??= [])[query] = [...w.subarray(start, start + c.tokens)].map((x) => x === 0);
    }
  });
  return out;
}

Deno.test("column masks are equal over queries and differ over heads, unless shared", async () => {
  const c: AttentionCase = { ...plain, keyHeads: 2, group: 2, tokens: 12, lengths: [12] };
  const heads = await droppedKeys(c);
  for (const queries of heads) {
    for (const keys of queries) assertEquals(keys, queries[0]);
  }
  assertEquals(new Set(heads.map((queries) => String(queries[0]))).size, 4);
  const shared = await droppedKeys({ ...c, perHead: false });
  for (const queries of shared) assertEquals(queries, shared[0]);
});

Deno.test("element masks differ over queries and heads", async () => {
  const c: AttentionCase = {
    ...plain,
    structure: "element",
    keyHeads: 2,
    tokens: 12,
    lengths: [12],
  };
  const heads = await droppedKeys(c);
  assertEquals(new Set(heads.flat().map(String)).size, 24);
});

Deno.test("a span is one run of round(rate x length) real tokens, for all queries", async () => {
  const starts = new Set<number>();
  for (let k = 0; k < 40; k++) {
    const structure = "span";
    const c: AttentionCase = {
      ...plain,
      structure,
      tokens: 9,
      lengths: [7],
      rate: 0.25,
      key: [k, 1],
    };
    const [queries] = await droppedKeys(c);
    const text = queries![0]!.slice(0, 7).map((x) => x ? "x" : ".").join("");
    // round(0.25 · 7) = 2, in front of two pads.
    assert(/^\.*xx\.*$/.test(text), text);
    starts.add(text.indexOf("x"));
    for (const keys of queries!) assertEquals(keys, queries![0]);
  }
  assertEquals([...starts].sort(), [0, 1, 2, 3, 4, 5]);
});

Deno.test("a span of round(rate x length) tokens rounds halves up at every rate", async () => {
  // 0.7 · 5 = 3.5, 0.15 · 10 = 1.5, 0.3 · 5 = 1.5.
  for (const [rate, length, size] of [[0.3, 5, 2], [0.15, 10, 2], [0.7, 5, 4]] as const) {
    const c: AttentionCase = {
      ...plain,
      structure: "span",
      tokens: length,
      lengths: [length],
      rate,
    };
    const [queries] = await droppedKeys(c);
    assertEquals(queries![0]!.filter((x) => x).length, size, `rate ${rate}, length ${length}`);
  }
});

const extremes = fc.constantFrom(3e38, -3e38, 2.9e38, 0, 1, -1);

for (const float of floats) {
  Deno.test(`attention weights stay finite for the largest logits, in ${float}`, () =>
    withDevice(float, (device) =>
      fc.assert(
        fc.asyncProperty(
          attentionCases,
          fc.array(extremes, { minLength: 1, maxLength: 50 }),
          async (c, values) => {
            using _scope = device.scope("case");
            const data = scoresOf(c).map((_, i) => values[i % values.length]!);
            const scores = tensor(device, data, shapeOf(c));
            for (const position of ["none", "logits", "weights"] as const) {
              const run = (x: Tensor) => weightsOf(c, x, position);
              assert((await run(scores).read()).every(Number.isFinite));
              assert((await scoreGradient(scores, run)).every(Number.isFinite));
            }
          },
        ),
        { numRuns: 60 },
      )));

  Deno.test(`attention weights of a fully masked row are zero, as is their gradient, in ${float}`, () =>
    withDevice(float, async (device) => {
      for (const big of [1, 3e38, -3e38, NaN, Infinity]) {
        const scores = tensor(device, [1, 2, 3, big, big, -big], [2, 1, 1, 1, 3]);
        const mask = tensor(device, [1, 1, 1, 0, 0, 0], [2, 3], "u32");
        const options = { scale: 1, causal: false, mask, maximum: 4 };
        const run = (x: Tensor) => attentionWeights(x, options);
        const w = await run(scores).read();
        const g = await scoreGradient(scores, run);
        assertEquals([...w.subarray(3)].map(Math.abs), [0, 0, 0]);
        assertEquals([...g.subarray(3)].map(Math.abs), [0, 0, 0]);
        assert([...w, ...g].every(Number.isFinite));
      }
    }));

  Deno.test(`attention weights ignore a masked logit that is no number, in ${float}`, () =>
    withDevice(float, async (device) => {
      for (const bad of [NaN, Infinity, -Infinity, 3e38]) {
        const mask = tensor(device, [1, 1, 0], [1, 3], "u32");
        const run = (x: Tensor) =>
          attentionWeights(x, { scale: 1, causal: false, mask, maximum: 4 });
        const with0 = tensor(device, [1, 2, 0], [1, 1, 1, 1, 3]);
        const withBad = tensor(device, [1, 2, bad], [1, 1, 1, 1, 3]);
        assertEquals(await run(withBad).read(), await run(with0).read());
        assertEquals(await scoreGradient(withBad, run), await scoreGradient(with0, run));
      }
    }));
}

Deno.test("a row whose visible logits are all -3e38 still sums to 1 beside a pad, in f32", () =>
  withDevice("f32", async (device) => {
    // The nearest f32 lies below -3e38, so a fill of -3e38 is above every visible logit.
    const scores = tensor(device, [-3e38, -3e38, 0], [1, 1, 1, 1, 3]);
    const mask = tensor(device, [1, 1, 0], [1, 3], "u32");
    const w = attentionWeights(scores, { scale: 1, causal: false, mask, maximum: 4 });
    assertEquals([...await w.read()], [0.5, 0.5, 0]);
  }));

Deno.test("DropAttention equals DropKey going forward where the kept weights underflow", () =>
  withDevice("f64", async (device) => {
    const c = dropping(plain, [true, false]);
    const scores = tensor(device, [1000, 0, 1000, 0], shapeOf(c));
    const expected = [0, 1, 0, 1];
    assertEquals([...await weightsOf(c, scores, "logits").read()], expected);
    assertEquals([...await weightsOf(c, scores, "weights").read()], expected);
  }));

for (const noGrad of [true, false]) {
  const name = noGrad ? "with" : "without";
  Deno.test(`DropAttention ${name} NoGrad has a finite gradient where the kept sum underflows f32`, () =>
    withDevice("f32", async (device) => {
      const c = dropping(plain, [true, false]);
      const scores = tensor(device, [80, -80, 80, -80], shapeOf(c));
      const g = await scoreGradient(scores, (x) => weightsOf(c, x, "weights", noGrad));
      // Without NoGrad w' is (0, 1) whatever the scores. With it, kept u = 1: dw'_u/dg_j =
      // w'_u (δ_uj - w_j), so -1 at the dropped key, whose w is 1, and 1 at the kept one.
      const weigh = await randomTensor(device, 77, scores.shape).read();
      const expected = [1, 3].flatMap((u) => noGrad ? [-weigh[u]!, weigh[u]!] : [0, 0]);
      assertClose(g, expected, 1e-6);
    }));
}
