// Special values of elementwise operations: one number, pairs of numbers, and their gradients.
import { gradient } from "../../../core/gradient.ts";
import * as comparisons from "../../../core/ops/compare.ts";
import * as elementwise from "../../../core/ops/elementwise.ts";
import { pow } from "../../../core/ops/power.ts";
import { sum } from "../../../core/ops/reduce.ts";
import type { Tensor } from "../../../core/tensor.ts";
import { erfDouble } from "../../../kernels/cpu/javascript/functions.ts";
import { largest, line, moderate, pairs, type SpecialRow, specials } from "./special_row.ts";

type Function1 = (x: number) => number;
type Function2 = (a: number, b: number) => number;
type Unary = (x: Tensor) => Tensor;
type Binary = (a: Tensor, b: Tensor) => Tensor;

const { exp, SQRT1_2, PI, sqrt, tanh } = Math;
const erf: Function1 = (x) => Number.isNaN(x) ? x : erfDouble(x);
const cube = (x: number) => sqrt(2 / PI) * (x + 0.044715 * x * x * x);
const sigmoid: Function1 = (x) => 1 / (1 + exp(-x));
const normal: Function1 = (x) => exp(-x * x / 2) / sqrt(2 * PI);

/** Value and derivative of each function of one number. */
const unary: Readonly<Record<string, readonly [value: Function1, slope: Function1]>> = {
  neg: [(x) => -x, () => -1],
  abs: [Math.abs, (x) => x < 0 ? -1 : 1],
  exp: [exp, exp],
  log: [Math.log, (x) => 1 / x],
  sqrt: [sqrt, (x) => 0.5 / sqrt(x)],
  rsqrt: [(x) => 1 / sqrt(x), (x) => -0.5 * (1 / sqrt(x)) ** 3],
  tanh: [tanh, (x) => 1 - tanh(x) ** 2],
  erf: [erf, (x) => 2 / sqrt(PI) * exp(-x * x)],
  square: [(x) => x * x, (x) => 2 * x],
  gelu: [
    (x) => 0.5 * x * (1 + erf(x * SQRT1_2)),
    (x) => 0.5 * (1 + erf(x * SQRT1_2)) + x * normal(x),
  ],
  geluTanh: [
    (x) => 0.5 * x * (1 + tanh(cube(x))),
    (x) => {
      const y = tanh(cube(x));
      return 0.5 * (1 + y) + 0.5 * x * (1 - y * y) * sqrt(2 / PI) * (1 + 3 * 0.044715 * x * x);
    },
  ],
  sigmoid: [sigmoid, (x) => sigmoid(x) * sigmoid(-x)],
  silu: [(x) => x * sigmoid(x), (x) => sigmoid(x) + x * sigmoid(x) * sigmoid(-x)],
  relu: [(x) => x <= 0 ? 0 : x, (x) => x <= 0 ? 0 : 1],
};

/** What IEEE 754 rounds once. */
const rounded = ["neg", "abs", "sqrt", "square", "relu"];

const unaryRows = Object.entries(unary).flatMap(([name, [value, slope]]): SpecialRow[] => {
  const f = elementwise[name as keyof typeof elementwise] as unknown as Unary;
  return [
    {
      name,
      inputs: [line(specials)],
      run: (_, [x]) => f(x!),
      expected: ([x]) => x!.map(value),
      exact: rounded.includes(name),
    },
    {
      name: `${name}, gradient`,
      inputs: [line(moderate)],
      run: (_, [x]) => gradient(() => sum(f(x!)), [x!]).gradients[0]!,
      expected: ([x]) => x!.map(slope),
    },
  ];
});

/** `pow` of IEEE 754, where JavaScript has NaN for powers of ±1. */
const power: Function2 = (a, b) => {
  if (a === 1 || (a === -1 && Math.abs(b) === Infinity)) return 1;
  return a ** b;
};

/** Value of each function of two numbers, and its derivatives with respect to both. */
const binary: Readonly<Record<string, readonly [Binary, Function2, Function2?, Function2?]>> = {
  add: [elementwise.add, (a, b) => a + b, () => 1, () => 1],
  sub: [elementwise.sub, (a, b) => a - b, () => 1, () => -1],
  mul: [elementwise.mul, (a, b) => a * b, (_, b) => b, (a) => a],
  div: [elementwise.div, (a, b) => a / b, (_, b) => 1 / b, (a, b) => -(a / b) / b],
  maximum: [elementwise.maximum, Math.max, (a, b) => +!(a < b), (a, b) => +(a < b)],
  minimum: [elementwise.minimum, Math.min, (a, b) => +!(a > b), (a, b) => +(a > b)],
  equal: [comparisons.equal, (a, b) => +(a === b)],
  notEqual: [comparisons.notEqual, (a, b) => +(a !== b)],
  less: [comparisons.less, (a, b) => +(a < b)],
  lessEqual: [comparisons.lessEqual, (a, b) => +(a <= b)],
  greater: [comparisons.greater, (a, b) => +(a > b)],
  greaterEqual: [comparisons.greaterEqual, (a, b) => +(a >= b)],
  squaredError: [(a, b) => elementwise.square(elementwise.sub(a, b)), (a, b) => (a - b) ** 2],
};

const ends = [0, 1, 3, largest, Math.fround(1e-40), Infinity].flatMap((x) => [x, -x]).concat(NaN);

const binaryRows = Object.entries(binary).flatMap(([name, [f, value, ...slopes]]): SpecialRow[] => {
  const [a, b] = pairs(ends);
  const [p, q] = pairs(moderate);
  const all = (f: Function2): SpecialRow["expected"] => ([a, b]) => a!.map((x, i) => f(x, b![i]!));
  return [
    { name, inputs: [a, b], run: (_, [a, b]) => f(a!, b!), expected: all(value), exact: true },
    ...slopes.map((slope, k): SpecialRow => ({
      name: `${name}, gradient of operand ${k}`,
      inputs: [p, q],
      run: (_, [a, b]) => gradient(() => sum(f(a!, b!)), [a!, b!]).gradients[k]!,
      expected: all(slope!),
    })),
  ];
});

/** Operands that broadcast, which kernels treat apart: one in each row, and numbers. */
const broadcastRows = (["add", "sub", "mul", "div", "maximum", "minimum"] as const).flatMap(
  (name): SpecialRow[] => {
    const [, value] = binary[name]!;
    const rows = (x: readonly number[], y: readonly number[]) =>
      x.flatMap((a) => y.map((b) => value(a, b)));
    const [column, row] = [[ends.length, 1], [ends.length]];
    const of = name === "div" ? {} : { exact: true };
    return [
      {
        name: `${name}, first in each row`,
        inputs: [{ data: ends, shape: column }, { data: ends, shape: row }],
        run: (_, [a, b]) => elementwise[name](a!, b!),
        expected: ([a, b]) => rows(a!, b!),
        ...of,
      },
      {
        name: `${name}, second in each row`,
        inputs: [{ data: ends, shape: row }, { data: ends, shape: column }],
        run: (_, [a, b]) => elementwise[name](a!, b!),
        expected: ([a, b]) => b!.flatMap((y) => a!.map((x) => value(x, y))),
        ...of,
      },
      ...ends.filter((x) => x !== 3).map((number): SpecialRow => ({
        name: `${name}, the number ${Object.is(number, -0) ? "-0" : number}`,
        // The number is told as an input too, as a flush to 0 also meets it.
        inputs: [line(ends), line([number])],
        run: (_, [x]) => elementwise[name](x!, number),
        expected: ([x, of]) => x!.map((x) => value(x, of![0]!)),
        ...of,
      })),
    ];
  },
);

const exponents = [0.5, -0.5, 1, 2, 3, -1, -2, 1e9, Infinity, 0].flatMap((x) => [x, -x])
  .concat(NaN);
const bases = [0, 0.5, 1, 2, 1e20, Infinity].flatMap((x) => [x, -x]).concat(NaN);
const grid = {
  bases: bases.flatMap((a) => exponents.map(() => a)),
  exponents: bases.flatMap(() => exponents),
};

const powerRows: readonly SpecialRow[] = [
  {
    name: "pow",
    inputs: [line(grid.bases), line(grid.exponents)],
    run: (_, [a, b]) => pow(a!, b!),
    expected: ([a, b]) => a!.map((x, i) => power(x, b![i]!)),
  },
  {
    name: "pow, ends of the range",
    inputs: [
      line([-1, -1, 1, largest, -largest, largest]),
      line([largest, -largest, 1e9, 1, 1, 0]),
    ],
    run: (_, [a, b]) => pow(a!, b!),
    expected: () => [1, 1, 1, largest, -largest, 1],
  },
  ...[0, 0.5, -0.5, 1, 2, 3, -1, -3, 1.5, Infinity, NaN].map((exponent): SpecialRow => ({
    name: `pow, exponent ${exponent}`,
    inputs: [line(bases)],
    run: (_, [x]) => pow(x!, exponent),
    expected: ([x]) => x!.map((x) => power(x, exponent)),
  })),
  {
    name: "pow, gradient of the base",
    inputs: [line([0, 0, 0, 0, 0, 2, -2, -2, 0.5]), line([0, 0.5, 1, 2, 3, 0, 3, 2, 0.5])],
    run: (_, [a, b]) => gradient(() => sum(pow(a!, b!)), [a!, b!]).gradients[0]!,
    expected: ([a, b]) => a!.map((x, i) => b![i] === 0 ? 0 : b![i]! * x ** (b![i]! - 1)),
  },
  {
    name: "pow, gradient of the exponent",
    inputs: [line([0, 0, 0, 2, 2, -2, 0]), line([0, 0.5, 2, 0, 3, 3, -1])],
    run: (_, [a, b]) => gradient(() => sum(pow(a!, b!)), [a!, b!]).gradients[1]!,
    expected: () => [0, 0, 0, Math.LN2, 8 * Math.LN2, NaN, -Infinity],
  },
];

const near = Array.from({ length: 400 }, (_, i) => (i - 200) / 10);

/** Where results come close to their bounds, which none may cross. */
const saturating: readonly SpecialRow[] = [
  {
    name: "tanh, distance to 1",
    inputs: [line(near)],
    run: (_, [x]) => elementwise.relu(elementwise.sub(elementwise.abs(elementwise.tanh(x!)), 1)),
    expected: () => near.map(() => 0),
    exact: true,
  },
  {
    name: "sigmoid, its logarithm",
    inputs: [line(near.map((x) => 4 * x))],
    run: (_, [x]) => elementwise.log(elementwise.sigmoid(x!)),
    expected: ([x]) => x!.map((x) => x < 0 ? x - Math.log1p(exp(x)) : -Math.log1p(exp(-x))),
  },
];

const clipRows = [[-1, 1], [-Infinity, Infinity], [NaN, 1], [0, NaN]].map(([low, high]) => ({
  name: `clip, ${low} to ${high}`,
  inputs: [line(specials)],
  run: (_, [x]) => elementwise.clip(x!, low!, high!),
  expected: ([x]) => x!.map((x) => Math.min(Math.max(x, low!), high!)),
  exact: true,
} satisfies SpecialRow));

/** Rows of elementwise operations. */
export const elementwiseSpecials: readonly SpecialRow[] = [
  ...unaryRows,
  ...binaryRows,
  ...broadcastRows,
  ...powerRows,
  ...saturating,
  ...clipRows,
  ...[0, -1.5, Infinity, NaN].map((factor): SpecialRow => ({
    name: `scale, by ${factor}`,
    inputs: [line(specials)],
    run: (_, [x]) => elementwise.scale(x!, factor),
    expected: ([x]) => x!.map((x) => x * Math.fround(factor)),
    exact: true,
  })),
  {
    name: "where",
    inputs: pairs(ends),
    run: (_, [a, b]) => comparisons.where(comparisons.less(a!, b!), a!, b!),
    expected: ([a, b]) => a!.map((x, i) => x < b![i]! ? x : b![i]!),
    exact: true,
  },
];
