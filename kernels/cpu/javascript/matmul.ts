/**
 * Matrix product in JavaScript: operands are packed into panels of doubles, multiplied by a 4 x 4
 * register tile. Correct first; WebAssembly is where speed is sought.
 *
 * @module
 */

import type { TypedArray } from "../../../core/dtype.ts";

/** A matrix inside an array. */
export interface MatrixView {
  /** Memory of the elements. */
  readonly data: TypedArray;
  /** Element at row 0, column 0. */
  readonly offset: number;
  /** Step from row to row. */
  readonly rowStep: number;
  /** Step from column to column. */
  readonly columnStep: number;
}

const tile = 4;
const innerBlock = 256;
const rowBlock = 64;

let panelA = new Float64Array(0);
let panelB = new Float64Array(0);
/** Sums of one tile, row by row. */
const sums = new Float64Array(tile * tile);

/** `out = a·b`, row-major doubles; the sizes are rows, columns and inner. */
export function multiply(
  a: MatrixView,
  b: MatrixView,
  [m, n, k]: readonly [number, number, number],
  out: Float64Array,
): void {
  out.fill(0, 0, m * n);
  const paddedN = Math.ceil(n / tile) * tile;
  const inner = Math.min(k, innerBlock);
  if (panelB.length < paddedN * inner) panelB = new Float64Array(paddedN * inner);
  if (panelA.length < (rowBlock + tile) * inner) {
    panelA = new Float64Array((rowBlock + tile) * inner);
  }
  for (let k0 = 0; k0 < k; k0 += innerBlock) {
    const depth = Math.min(innerBlock, k - k0);
    pack(panelB, transposed(b, k0 * b.rowStep), n, depth);
    for (let m0 = 0; m0 < m; m0 += rowBlock) {
      const height = Math.min(rowBlock, m - m0);
      const offset = a.offset + m0 * a.rowStep + k0 * a.columnStep;
      pack(panelA, { ...a, offset }, height, depth);
      const block: Block = { a: panelA, b: panelB, depth, out, start: m0 * n, height, width: n };
      for (let j = 0; j < n; j += tile) {
        for (let i = 0; i < height; i += tile) multiplyTile(block, i, j);
      }
    }
  }
}

/** The transpose of a matrix from some elements on. */
function transposed({ data, offset, rowStep, columnStep }: MatrixView, from: number): MatrixView {
  return { data, offset: offset + from, rowStep: columnStep, columnStep: rowStep };
}

/** Copies strips of four rows, interleaved, padded with zeros. */
function pack(panel: Float64Array, matrix: MatrixView, rows: number, depth: number): void {
  const { data, offset, rowStep, columnStep } = matrix;
  let to = 0;
  for (let row = 0; row < rows; row += tile) {
    const count = Math.min(tile, rows - row);
    for (let r = 0; r < tile; r++) {
      let write = to + r;
      let read = offset + (row + r) * rowStep;
      for (let p = 0; p < depth; p++, write += tile, read += columnStep) {
        panel[write] = r < count ? data[read]! : 0;
      }
    }
    to += tile * depth;
  }
}

/** Packed rows times packed columns, and where their product is added. */
interface Block {
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** Columns of A, rows of B. */
  readonly depth: number;
  readonly out: Float64Array;
  /** Element of the result that the first row begins with. */
  readonly start: number;
  readonly height: number;
  readonly width: number;
}

/** Adds the product's tile at row `i` and column `j`. */
function multiplyTile({ a, b, depth, out, start, height, width }: Block, i: number, j: number) {
  let [p, q] = [i * depth, j * depth];
  let c00 = 0, c01 = 0, c02 = 0, c03 = 0, c10 = 0, c11 = 0, c12 = 0, c13 = 0;
  let c20 = 0, c21 = 0, c22 = 0, c23 = 0, c30 = 0, c31 = 0, c32 = 0, c33 = 0;
  for (const end = p + depth * tile; p < end; p += tile, q += tile) {
    const b0 = b[q]!, b1 = b[q + 1]!, b2 = b[q + 2]!, b3 = b[q + 3]!;
    let x = a[p]!;
    c00 += x * b0, c01 += x * b1, c02 += x * b2, c03 += x * b3;
    x = a[p + 1]!;
    c10 += x * b0, c11 += x * b1, c12 += x * b2, c13 += x * b3;
    x = a[p + 2]!;
    c20 += x * b0, c21 += x * b1, c22 += x * b2, c23 += x * b3;
    x = a[p + 3]!;
    c30 += x * b0, c31 += x * b1, c32 += x * b2, c33 += x * b3;
  }
  sums[0] = c00, sums[1] = c01, sums[2] = c02, sums[3] = c03;
  sums[4] = c10, sums[5] = c11, sums[6] = c12, sums[7] = c13;
  sums[8] = c20, sums[9] = c21, sums[10] = c22, sums[11] = c23;
  sums[12] = c30, sums[13] = c31, sums[14] = c32, sums[15] = c33;
  const rows = Math.min(tile, height - i);
  const columns = Math.min(tile, width - j);
  for (let row = 0; row < rows; row++) {
    const at = start + (i + row) * width + j;
    for (let column = 0; column < columns; column++) {
      out[at + column]! += sums[tile * row + column]!;
    }
  }
}
