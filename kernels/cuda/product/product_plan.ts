/**
 * How a product runs: what is looked up for its layout.
 *
 * @module
 */

import type { Affine, Bound, Buffer } from "../../../core/backend.ts";
import type { RowProgram } from "../../../core/program.ts";
import type { Rounding } from "../blas/lt_products.ts";
import type { CardLaunch } from "../queue/launch.ts";
import type { Later } from "./remainders.ts";

/** How a product runs, whatever its addresses and scalars. */
export interface ProductPlan {
  /** Whether A and B change places, as the transposed product is computed. */
  readonly transposed: boolean;
  /** What is rounded before. */
  readonly roundings: readonly Rounding[];
  /** The product, or its parts. */
  readonly launch: CardLaunch;
  /** What follows where `launch` computes parts. */
  readonly finish: ProductFinish | undefined;
  /** Computes the columns that `launch` leaves out. */
  readonly rest?: Rest | undefined;
}

/** A launch over parts of the operands. */
export interface Rest {
  readonly launch: CardLaunch;
  /** Its operands, as parts of the product's. */
  readonly later: readonly Later[];
}

/** How parts of a product, or the bare product, become its results. */
export interface ProductFinish {
  /** Shape of the parts, `[chunks, …batch, M, N]`, or of the product. */
  readonly shape: readonly number[];
  /** Bytes of the parts. */
  readonly bytes: number;
  /** Adds the parts and computes the epilogue. */
  readonly launch: CardLaunch;
  /** Where the parts begin, in elements, if they are operands of their own; else they are one. */
  readonly parts?: readonly number[];
  /** What it reads and writes beside the parts: extras and results where absent. */
  readonly later?: readonly Later[];
  /** The operand in which the product lies where it is a result itself; else memory is taken. */
  readonly kept?: number;
}

/** The launch of a row program over these operands and indices. */
export type RowLaunch = (
  program: RowProgram,
  space: readonly number[],
  operands: readonly Bound[],
  indices: readonly Affine[],
) => CardLaunch;

/** Stands for memory where only layouts count. */
export const unplaced: Buffer = { bytes: 0 };
