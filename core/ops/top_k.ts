/**
 * The largest elements of long rows, found on the device: only they come to the host. A row is cut
 * into chunks; the best elements lie in the chunks with the best maxima, which are found the same
 * way. Short rows are ranked by comparing all pairs.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { argumentError, argumentsOf, checkArguments } from "../arguments.ts";
import {
  addWords,
  filledBy,
  float,
  index,
  input,
  isNumber,
  rowMax,
  rowSum,
  scalar,
  select,
  toFloat,
  toWord,
} from "../expr.ts";
import { checkInteger } from "../numbers.ts";
import { gather } from "./gather.ts";
import { rowwise } from "./rowwise.ts";
import { concatenate } from "./slice.ts";
import { reshape } from "./view.ts";
import type { Device } from "../device.ts";
import { shapeOf, type Tensor } from "../tensor.ts";

/** Elements of a chunk. */
export const chunk = 16;

/** Longest row whose pairs are compared where few elements are sought. */
const short = 256;

/** Whether a row is cut into chunks; its length must then be a multiple of {@linkcode chunk}. */
export function isChunked(length: number, count: number): boolean {
  return length > Math.max(short, 2 * chunk * count);
}

/**
 * What elements are ranked by, a value and a label: NaN as infinity with a label below all others.
 */
const keyOp = (() => {
  const [x, label] = [input(0, "f32", 3), input(1, "f32", 3)];
  const known = isNumber(x);
  const [most, before] = [scalar(0, "f32"), label.sub(scalar(1, "f32"))];
  return rowwise("rankKeys", ["f32", "f32"], [
    select(known, x, most),
    select(known, label, before),
  ]);
})();

/** Elements that come before this one: larger, or equal with a lower label. */
const rankOp = (() => {
  const [own, ownLabel] = [input(0, "f32", 1), input(1, "f32", 1)];
  const [other, otherLabel] = [input(2, "f32", 3), input(3, "f32", 3)];
  const tied = own.compare("eq", other).and(otherLabel.compare("lt", ownLabel));
  const later = own.compare("lt", other).not().and(tied.not());
  const kinds = ["f32", "f32", "f32", "f32"] as const;
  return rowwise("rank", kinds, [rowSum(select(later, float(0), float(1)))]);
})();

/** Value and label of the element whose rank is the number of the row. */
const pickOp = (() => {
  const ranked = toFloat(index(0, 1)).compare("eq", input(0, "f32", 3));
  const of = (slot: number) => rowSum(select(ranked, input(slot, "f32", 3), float(0)));
  return rowwise("pick", ["f32", "f32", "f32"], [of(1), of(2)]);
})();

/** Largest element of a chunk, or NaN, which the scalar is. */
const maximumOp = (() => {
  const x = input(0, "f32", 3);
  const missing = rowMax(select(isNumber(x), float(0), float(1)));
  const most = select(missing.compare("eq", 0), rowMax(x), scalar(0, "f32"));
  return rowwise("rowMaximum", ["f32"], [most]);
})();
const numbersOp = rowwise("numbers", [], [toFloat(index(0, 3))]);
const fillOp = rowwise("fill", [], [filledBy(0)]);
/** Flat number of a chunk: its number in the row, and where the row begins. */
const flatOp = rowwise("flatChunk", ["f32"], [addWords(toWord(input(0, "f32", 3)), index(0, 3))]);
/** Columns of a chunk's elements. */
const columnsOp = rowwise("chunkColumns", ["f32"], [
  input(0, "f32", 1).mul(scalar(0, "f32")).add(toFloat(index(0, 2))),
]);

const taken = argumentsOf(["f32"]);

interface Best {
  readonly values: Tensor;
  readonly columns: Tensor;
}

/**
 * The `count` largest elements of each row, best first; of equal ones the lower column comes first,
 * and NaN comes before all numbers.
 *
 * **Shapes**: `[rows, length] -> [rows, 2 · count]`: the elements, then their columns.
 *
 * @param x Numbers; where {@linkcode isChunked}, rows of whole chunks
 * @param count At most the length of a row
 * @throws {ShapeError} If there are not two axes, or the count is no such number
 */
export function topK(x: Tensor, count: number): Tensor {
  const shape = shapeOf("topK", x);
  if (shape.length !== 2) throw argumentError("topK", "x", "2 axes, [rows, length]", `[${shape}]`);
  checkInteger("topK", "count", count, 1, shape[1]!);
  checkArguments("topK", taken, [x.value]);
  const { values, columns } = best(x, count);
  return concatenate([values, columns], 1);
}

function best(x: Tensor, count: number): Best {
  const [rows, length] = x.shape as [number, number];
  if (!isChunked(length, count)) return choose(x, numbers(x.device, length), count);
  const chunks = length / chunk;
  const members = reshape(x, [rows * chunks, chunk]);
  const maxima = reshape(apply(maximumOp, [members], { scalars: [NaN] })[0]!, [rows, chunks]);
  const whole = isChunked(chunks, count) ? padded(maxima) : maxima;
  const found = best(whole, count).columns;
  const flat = apply(flatOp, [found], { indices: [{ offset: 0, strides: [chunks, 0] }] })[0]!;
  const columns = apply(columnsOp, [reshape(found, [rows, count, 1])], {
    space: [rows, count, chunk],
    scalars: [chunk],
    indices: [{ offset: 0, strides: [0, 0, 1] }],
  })[0]!;
  const near = reshape(gather(members, flat), [rows, count * chunk]);
  return choose(near, reshape(columns, near.shape), count);
}

/** Rows filled up to whole chunks, with what comes after all elements. */
function padded(x: Tensor): Tensor {
  const [rows, length] = x.shape as [number, number];
  const missing = -length & (chunk - 1);
  if (missing === 0) return x;
  const fill = apply(fillOp, [], { space: [rows, missing], scalars: [-Infinity] }, x.device)[0]!;
  return concatenate([x, fill], 1);
}

/** `[1, length]`: 0, 1, 2, … */
function numbers(device: Device, length: number): Tensor {
  const indices = [{ offset: 0, strides: [0, 1] }];
  return apply(numbersOp, [], { space: [1, length], indices }, device)[0]!;
}

/** Compares all pairs; labels `[rows or 1, length]` name the elements. */
function choose(x: Tensor, labels: Tensor, count: number): Best {
  const [rows, length] = x.shape as [number, number];
  const down = (t: Tensor) => reshape(t, [t.shape[0]!, length, 1]);
  const along = (t: Tensor) => reshape(t, [t.shape[0]!, 1, length]);
  // Halves hold no labels.
  const { float } = x.device;
  const [keys, order] = apply(keyOp, [x, labels], {
    scalars: [Infinity, 2 ** 24],
    dtypes: [float, float],
  }) as Tensor[];
  const ranks = apply(rankOp, [down(keys!), down(order!), along(keys!), along(order!)], {})[0]!;
  const [values, columns] = apply(pickOp, [ranks, x, labels].map(along), {
    space: [rows, count, length],
    indices: [{ offset: 0, strides: [0, 1, 0] }],
  }) as [Tensor, Tensor];
  return { values: reshape(values, [rows, count]), columns: reshape(columns, [rows, count]) };
}
