/**
 * Matrices in memory.
 *
 * @module
 */

import type { Format } from "../assembler/load.ts";

/** A matrix in memory: address of its first element, and steps in bytes. */
export interface Matrix {
  /** How its numbers lie in memory. */
  readonly format: Format;
  /** Address of the first element, in bytes. */
  readonly address: number;
  /** From row to row. */
  readonly row: number;
  /** From column to column. */
  readonly column: number;
}

/** The matrix that begins some bytes later. */
export function moved(matrix: Matrix, bytes: number): Matrix {
  return { ...matrix, address: matrix.address + bytes };
}
