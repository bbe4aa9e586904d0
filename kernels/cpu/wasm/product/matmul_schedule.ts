/**
 * The schedule of one product: which kernel runs it, in what blocks, and who packs B.
 *
 * @module
 */

import { bytesPerElement } from "../../../../core/dtype.ts";
import type { Operands, Sizes } from "./blas.ts";
import { roundUp, tileColumns } from "./pack.ts";

/** Inner steps of a panel. */
const innerBlock = 768;
/** Columns packed at a time. */
const columnBlock = 1536;
/** Rows whose packed panel stays in the second cache. */
export const rowBlock = 120;
/** Rows of A that are read in place at a time. */
const narrowBlock = 256;
/** Rows up to which reading B in place beats packing it. */
const inPlaceRows = 24;
/** Columns up to which packing A would cost more than it saves. */
const narrowColumns = 64;
/** Inner steps that pay for finding the rows of a tile. */
const narrowDepth = 64;
/** Rows up to which sums along the inner axis beat packing. */
const gemvDotRows = 16;
/** Rows up to which a tile of five would waste more than it shares. */
const gemvAxpyRows = 2;
/** Rows up to which sums along the inner axis beat a library, which packs B. */
const libraryRows = 4;
/** Multiplications from which on a library is faster. */
export const libraryWork = 2 ** 15;
/** Bytes of an operand that the second cache holds beside the other. */
export const ownBytes = 2 ** 18;
/** Multiplications worth a task of their own. */
export const taskWork = 2 ** 18;

/** A kernel, by what it does with the operands. */
export type MatmulKernel =
  /** B read along its dense inner axis. */
  | "gemvDot"
  /** Both read where they lie, B in long runs. */
  | "gemvAxpy"
  /** B read where it lies, A packed. */
  | "inPlace"
  /** A read where it lies, B packed. */
  | "narrow"
  /** Panels of A against strips of B, both packed. */
  | "packed";

/** How a product is computed. */
export interface MatmulSchedule {
  readonly kernel: MatmulKernel;
  /** Threads that share it. */
  readonly threads: number;
  /** Blocks of rows of nearly equal height. */
  readonly blocks: number;
  /** Columns of a panel of B. */
  readonly width: number;
  /** Columns of a task. */
  readonly piece: number;
  /** Inner steps of a panel of B. */
  readonly depth: number;
  /** Who packs B: all threads for all tasks, or each task its own columns. */
  readonly packing: "shared" | "own" | "none";
  /** Whether a library would be faster, if there is one. */
  readonly library: boolean;
}

/** The schedule of `A·B` of some sizes, for tiles of `tileRows` rows and at most so many threads. */
export function scheduleMatmul(
  [m, n, k]: Sizes,
  [a, b]: Operands,
  tileRows: number,
  most: number,
): MatmulSchedule {
  const work = m * n * k;
  const threads = work < 2 * taskWork ? 1 : most;
  const bytes = bytesPerElement(b.format);
  // Where both fit the second cache, each task packs what it reads of B, without a meeting before.
  const own = threads > 1 && k >= narrowDepth && Math.max(m, n) * k * 4 <= ownBytes;
  const suits = {
    gemvDot: m <= gemvDotRows && b.row === bytes && a.column === 4,
    gemvAxpy: m <= gemvAxpyRows && b.column === bytes,
    inPlace: b.format === "f32" && b.column === bytes && m <= inPlaceRows,
    narrow: a.column === 4 && (n <= narrowColumns || own),
    packed: true,
  };
  const kernel = (Object.keys(suits) as MatmulKernel[]).find((name) => suits[name])!;
  const [dot, axpy, narrow] = [kernel === "gemvDot", kernel === "gemvAxpy", kernel === "narrow"];
  const alone = narrow && n > narrowColumns;
  const width = dot ? n : Math.min(n, columnBlock);
  const each = Math.ceil(m / (narrow ? narrowBlock : rowBlock) / threads);
  const shared = narrow && threads > 1 ? Math.max(2, each) : each;
  // Few rows are bound by memory: no part of B is read by two threads, in runs as long as can be.
  const blocks = alone || dot ? 1 : Math.min(Math.ceil(m / tileRows), shared * threads);
  const across = Math.ceil((axpy ? 1 : 2) * threads / blocks);
  // A library packs B for few rows, too, but for a single one that is not transposed.
  const beaten = dot ? m <= libraryRows : axpy && m > 1;
  return {
    kernel,
    threads,
    blocks,
    width,
    piece: threads === 1 ? width : roundUp(Math.ceil(width / across), tileColumns),
    depth: dot || axpy ? k : Math.min(k, innerBlock),
    packing: alone ? "own" : narrow || kernel === "packed" ? "shared" : "none",
    library: work > libraryWork && !beaten,
  };
}
