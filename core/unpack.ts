/**
 * Quantised matrices as numbers: what reads one is given a copy, which ends with the operation, so that
 * there is one at a time whatever the number of matrices. Every rounding is a store of its own, so the
 * numbers are the same on every backend.
 *
 * @module
 */

import type { Bound } from "./backend.ts";
import type { Quantised, StoredFloat } from "./dtype.ts";
import {
  addWords,
  type Float,
  float,
  input,
  multiplyWords,
  select,
  shiftRight,
  toFloat,
  type Word,
  word,
} from "./expr.ts";
import { copyProgram, gatherProgram, type Program, rowProgram } from "./program.ts";
import {
  blockSize,
  codesPerWord,
  normalLevels,
  quantisedLayout,
  scalesPerGroup,
} from "./quantisation.ts";
import { Value } from "./storage.ts";

const [codes, factor, scale] = [input(0, "u32", 3), input(1, "u32", 3), input(2, "f32", 3)];
/** A code in the highest bits. */
const highest = multiplyWords(codes, factor);
const byte = shiftRight(highest, 24);

/** The level that the highest bits of a word choose among some, of which there is a power of two. */
function levelOf(bits: Word, levels: readonly number[]): Float {
  if (levels.length === 1) return float(levels[0]!);
  const half = levels.length / 2;
  const rest = addWords(bits, bits);
  const isLower = bits.compare("lt", word(2 ** 31));
  return select(isLower, levelOf(rest, levels.slice(0, half)), levelOf(rest, levels.slice(half)));
}

const numbers: Readonly<Record<Quantised, Float>> = {
  nf4: levelOf(highest, normalLevels),
  int8: toFloat(byte).sub(128),
};
const programs = {
  nf4: rowProgram(["u32", "u32", "f32"], [numbers.nf4.mul(scale)]),
  int8: rowProgram(["u32", "u32", "f32"], [numbers.int8.mul(scale)]),
};
const byteProgram = rowProgram(["u32", "u32"], [byte]);
const [x, y] = [input(0, "f32", 3), input(1, "f32", 3)];
const productProgram = rowProgram(["f32", "f32"], [x.mul(y)]);
const sumProgram = rowProgram(["f32", "f32"], [x.add(y)]);

/** Runs programs for one matrix; what they make in between is released with it. */
class Widening implements Disposable {
  readonly #made: Value[] = [];
  readonly #backend;

  constructor(readonly matrix: Value) {
    this.#backend = matrix.storage.backend;
  }

  /** A part of the matrix's memory. */
  part(dtype: "u32" | "f32", offset: number, strides: readonly number[]): Bound {
    return { buffer: this.matrix.storage.buffer, dtype, offset, strides };
  }

  /** Memory that lives as long as this. */
  room(dtype: "u32" | "f32", length: number): Value {
    const made = Value.allocate(this.#backend, dtype, [length]);
    made.storage.retain();
    this.#made.push(made);
    return made;
  }

  run(program: Program, space: readonly number[], inputs: readonly Bound[], output: Bound): void {
    this.#backend.run(program, { space, inputs, outputs: [output], indices: [], scalars: [] });
  }

  [Symbol.dispose](): void {
    for (const { storage } of this.#made) storage.release();
  }
}

function seen({ storage: { buffer }, dtype }: Value, strides: readonly number[]): Bound {
  return { buffer, dtype: dtype as Bound["dtype"], offset: 0, strides };
}

/** The scales of `nf4` in order: `(level · scale of the group) + mean`. */
function widenScales(work: Widening, length: number): Bound {
  const { scales, scaleScales, scaleGroups, byteFactors, levels } = quantisedLayout("nf4", length);
  const count = scaleGroups * scalesPerGroup;
  const [words, floats, sums] = [
    work.room("u32", count),
    work.room("f32", count),
    work.room("f32", count),
  ];
  const packed = [
    work.part("u32", scales, [blockSize, 0, 1]),
    work.part("u32", byteFactors, [0, 1, 0]),
  ];
  const space = [scaleGroups, codesPerWord.int8, blockSize];
  work.run(byteProgram, space, packed, seen(words, [scalesPerGroup, blockSize, 1]));
  const table = work.part("f32", levels, [1, 1]);
  work.run(gatherProgram, [count, 1], [table, seen(words, [1])], seen(floats, [1, 1]));
  const [rows, flat] = [[scaleGroups, scalesPerGroup], [scalesPerGroup, 1]];
  const ofGroup = work.part("f32", scaleScales, [1, 0]);
  work.run(productProgram, rows, [seen(floats, flat), ofGroup], seen(sums, flat));
  const mean = work.part("f32", scaleScales + scaleGroups, [0, 0]);
  work.run(sumProgram, rows, [seen(sums, flat), mean], seen(floats, flat));
  return seen(floats, [codesPerWord.nf4, 1, 0]);
}

/**
 * The numbers of a quantised value: a view of such a matrix is the same view of its numbers.
 *
 * @param float Element type of the numbers, which are those of 32 bits whatever it is
 * @returns Memory of their own, of which the caller has a reference that it must release
 */
export function unpacked(value: Value, float: StoredFloat): Value {
  const { storage, shape, strides, offset } = value;
  const dtype = storage.dtype as Quantised;
  const { groups, scales, factors } = quantisedLayout(dtype, storage.length);
  const perWord = codesPerWord[dtype];
  using work = new Widening(value);
  const scale = dtype === "nf4"
    ? widenScales(work, storage.length)
    : work.part("f32", scales, [perWord, 1, 0]);
  const inputs = [
    work.part("u32", 0, [blockSize, 0, 1]),
    work.part("u32", factors, [0, 1, 0]),
    scale,
  ];
  const size = groups * perWord * blockSize;
  const made = Value.allocate(storage.backend, float, [size]);
  const first = float === "f64" ? work.room("f32", size) : made;
  const space = [groups, perWord, blockSize];
  work.run(programs[dtype], space, inputs, seen(first, [perWord * blockSize, blockSize, 1]));
  if (first !== made) work.run(copyProgram, [size], [seen(first, [1])], seen(made, [1]));
  // Not before all is queued: what fails half-way leaves it to nobody.
  made.storage.retain();
  return new Value(made.storage, shape, strides, offset);
}
