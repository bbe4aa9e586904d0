/**
 * Matrix product in JavaScript: operands are packed into panels of doubles, multiplied by a 4 x 4
 * register tile. Correct first; WebAssembly is where speed is sought.
 *
 * @module
 */

import type { TypedArray } from "../../../core/dtype.ts";

/** A matrix inside an array. */
export interface MatrixView {
  /** Elements. */
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

/** `out = a·b`, row-major `m x n` doubles. */
export function multiply(
  a: MatrixView,
  b: MatrixView,
  m: number,
  n: number,
  k: number,
  out: Float64Array,
) {
  out.fill(0, 0, m * n);
  const paddedN = Math.ceil(n / tile) * tile;
  const inner = Math.min(k, innerBlock);
  if (panelB.length < paddedN * inner) panelB = new Float64Array(paddedN * inner);
  if (panelA.length < (rowBlock + tile) * inner) {
    panelA = new Float64Array((rowBlock + tile) * inner);
  }
  for (let k0 = 0; k0 < k; k0 += innerBlock) {
    const depth = Math.min(innerBlock, k - k0);
    pack(panelB, b, b.offset + k0 * b.rowStep, b.columnStep, b.rowStep, n, depth);
    for (let m0 = 0; m0 < m; m0 += rowBlock) {
      const height = Math.min(rowBlock, m - m0);
      const start = a.offset + m0 * a.rowStep + k0 * a.columnStep;
      pack(panelA, a, start, a.rowStep, a.columnStep, height, depth);
      for (let j = 0; j < n; j += tile) {
        for (let i = 0; i < height; i += tile) {
          const rows = Math.min(tile, height - i);
          const cols = Math.min(tile, n - j);
          const at = (m0 + i) * n + j;
          multiplyTile(panelA, i * depth, panelB, j * depth, depth, out, at, n, rows, cols);
        }
      }
    }
  }
}

/** Copies strips of four lines, interleaved, padded with zeros. */
function pack(
  panel: Float64Array,
  { data }: MatrixView,
  offset: number,
  lineStep: number,
  innerStep: number,
  lines: number,
  depth: number,
): void {
  let to = 0;
  for (let line = 0; line < lines; line += tile) {
    const count = Math.min(tile, lines - line);
    for (let l = 0; l < tile; l++) {
      let write = to + l;
      let read = offset + (line + l) * lineStep;
      for (let p = 0; p < depth; p++, write += tile, read += innerStep) {
        panel[write] = l < count ? data[read]! : 0;
      }
    }
    to += tile * depth;
  }
}

function multiplyTile(
  a: Float64Array,
  p: number,
  b: Float64Array,
  q: number,
  depth: number,
  out: Float64Array,
  at: number,
  n: number,
  rows: number,
  cols: number,
): void {
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
  store(out, at, cols, c00, c01, c02, c03);
  if (rows > 1) store(out, at + n, cols, c10, c11, c12, c13);
  if (rows > 2) store(out, at + 2 * n, cols, c20, c21, c22, c23);
  if (rows > 3) store(out, at + 3 * n, cols, c30, c31, c32, c33);
}

function store(
  out: Float64Array,
  at: number,
  cols: number,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
): void {
  out[at]! += c0;
  if (cols > 1) out[at + 1]! += c1;
  if (cols > 2) out[at + 2]! += c2;
  if (cols > 3) out[at + 3]! += c3;
}
