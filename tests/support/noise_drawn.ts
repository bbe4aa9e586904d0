import fc from "fast-check";
import { gradient } from "../../core/gradient.ts";
import { mul } from "../../core/ops/elementwise.ts";
import { sum } from "../../core/ops/reduce.ts";
import type { Device } from "../../core/device.ts";
import { tensor } from "../../core/tensor.ts";
import type { Structure } from "../../nn/dropout/plan.ts";
import { type AttentionCase, weightsOf } from "./attention_cases.ts";
import {
  close,
  dropKeyJacobian,
  dropKeyWeights,
  noGradJacobian,
  type RowCase,
  rowsCancel,
} from "./noise_cases.ts";

/** A batch whose masks the kernel of attention weights draws, and its logits `[batch, q, keys]`. */
export interface DrawnCase {
  readonly attention: AttentionCase;
  readonly logits: readonly number[];
}

const word = fc.integer({ min: 0, max: 0xFFFFFFFF });
const tokenCounts = fc.oneof(
  { weight: 90, arbitrary: fc.integer({ min: 2, max: 6 }) },
  { weight: 9, arbitrary: fc.integer({ min: 2, max: 16 }) },
  { weight: 1, arbitrary: fc.integer({ min: 17, max: 64 }) },
);

/** Cases of any structure, padded or not, causal or not. */
export const drawnCases: fc.Arbitrary<DrawnCase> = tokenCounts.chain((tokens) =>
  fc.array(fc.oneof(fc.constant(tokens), fc.integer({ min: 1, max: tokens })), {
    minLength: 1,
    maxLength: tokens > 16 ? 1 : 2,
  }).chain((lengths) => {
    const count = lengths.length * tokens * tokens;
    return fc.record({
      attention: fc.record({
        // A head is a copy: each gets one one-hot cotangent, all the same mask.
        keyHeads: fc.constant(tokens),
        group: fc.constant(1),
        tokens: fc.constant(tokens),
        lengths: fc.constant(lengths),
        causal: fc.boolean(),
        structure: fc.constantFrom<Structure>("element", "column", "span"),
        rate: fc.double({ min: 0.1, max: 0.8, noNaN: true }),
        perHead: fc.constant(false),
        key: fc.tuple(word, word),
        seed: fc.constant(0),
      }),
      logits: fc.array(fc.double({ min: -4, max: 4, noNaN: true }), {
        minLength: count,
        maxLength: count,
      }),
    });
  })
);

/** The three operations that the paper compares. */
export const operations = {
  "DropKey": { position: "logits", noGrad: true, jacobian: dropKeyJacobian },
  "DropAttention": { position: "weights", noGrad: true, jacobian: noGradJacobian },
  "DropAttention without NoGrad": {
    position: "weights",
    noGrad: false,
    jacobian: dropKeyJacobian,
  },
} as const;

/** How many rows were seen, and how many of those lost a key. */
export interface Tally {
  rows: number;
  dropping: number;
}

/** Checks weights and Jacobians of one operation; the mask is read from the zeros. */
export async function checkDrawn(
  device: Device,
  { attention, logits }: DrawnCase,
  operation: keyof typeof operations,
  limits: { weights: number; jacobian: number },
  tally: Tally,
): Promise<void> {
  using _scope = device.scope("drawn");
  const { position, noGrad, jacobian } = operations[operation];
  const { tokens: n, lengths, causal } = attention;
  const area = n * n;
  const shape = [lengths.length, n, 1, n, n];
  const copies = lengths.flatMap((_, b) =>
    Array.from({ length: n }, () => logits.slice(b * area, (b + 1) * area)).flat()
  );
  const oneHot = Array.from({ length: n * area }, (_, i) => Math.floor(i / area) === i % n ? 1 : 0);
  const x = tensor(device, copies, shape);
  const cotangent = tensor(device, oneHot, [1, n, 1, n, n]);
  const { result, gradients } = gradient(() => {
    const weights = weightsOf(attention, x, position, noGrad);
    return { loss: sum(mul(weights, cotangent)), weights };
  }, [x]);
  const weights = await result.weights.read();
  const derivative = await gradients[0]!.read();
  lengths.forEach((length, b) => {
    for (let query = 0; query < n; query++) {
      const start = b * n * area + query * n;
      const w = weights.slice(start, start + n);
      const visible = Array.from(w, (_, key) => key < length && (!causal || key <= query));
      const row: RowCase = {
        logits: logits.slice(b * area + query * n, b * area + (query + 1) * n),
        visible,
        keep: visible.map((v, key) => v && w[key]! > 0),
      };
      tally.rows++;
      if (row.keep.some((kept, key) => kept !== visible[key])) tally.dropping++;
      close("weights", w, dropKeyWeights(row), limits.weights);
      const actual = Array.from(
        { length: area },
        (_, i) => derivative[start + Math.floor(i / n) * area + i % n]!,
      );
      close("Jacobian", actual, jacobian(row), limits.jacobian);
      rowsCancel("the Jacobian", actual, limits.jacobian);
    }
  });
}
