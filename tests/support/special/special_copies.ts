// Special values of what moves numbers: products, tables, views, new tensors and masks.
import { apply } from "../../../core/apply.ts";
import type { Device } from "../../../core/device.ts";
import * as creations from "../../../core/ops/create.ts";
import { where } from "../../../core/ops/compare.ts";
import { add, mul } from "../../../core/ops/elementwise.ts";
import { gather, scatterAdd } from "../../../core/ops/gather.ts";
import { matmul, matmulAdd, matmulScaled } from "../../../core/ops/matmul.ts";
import { rotaryRows, rotaryTables, rotate } from "../../../core/ops/rotary.ts";
import { expand } from "../../../core/ops/rowwise.ts";
import * as parts from "../../../core/ops/slice.ts";
import * as views from "../../../core/ops/view.ts";
import { foldKey, normal, seedKey, threefry, uniform } from "../../../core/random.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { dropElementsOp, dropSpanOp } from "../../../nn/dropout/drop_hidden.ts";
import { addEmbeddingNoise } from "../../../nn/dropout/embedding_noise.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { activations } from "../../../nn/layers/feed_forward.ts";
import { rotaryOf } from "../rotary.ts";
import { tanhContraction } from "../op_table.ts";
import { type Numbers, type SpecialRow, specials, table } from "./special_row.ts";

const words = (d: Device, data: number[], shape = [data.length]) => tensor(d, data, shape, "u32");

/** A matrix with special numbers at its first and last elements. */
function matrix(rows: number, columns: number, seed: number, first: number, last: number): Numbers {
  const data = [...uniform(seedKey(seed), rows * columns)].map((u) => Math.fround(u - 0.5));
  data[0] = first;
  data[data.length - 1] = last;
  return { data, shape: [rows, columns] };
}

type Sizes = readonly [m: number, n: number, k: number];

function product(a: readonly number[], b: readonly number[], [m, n, k]: Sizes): number[] {
  return Array.from({ length: m * n }, (_, at) => {
    const [row, column] = [Math.floor(at / n), at % n];
    let sum = 0;
    for (let i = 0; i < k; i++) sum += a[row * k + i]! * b[i * n + column]!;
    return sum;
  });
}

/** Sizes of one row, of few and of many rows, deep ones, and edges of tiles. */
const sizes: readonly Sizes[] = [
  [1, 33, 40],
  [3, 7, 5],
  [5, 6, 300],
  [70, 65, 33],
  [2, 900, 17],
  [130, 4, 129],
];
const corners = [[NaN, 1], [Infinity, 0], [Infinity, -Infinity], [0, NaN]] as const;

const productRows = sizes.flatMap((size) =>
  corners.flatMap(([first, last]): SpecialRow[] => {
    const [m, n, k] = size;
    const what = `${m} x ${n} x ${k}, ${first} and ${last}`;
    const left = matrix(m, k, 1, first, last);
    const right = matrix(k, n, 2, 0, Infinity);
    const inputs = [left, right];
    const plain = product(left.data, right.data, size);
    return [
      {
        name: `matmul, ${what}`,
        inputs,
        run: (_, [a, b]) => matmul(a!, b!),
        expected: () => plain,
      },
      {
        name: `matmul, transposed, ${what}`,
        inputs: [matrix(n, k, 3, first, last), matrix(m, k, 4, 0, Infinity)],
        run: (_, [a, b]) => matmul(b!, views.transpose(a!)),
        expected: ([a, b]) => {
          const turned = Array.from(
            { length: k * n },
            (_, at) => a![at % n * k + Math.floor(at / n)]!,
          );
          return product(b!, turned, size);
        },
      },
    ];
  })
);

const small = [3, 4, 5] as const;
const [left, right] = [matrix(3, 5, 1, NaN, Infinity), matrix(5, 4, 2, 1, -Infinity)];
const bias = table([[0, NaN, Infinity, -Infinity]]);
const smallProduct = product(left.data, right.data, small);

const fusedRows: readonly SpecialRow[] = [
  {
    name: "matmulAdd",
    inputs: [left, right, { ...bias, shape: [4] }],
    run: (_, [a, b, c]) => matmulAdd(a!, b!, c!),
    expected: ([, , c]) => smallProduct.map((x, i) => x + c![i % 4]!),
  },
  ...[0.3, -1, Infinity].map((factor): SpecialRow => ({
    name: `matmulScaled, by ${factor}`,
    inputs: [left, right],
    run: (_, [a, b]) => matmulScaled(a!, b!, factor),
    expected: () => smallProduct.map((x) => x * factor),
  })),
  {
    name: "fusedMatmul",
    inputs: [left, right, { ...bias, shape: [4] }],
    run: (_, x) => apply(tanhContraction, x, {})[0]!,
    expected: ([, , c]) => smallProduct.map((x, i) => Math.tanh(x + c![i % 4]!)),
  },
  {
    name: "fusedMatmul, relu",
    inputs: [left, right],
    run: (_, x) => apply(activations.relu.product, x, {})[0]!,
    expected: () => smallProduct.map((x) => x <= 0 ? 0 : x),
  },
  {
    name: "matmul, halves",
    inputs: [matrix(3, 5, 1, 0, 1)],
    run: (d, [x]) => {
      // 1, infinity, minus infinity, NaN and the smallest subnormal number, in each of five rows.
      const bits = [0x3c00, 0x7c00, 0xfc00, 0x7e01, 0x0001];
      const half = Uint16Array.from({ length: 25 }, (_, i) => bits[i % 5]!);
      return matmul(x!, tensor(d, half, [5, 5], "f16"));
    },
    expected: ([x]) => {
      const row = [1, Infinity, -Infinity, NaN, 2 ** -24];
      return product(x!, Array.from({ length: 25 }, (_, i) => row[i % 5]!), [3, 5, 5]);
    },
  },
];

const [width, height] = [4, 6];
const source = { data: [...specials, 7], shape: [height, width] };
if (source.data.length !== width * height) {
  throw new Error("A table of special numbers is not full");
}

/** Rows of the source, and its columns, one after the other. */
const rowsOf = (x: readonly number[], ...rows: number[]) =>
  rows.flatMap((r) => x.slice(r * width, (r + 1) * width));
const columnsOf = (x: readonly number[], ...columns: number[]) =>
  columns.flatMap((c) => x.filter((_, at) => at % width === c));
const same = (x: readonly number[]) => x;
const twice = (x: readonly number[]) => [...x, ...x];
const turned = (x: readonly number[]) => columnsOf(x, 0, 1, 2, 3);

type Copy = readonly [
  run: (x: Tensor, device: Device) => Tensor,
  result: (x: readonly number[]) => readonly number[],
];

/** What hands numbers on unchanged, or combines them with ordinary ones. */
const copies: Readonly<Record<string, Copy>> = {
  gather: [(x, d) => gather(x, words(d, [5, 0])), (x) => rowsOf(x, 5, 0)],
  contiguous: [(x) => views.contiguous(views.transpose(x)), turned],
  reshape: [(x) => views.reshape(x, [-1]), same],
  permute: [(x) => views.permute(x, [1, 0]), turned],
  transpose: [(x) => views.transpose(x), turned],
  flip: [(x) => views.flip(x, 0), (x) => rowsOf(x, 5, 4, 3, 2, 1, 0)],
  squeeze: [(x) => views.squeeze(views.reshape(x, [1, height, width])), same],
  expandDims: [(x) => views.expandDims(x, 0), same],
  expand: [(x) => views.contiguous(expand(x, [2, height, width])), twice],
  slice: [(x) => parts.slice(x, 0, 1, 3), (x) => rowsOf(x, 1, 2)],
  split: [(x) => parts.split(x, 1, [1, 3])[0]!, (x) => columnsOf(x, 0)],
  concatenate: [(x) => parts.concatenate([x, x], 0), twice],
  stack: [(x) => parts.stack([x, x]), twice],
  zeros: [(x, d) => add(x, creations.zeros(d, [height, width])), (x) => x.map((x) => x + 0)],
  ones: [(x, d) => mul(x, creations.ones(d, [height, width])), same],
  arange: [(x, d) => mul(x, creations.arange(d, 1, 5)), (x) => x.map((x, i) => x * (1 + i % 4))],
  randomUniform: [
    (x, d) => mul(x, creations.randomUniform(d, seedKey(1), [height, width], [2, 2])),
    (x) => x.map((x) => 2 * x),
  ],
  randomBernoulli: [
    (x, d) => where(creations.randomBernoulli(d, seedKey(1), [height, width], 1), x, 0),
    same,
  ],
  drop: [
    (x, d) =>
      apply(dropElementsOp, [views.reshape(x, [2, 3, 4]), words(d, [0, 2], [2, 1, 1])], {
        scalars: [5, 6, 2 ** 31, 0, 2],
        indices: [{ offset: 0, strides: [0, 4, 1] }],
      })[0]!,
    // A dropped NaN is NaN, as one times 0 is.
    (x) =>
      x.map((x, i) =>
        x * [2, 0, 0, 2, 2, 0, 2, 0, 2, 2, 2, 2, 0, 0, 2, 0, 2, 0, 0, 0, 2, 2, 0, 2][i]!
      ),
  ],
  dropSpan: [
    (x, d) =>
      apply(
        dropSpanOp,
        [views.reshape(x, [2, 3, 4]), ...[[0, 2], [3, 3]].map((w) => words(d, w, [2, 1, 1]))],
        { scalars: [5, 6, 2 ** 15, 0, 1], indices: [{ offset: 0, strides: [0, 1, 0] }] },
      )[0]!,
    (x) => x.map((x, i) => x * Number(i < 4 || i >= 20)),
  ],
};

const copyRows = Object.entries(copies).map(([name, [run, result]]): SpecialRow => ({
  name,
  inputs: [source],
  run: (d, [x]) => run(x!, d),
  expected: ([x]) => result(x!),
  exact: true,
}));

const otherRows: readonly SpecialRow[] = [
  ...[Infinity, -Infinity, NaN, -0].map((number): SpecialRow => ({
    name: `full, of ${Object.is(number, -0) ? "-0" : number}`,
    inputs: [],
    run: (d) => creations.full(d, [2, 3], number),
    expected: () => new Array<number>(6).fill(number),
    exact: true,
  })),
  {
    name: "randomNormal",
    inputs: [source],
    run: (d, [x]) => mul(x!, creations.randomNormal(d, seedKey(4), [height, width])),
    expected: ([x]) => {
      const drawn = normal(seedKey(4), height * width);
      return x!.map((x, i) => x * Math.fround(drawn[i]!));
    },
  },
  {
    name: "scatterAdd",
    inputs: [table([[NaN, Infinity, -0], [1, -Infinity, -0], [2, Infinity, Infinity]])],
    run: (d, [x]) => scatterAdd(x!, words(d, [2, 2, 0]), 4),
    expected: () => [2, Infinity, Infinity, 0, 0, 0, NaN, NaN, 0, 0, 0, 0],
  },
  {
    name: "embeddingNoise",
    inputs: [source],
    run: (d, [x]) =>
      addEmbeddingNoise(views.reshape(x!, [2, 3, 4]), {
        plan: dropoutPlan("lora", false, { neftuneAlpha: 5 }),
        key: seedKey(1),
        examples: words(d, [0, 2]),
        lengths: words(d, [3, 2]),
      }),
    expected: ([x]) => {
      const key = foldKey(seedKey(1), "embeddings/noise");
      return x!.map((x, i) => {
        const [b, place] = [Math.floor(i / 12), i % 12];
        const length = [3, 2][b]!;
        const word = threefry(key, 2 * b, place >> 1)[place % 2]!;
        const unit = ((word >>> 9) + 0.5) * 2 ** -22 - 1;
        return x + (place < 4 * length ? unit * 5 / Math.sqrt(4 * length) : 0);
      });
    },
  },
  {
    name: "rotate",
    inputs: [{ data: [1, NaN, 2, 3, Infinity, 1, 4, -Infinity], shape: [1, 1, 2, 4] }],
    run: (d, [x]) =>
      rotate(
        x!,
        rotaryRows(
          rotaryTables(d, 2, rotaryOf([1, 0.1])),
          words(d, [0, 1], [1, 2]),
        ),
      ),
    expected: ([x]) =>
      x!.map((value, at) => {
        const [position, i] = [at >> 2, at & 1];
        const angle = position * 100 ** (-i / 2);
        const other = x![at ^ 2]! * Math.sin(angle);
        return value * Math.cos(angle) + ((at & 2) === 0 ? -other : other);
      }),
  },
];

/** Rows of products, tables, views, new tensors and masks. */
export const copySpecials: readonly SpecialRow[] = [
  ...productRows,
  ...fusedRows,
  ...copyRows,
  ...otherRows,
];
