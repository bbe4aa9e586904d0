// Special values of what reads whole rows: reductions, softmax, norms, losses, the largest elements.
import { apply } from "../../../core/apply.ts";
import { gradient } from "../../../core/gradient.ts";
import {
  bidirectionalKl,
  comparedCrossEntropy,
  crossEntropy,
  klDivergence,
} from "../../../core/ops/losses.ts";
import { ignoreIndex } from "../../../core/indices.ts";
import { layerNormOp, rmsNormOp } from "../../../core/ops/norm.ts";
import * as reductions from "../../../core/ops/reduce.ts";
import { concatenate } from "../../../core/ops/slice.ts";
import { sumRow, sumTo } from "../../../core/ops/rowwise.ts";
import { logSoftmax, softmax } from "../../../core/ops/softmax.ts";
import { topK } from "../../../core/ops/top_k.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { attentionWeights } from "../../../nn/layers/attention_weights.ts";
import { largest, type SpecialRow, table } from "./special_row.ts";

type Row = readonly number[];

/** Rows of one length with special numbers at their start, middle and end. */
function rowsOf(length: number, special: readonly Row[]): Row[] {
  const usual = Array.from({ length }, (_, i) => Math.fround(Math.sin(i)));
  const middle = length >> 1;
  return special.flatMap((numbers) =>
    [0, middle, length - numbers.length].map((at) => usual.map((x, i) => numbers[i - at] ?? x))
  );
}

const every = (length: number, x: number): Row => new Array<number>(length).fill(x);
const infinite: readonly Row[] = [[NaN], [Infinity], [-Infinity], [Infinity, -Infinity], [
  NaN,
  Infinity,
]];
const extremes: readonly Row[] = [...infinite, [largest, -largest], [-largest, -Infinity]];
/** Short rows, and those that workgroups and subgroups of a GPU share. */
const lengths = [3, 40, 300, 5000];

const total = (row: Row) => row.reduce((sum, x) => sum + x, 0);
const peakOf = (row: Row) => row.reduce((most, x) => x > most ? x : most, -Infinity);
/** Column of the first of the largest, or of the first NaN. */
const first = (row: Row) => {
  const missing = row.findIndex(Number.isNaN);
  return missing >= 0 ? missing : row.indexOf(peakOf(row));
};

function logSoftmaxOf(row: Row): Row {
  const peak = peakOf(row);
  const sum = total(row.map((x) => Math.exp(x - peak)));
  return row.map((x) => x - peak - Math.log(sum));
}
const softmaxOf = (row: Row): Row => {
  const peak = peakOf(row);
  const exponentials = row.map((x) => Math.exp(x - peak));
  const sum = total(exponentials);
  return exponentials.map((x) => x / sum);
};

/** One result a row, or as many as it has columns. */
function byRow(
  name: string,
  special: readonly Row[],
  run: (x: Tensor) => Tensor,
  of: (row: Row) => number | Row,
): SpecialRow[] {
  return lengths.map((length) => {
    const rows = [...rowsOf(length, special), every(length, -Infinity), every(length, NaN)];
    return {
      name: `${name}, ${length} columns`,
      inputs: [table(rows)],
      run: (_, [x]) => run(x!),
      expected: ([x]) => rows.flatMap((_, r) => of(x!.slice(r * length, (r + 1) * length))),
    };
  });
}

const slope = (f: (x: Tensor) => Tensor) => (x: Tensor) =>
  gradient(() => reductions.sum(f(x)), [x]).gradients[0]!;
const oneHot = (row: Row, at: number) => row.map((_, i) => Number(i === at));

const reductionRows: readonly SpecialRow[] = [
  ...byRow("sum", infinite, (x) => reductions.sum(x, -1), total),
  ...byRow("sumRow", infinite, sumRow, total),
  ...byRow("mean", infinite, (x) => reductions.mean(x, -1), (row) => total(row) / row.length),
  ...byRow("max", extremes, (x) => reductions.max(x, -1), (row) => row[first(row)]!),
  ...byRow(
    "max, gradient",
    extremes,
    slope((x) => reductions.max(x, -1)),
    (row) => oneHot(row, first(row)),
  ),
  ...byRow("min", extremes, (x) => reductions.min(x, -1), (row) => {
    return row[first(row.map((x) => -x))]!;
  }),
  ...byRow("argmax", extremes, (x) => reductions.argmax(x, -1), first),
  ...byRow("softmax", extremes, softmax, softmaxOf),
  ...byRow("logSoftmax", extremes, logSoftmax, logSoftmaxOf),
  {
    name: "sumTo",
    inputs: [table([[1, Infinity, NaN, Infinity], [2, 1, 3, -Infinity]])],
    run: (_, [x]) => sumTo(x!, [4]),
    expected: () => [3, Infinity, NaN, NaN],
  },
];

/** Logits with the label's own logit, and the loss by the label's place. */
const logits: readonly Row[] = [
  [1e4, 1e4 - 1, -1e4],
  [1e30, 1, 2],
  [largest, -largest, 0],
  [-largest, largest, 0],
  [-1e4, -1e4, -1e4],
  [0, -Infinity, 1],
  [-Infinity, 0, 1],
  [Infinity, 0, 0],
  [NaN, 0, 0],
  [0, NaN, Infinity],
];
const labels = [0, 0, 0, 0, 0, 0, 0, 0, 0, ignoreIndex];
const lossOf = (row: Row, r: number) => labels[r] === ignoreIndex ? 0 : -logSoftmaxOf(row)[0]!;
const others: readonly Row[] = logits.map((_, r) => [0.5, r === 5 ? -Infinity : 2, -1]);

/** Logits of which even a difference is a float. */
const within = logits.filter((row) => !row.includes(largest));

function divergence(a: Row, b: Row): number {
  const [p, q] = [logSoftmaxOf(a).map(Math.fround), logSoftmaxOf(b).map(Math.fround)];
  return total(p.map((x, i) => Math.exp(x) === 0 ? 0 : Math.exp(x) * (x - q[i]!)));
}

const lossRows: readonly SpecialRow[] = [
  {
    name: "crossEntropy",
    inputs: [table(logits)],
    run: (d, [x]) => crossEntropy(x!, tensor(d, labels, undefined, "u32")),
    expected: () => logits.map(lossOf),
  },
  {
    name: "crossEntropy, smoothed",
    inputs: [table([[1e4, 0, -1e4], [0, -Infinity, 1], [NaN, 0, 1]])],
    run: (d, [x]) => crossEntropy(x!, tensor(d, [0, 0, 0], undefined, "u32"), 0.25),
    expected: () => [0.25 * 1e4, Infinity, NaN],
  },
  {
    name: "crossEntropy, gradient",
    inputs: [table(logits.slice(0, 9))],
    run: (d, [x]) =>
      slope((x) => crossEntropy(x, tensor(d, labels.slice(0, 9), undefined, "u32")))(x!),
    expected: () =>
      logits.slice(0, 9).flatMap((row) => softmaxOf(row).map((p, i) => p - Number(i === 0))),
  },
  ...[false, true].map((both): SpecialRow => ({
    name: `comparedCrossEntropy, ${both}`,
    inputs: [table(within), table(within.map((_, r) => [0.5, r === 3 ? -Infinity : 2, -1]))],
    run(d, [a, b]) {
      const labels = tensor(d, within.map((_, r) => r === 4 ? ignoreIndex : 0), undefined, "u32");
      return concatenate(comparedCrossEntropy(a!, b!, labels, { smoothing: 0, both }), 1);
    },
    expected: () =>
      within.flatMap((row, r) => {
        if (r === 4) return [0, 0];
        const other = [0.5, r === 3 ? -Infinity : 2, -1];
        const [there, back] = [divergence(row, other), divergence(other, row)];
        return [-logSoftmaxOf(row)[0]!, both ? (there + back) / 2 : there];
      }),
  })),
  {
    name: "klDivergence",
    inputs: [table(logits), table(others)],
    run: (_, [a, b]) => klDivergence(a!, b!),
    expected: () => logits.map((row, r) => divergence(row, others[r]!)),
  },
  {
    name: "klDivergence, gradient",
    inputs: [table([[0, -Infinity, 1], [largest, -largest, 0]]), table([[0, 1, 2], [0, 1, 2]])],
    run: (_, [a, b]) => slope((x) => klDivergence(x, b!))(a!),
    expected: ([a, b]) =>
      [0, 3].flatMap((at) => {
        const [x, y] = [a!.slice(at, at + 3), b!.slice(at, at + 3)];
        const [p, q, kl] = [logSoftmaxOf(x), logSoftmaxOf(y), divergence(x, y)];
        return p.map((l, i) => Math.exp(l) === 0 ? 0 : Math.exp(l) * (l - q[i]! - kl));
      }),
  },
  ...[[-Infinity, 0, 1], [NaN, 0, 1]].map((row): SpecialRow => ({
    name: `bidirectionalKl, of ${row[0]}`,
    inputs: [table([row]), table([[0.5, 2, -1]])],
    run: (_, [a, b]) => bidirectionalKl(a!, b!),
    expected: ([a, b]) => [(divergence(a!, b!) + divergence(b!, a!)) / 2],
  })),
];

const normal = [1, -2, 0.5, 3, -1, 0.25];
const normRows: readonly Row[] = [
  normal,
  ...[NaN, Infinity, -Infinity].map((x) => normal.map((y, i) => i === 4 ? x : y)),
  normal.map((x) => x * 1e15),
];
const weight = [1, 0, -0, Infinity, -Infinity, NaN];

const layerNormOf = (row: Row) => {
  const center = total(row) / row.length;
  const variance = total(row.map((x) => (x - center) ** 2)) / row.length;
  return row.map((x, i) => (x - center) / Math.sqrt(variance + 1e-5) * weight[i]! + i);
};
const rmsNormOf = (epsilon: number) => (row: Row) => {
  const size = 1 / Math.sqrt(total(row.map((x) => x * x)) / row.length + epsilon);
  return row.map((x, i) => x * size * weight[i]!);
};

const norms: readonly SpecialRow[] = [
  {
    name: "layerNorm",
    inputs: [table(normRows), table([weight]), table([[0, 1, 2, 3, 4, 5]])],
    run: (_, x) => apply(layerNormOp, x, { scalars: [1e-5] })[0]!,
    expected: () => normRows.flatMap(layerNormOf),
  },
  ...[1e-5, 0].map((epsilon): SpecialRow => ({
    name: `rmsNorm, epsilon ${epsilon}`,
    inputs: [table([...normRows, every(6, 0)]), table([weight])],
    run: (_, x) => apply(rmsNormOp, x, { scalars: [epsilon] })[0]!,
    expected: () => [...normRows, every(6, 0)].flatMap(rmsNormOf(epsilon)),
  })),
];

/** Values and columns in descending order: NaN, then the others; of equal ones the first. */
function ranking(row: Row, count: number): Row {
  const key = (x: number) => Number.isNaN(x) ? [1, 0] as const : [0, x] as const;
  const order = row.map((_, i) => i).sort((i, j) => {
    const [[a, x], [b, y]] = [key(row[i]!), key(row[j]!)];
    return b - a || (x === y ? i - j : y > x ? 1 : -1);
  }).slice(0, count);
  return [...order.map((i) => row[i]!), ...order];
}

const rankings = [9, 320, 4800].map((length): SpecialRow => {
  const rows = [...rowsOf(length, extremes), every(length, -Infinity), every(length, NaN)];
  return {
    name: `topK, ${length} columns`,
    inputs: [table(rows)],
    run: (_, [x]) => topK(x!, 3),
    expected: () => rows.flatMap((row) => ranking(row, 3)),
  };
});

/** Scores, which of them are kept, and the weights that they have. */
const masked: readonly (readonly [scores: Row, keep: Row, weights: Row])[] = [
  [[NaN, 0, 0, 0], [0, 1, 1, 0], [0, 0.5, 0.5, 0]],
  [[Infinity, 0, 0, -Infinity], [0, 1, 1, 1], [0, 0.5, 0.5, 0]],
  [[NaN, 1, 2, Infinity], [0, 0, 0, 0], [0, 0, 0, 0]],
  [[NaN, 1, 2, 3], [1, 1, 0, 1], [NaN, NaN, NaN, NaN]],
  [[Infinity, 1, 2, 3], [1, 1, 0, 1], [NaN, NaN, NaN, NaN]],
  [[-largest, -largest, 5, 5], [1, 1, 0, 0], [0.5, 0.5, 0, 0]],
  [[largest, -largest, 5, 5], [1, 1, 0, 0], [1, 0, 0, 0]],
  // Kept columns of -Infinity alone are as if they were not kept.
  [[-Infinity, -Infinity, 5, 5], [1, 1, 0, 0], [0, 0, 0, 0]],
  [[-Infinity, -Infinity, -Infinity, -Infinity], [1, 1, 1, 1], [0, 0, 0, 0]],
];
const [scores, keep] = [masked.map(([x]) => x), masked.flatMap(([, keep]) => keep)];
const weights = masked.flatMap(([, , weights]) => weights);

const maskedRows: readonly SpecialRow[] = [
  {
    name: "softmax, masked",
    inputs: [table(scores)],
    run: (d, [x]) => softmax(x!, -1, tensor(d, keep, [masked.length, 4], "u32")),
    expected: () => weights,
  },
  {
    name: "attentionWeights",
    inputs: [{ data: scores.flat(), shape: [masked.length, 1, 1, 1, 4] }],
    run(d, [x]) {
      const mask = tensor(d, keep, [masked.length, 4], "u32");
      return attentionWeights(x!, { scale: 1, causal: false, mask, maximum: 4 });
    },
    expected: () => weights,
  },
];

/** Rows of operations that read whole rows. */
export const reductionSpecials: readonly SpecialRow[] = [
  ...reductionRows,
  ...lossRows,
  ...norms,
  ...rankings,
  ...maskedRows,
];
