// What the pretended cuBLASLt computes: products of column-major matrices of bf16, with sums in 32 bits.
import { floatOf, toBfloat } from "./arithmetic.ts";
import { CardFault, type CardRange } from "./card_range.ts";
import type { DriverState } from "./driver_state.ts";

/** A column-major matrix on the card. */
export interface LtMatrix {
  readonly address: number;
  /** Of an element: 2 are a bf16, 4 a float. */
  readonly bytes: 2 | 4;
  readonly rows: number;
  readonly columns: number;
  /** Elements from one column to the next. */
  readonly pitch: number;
}

/** A product as it was queued. */
export interface LtWork {
  readonly transposed: readonly [boolean, boolean];
  readonly factors: readonly [LtMatrix, LtMatrix];
  readonly before: LtMatrix;
  readonly result: LtMatrix;
  /** Added to each column of the result. */
  readonly bias?: LtMatrix;
  /** Of the product, and of what was there before. */
  readonly scales: readonly [number, number];
  readonly workspace: { readonly address: number; readonly bytes: number };
}

/** Bytes at each end of the workspace that are written over. */
const scribbled = 4096;

/** Computes it; gives the driver's code. */
export function multiply(state: DriverState, work: LtWork): number {
  if (state.fault !== 0) return state.lost;
  const { memory } = state;
  try {
    scribble(memory, work.workspace);
    const { factors: [left, right], transposed, result, before, scales: [alpha, beta] } = work;
    const x = halves(memory, left, transposed[0]);
    const y = halves(memory, right, !transposed[1]);
    const into = placeOf(memory, result);
    const floats = new Float32Array(memory.bytes.buffer);
    const read = reader(memory, before);
    const row = work.bias === undefined ? () => 0 : reader(memory, work.bias);
    const write = (at: number, value: number) => {
      if (result.bytes === 4) floats[into / 4 + at] = value;
      else memory.halves[into / 2 + at] = toBfloat(value);
    };
    const depth = transposed[0] ? left.rows : left.columns;
    for (let column = 0; column < result.columns; column++) {
      for (let r = 0; r < result.rows; r++) {
        let sum = 0;
        for (let k = 0; k < depth; k++) {
          sum = Math.fround(sum + x[r * depth + k]! * y[column * depth + k]!);
        }
        const kept = beta === 0 ? 0 : beta * read(column * before.pitch + r);
        write(column * result.pitch + r, alpha * sum + kept + row(r));
      }
    }
  } catch (error) {
    if (!(error instanceof CardFault)) throw error;
    state.fault = error.code;
  }
  return 0;
}

/** Reads elements of a matrix by their place in it. */
function reader(memory: CardRange, matrix: LtMatrix): (at: number) => number {
  const start = placeOf(memory, matrix) / matrix.bytes;
  const floats = new Float32Array(memory.bytes.buffer);
  return matrix.bytes === 4
    ? (at) => floats[start + at]!
    : (at) => floatOf(memory.halves[start + at]! << 16);
}

/** What lies in the workspace is lost. */
function scribble(memory: CardRange, { address, bytes }: LtWork["workspace"]): void {
  if (bytes === 0) return;
  const start = memory.place(address, 1, 0);
  const end = memory.place(address + bytes - 1, 1, 0) + 1;
  memory.bytes.fill(255, start, Math.min(end, start + scribbled));
  memory.bytes.fill(255, Math.max(start, end - scribbled), end);
}

/** Place of a matrix of which all elements are the card's. */
function placeOf(memory: CardRange, matrix: LtMatrix): number {
  const { address, bytes, rows, columns, pitch } = matrix;
  memory.place(address + bytes * ((columns - 1) * pitch + rows - 1), bytes, 0);
  return memory.place(address, bytes, 0);
}

/** Elements with those along the inner axis as neighbours: the columns, or the rows. */
function halves(memory: CardRange, matrix: LtMatrix, byColumn: boolean): Float32Array {
  const { rows, columns, pitch } = matrix;
  const place = placeOf(memory, matrix) / 2;
  const out = new Float32Array(rows * columns);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      const at = byColumn ? column * rows + row : row * columns + column;
      out[at] = floatOf(memory.halves[place + column * pitch + row]! << 16);
    }
  }
  return out;
}
