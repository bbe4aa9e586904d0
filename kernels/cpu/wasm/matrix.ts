/**
 * Matrices in memory, and what a system library must offer to multiply them.
 *
 * @module
 */

import type { Format } from "./load.ts";

/** A matrix in memory: address of its first element, and steps in bytes. */
export interface Matrix {
  /** How its numbers lie in memory. */
  readonly format: Format;
  /** First element. */
  readonly address: number;
  /** From row to row. */
  readonly row: number;
  /** From column to column. */
  readonly column: number;
}

/** `c = a·b`; false where the layout is not one that the library takes. */
export type Multiply = (
  m: number,
  n: number,
  k: number,
  a: Matrix,
  b: Matrix,
  c: Matrix,
) => boolean;

/** A system library of matrix products. */
export interface ProductLibrary {
  /** For logs. */
  readonly name: string;
  /** Its product over a memory, whose start is address 0. */
  bind(memory: ArrayBufferLike): Multiply;
}
