import { assert } from "@std/assert";
import fc from "fast-check";
import { gradient } from "../../../core/gradient.ts";
import { mul } from "../../../core/ops/elementwise.ts";
import { sum } from "../../../core/ops/reduce.ts";
import type { Device } from "../../../core/device.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import type { Site } from "../../../nn/dropout/plan.ts";
import { attentionWeights } from "../../../nn/layers/attention_weights.ts";
import {
  type AttentionCase,
  attentionCases,
  exampleNumber,
  maximum,
  rowsOf,
  scoresOf,
  shapeOf,
} from "../../support/attention_cases.ts";
import { assertClose, numbers } from "../../support/differences.ts";
import { withDevice } from "../../support/with_device.ts";

const scale = 0.7;
const word = fc.integer({ min: 0, max: 0xFFFFFFFF });

/** DropKey as a case says it, and DropAttention beside it. */
interface Both {
  readonly keys: AttentionCase;
  readonly weights: Pick<AttentionCase, "structure" | "rate" | "perHead" | "key">;
  readonly nograd: boolean | undefined;
  /** Whether DropKey is there at all. */
  readonly dropKey: boolean;
}

const cases: fc.Arbitrary<Both> = fc.record({
  keys: attentionCases,
  weights: fc.record({
    structure: fc.constantFrom("element", "column", "span"),
    rate: fc.constantFrom(0.0625, 0.25, 0.5, 0.875),
    perHead: fc.boolean(),
    key: fc.tuple(word, word),
  }),
  nograd: fc.constantFrom(undefined, true, false),
  dropKey: fc.boolean(),
});

/** The site of a mask; what is usual is not said. */
function siteOf(
  position: Site["position"],
  { structure, rate, perHead }: Both["weights"],
  nograd?: boolean,
): Site {
  return {
    position,
    structure,
    rate,
    layers: "all",
    ...(perHead ? {} : { perHead }),
    ...(nograd === undefined ? {} : { nograd }),
  };
}

/** The operation on a case. */
function computed(
  device: Device,
  scores: Tensor,
  { keys, weights, nograd, dropKey }: Both,
): Tensor {
  const { lengths, tokens, causal } = keys;
  const words = (data: number[], shape = [data.length]) => tensor(device, data, shape, "u32");
  const sites = [siteOf("logits", keys), siteOf("weights", weights, nograd)];
  const dropout = {
    plan: { sites, compensation: { kind: "none", weight: 0, branches: 1 } },
    key: keys.key,
    examples: words(lengths.map((_, b) => exampleNumber(b))),
    lengths: words([...lengths]),
  } as const;
  const mask = lengths.flatMap((length) =>
    Array.from({ length: tokens }, (_, key) => key < length ? 1 : 0)
  );
  return attentionWeights(scores, {
    scale,
    causal,
    mask: words(mask, [lengths.length, tokens]),
    logits: dropKey ? { site: sites[0]!, key: keys.key, dropout } : undefined,
    weights: { site: sites[1]!, key: weights.key, dropout },
    maximum,
  });
}

/** Softmax over some keys. */
function softmax(scores: readonly number[], keep: readonly boolean[]): number[] {
  const total = scores.reduce((sum, x, i) => sum + (keep[i] ? Math.exp(x) : 0), 0);
  return scores.map((x, i) => keep[i] ? Math.exp(x) / total : 0);
}

/** Weights and the gradient of Σ c · weights by the scores, by Eq. 1 to 10 in plain numbers. */
function oracle(both: Both, scores: Float64Array, c: Float64Array) {
  const { keys, weights, nograd = true, dropKey } = both;
  const [out, slope] = [new Float64Array(scores.length), new Float64Array(scores.length)];
  const second = rowsOf({ ...keys, ...weights });
  rowsOf(keys).forEach(({ start, visible, keep }, row) => {
    const place = (values: Float64Array) => [...values.subarray(start, start + keys.tokens)];
    const own = dropKey ? keep : visible;
    const left = own.map((kept, key) => kept && !second[row]!.dropped[key]);
    const remaining = left.includes(true) ? left : own;
    const logits = place(scores).map((x) => scale * x);
    const w = softmax(logits, remaining);
    // With NoGrad log w = s - log Σ exp s over what DropKey kept; without it w is a softmax.
    const share = nograd ? softmax(logits, own) : w;
    const mean = place(c).reduce((sum, x, key) => sum + x * w[key]!, 0);
    w.forEach((x, key) => {
      out[start + key] = x;
      slope[start + key] = scale * (x * c[start + key]! - share[key]! * mean);
    });
  });
  return { out, slope };
}

Deno.test("DropKey and DropAttention together are Eq. 1 to 10 over masks of their own", () =>
  withDevice("f64", (device) =>
    fc.assert(
      fc.asyncProperty(cases, async (both) => {
        using _scope = device.scope("case");
        const [data, shape] = [scoresOf(both.keys), shapeOf(both.keys)];
        const c = numbers(both.keys.seed + 1, data.length);
        const scores = tensor(device, data, shape);
        const { result, gradients } = gradient(() => {
          const weights = computed(device, scores, both);
          return { loss: sum(mul(weights, tensor(device, c, shape))), weights };
        }, [scores]);
        const { out, slope } = oracle(both, data, c);
        assertClose(await result.weights.read(), out, 1e-13);
        assertClose(await gradients[0]!.read(), slope, 1e-12);
      }),
      { numRuns: 150 },
    )));

Deno.test("heads draw columns of their own where nothing is said", () =>
  withDevice("f64", async (device) => {
    const keys: AttentionCase = {
      keyHeads: 2,
      group: 2,
      tokens: 12,
      lengths: [12, 12],
      causal: false,
      structure: "column",
      rate: 0.5,
      perHead: true,
      key: [7, 9],
      seed: 1,
    };
    const usual = { keys, weights: keys, nograd: undefined, dropKey: false };
    const scores = tensor(device, new Float64Array(2 * 4 * 144), shapeOf(keys));
    const w = await computed(device, scores, usual).read();
    const rows = new Set<string>();
    for (let head = 0; head < 8; head++) {
      const start = head * 144;
      rows.add(Array.from(w.slice(start, start + 12), (x: number) => x === 0 ? "." : "x").join(""));
    }
    assert(rows.size === 8, `${rows.size} of 8 heads have a mask of their own`);
  }));

Deno.test("the last queries of longer keys see all but what follows them", () =>
  withDevice("f64", async (device) => {
    const scores = tensor(device, numbers(5, 2 * 5), [1, 1, 1, 2, 5]);
    const w = await attentionWeights(scores, { scale, causal: true, maximum }).read();
    const data = numbers(5, 10);
    const expected = [4, 5].flatMap((seen, query) => {
      const logits = [...data.subarray(5 * query, 5 * query + 5)].map((x) => scale * x);
      return softmax(logits, logits.map((_, key) => key < seen));
    });
    assertClose(w, expected, 1e-15);
  }));
