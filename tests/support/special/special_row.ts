// What one row of the table of special values is, and when a result is the one that IEEE 754 demands.
import type { Device } from "../../../core/device.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";

/** Numbers in some shape. */
export interface Numbers {
  readonly data: readonly number[];
  readonly shape: readonly number[];
}

/** One operation at infinities, NaN, both zeros and the ends of the range. */
export interface SpecialRow {
  /** The operation, and after a comma what is special about the row. */
  readonly name: string;
  readonly inputs: readonly Numbers[];
  readonly run: (device: Device, inputs: Tensor[]) => Tensor;
  /** The results in 64 bits; rounded to 32 they are what every backend owes. */
  readonly expected: (inputs: readonly (readonly number[])[]) => readonly number[];
  /**
   * Whether each result is one operation that IEEE 754 rounds: on the CPU to the bit, the sign of
   * zero and subnormal numbers included. Others may be off by 1e-6 plus 1e-5 of the result.
   */
  readonly exact?: boolean;
}

/** What a platform promises. */
export interface Promises {
  /** WGSL lets an adapter take subnormal numbers for 0 and forget the sign of 0. */
  readonly subnormal: boolean;
}

export const largest: number = Math.fround(3.4028234663852886e38);
const smallestNormal = 2 ** -126;
const { fround } = Math;

/** Ends of the range and ordinary numbers of either sign, as 32 bits hold them. */
export const specials: readonly number[] = [
  ...[0, 0.5, 1, 3, 20, 100, 1e10, largest, smallestNormal, 1e-40, Infinity]
    .flatMap((x) => [fround(x), fround(-x)]),
  NaN,
];

/** Those where no square overflows and none is subnormal: what gradients are made of stays in range. */
export const moderate: readonly number[] = [
  ...[0, 0.5, 1, 3, 20, 1e10, Infinity].flatMap((x) => [fround(x), fround(-x)]),
  NaN,
];

/** Numbers in one row. */
export function line(data: readonly number[]): Numbers {
  return { data, shape: [data.length] };
}

/** Rows of equal length. */
export function table(rows: readonly (readonly number[])[]): Numbers {
  return { data: rows.flat(), shape: [rows.length, rows[0]!.length] };
}

/** Every pair of some numbers: all first ones, all second ones. */
export function pairs(numbers: readonly number[]): readonly [Numbers, Numbers] {
  return [
    line(numbers.flatMap((a) => numbers.map(() => a))),
    line(numbers.flatMap(() => numbers)),
  ];
}

const flushed = (x: number) => Math.abs(x) < smallestNormal ? 0 : x;

function agrees(actual: number, exact: number, strict: boolean, close: boolean): boolean {
  const wanted = fround(exact);
  if (!Number.isFinite(wanted)) return Object.is(actual, wanted);
  if (strict) return Object.is(actual, wanted);
  const absolute = close ? smallestNormal : 1e-6;
  return Math.abs(actual - wanted) <= absolute + (close ? 1e-6 : 1e-5) * Math.abs(wanted);
}

/** Runs a row; names each result that is not what it must be. */
export async function faultsOf(
  { name, inputs, run, expected, exact = false }: SpecialRow,
  device: Device,
  { subnormal }: Promises,
): Promise<string[]> {
  using _scope = device.scope("special");
  const tensors = inputs.map(({ data, shape }) => tensor(device, [...data], shape));
  const actual = [...await run(device, tensors).read()];
  const wanted = expected(inputs.map(({ data }) => data));
  const others = subnormal ? wanted : expected(inputs.map(({ data }) => data.map(flushed)));
  if (actual.length !== wanted.length) return [`${name}: ${actual.length} of ${wanted.length}`];
  return wanted.flatMap((w, i) => {
    const fits = [w, others[i]!].some((w) => agrees(actual[i]!, w, exact && subnormal, exact));
    const given = inputs.filter(({ data }) => data.length === wanted.length);
    const at = given.length > 0 ? given.map(({ data }) => data[i]).join(", ") : `result ${i}`;
    return fits ? [] : [`${name}: ${actual[i]} for ${fround(w)} at ${at}`];
  });
}
