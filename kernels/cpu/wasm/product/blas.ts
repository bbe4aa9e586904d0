/**
 * What a system library of matrix products must offer.
 *
 * @module
 */

import type { Matrix } from "./matrix.ts";

/** Runs a task, with room that the thread has to itself. */
export type Run = (task: number, scratch: number) => void;

/** A kernel that is no WebAssembly. */
export interface Native {
  /** Makes it for the thread that calls this. */
  bind(memory: ArrayBufferLike): Run;
  /** An expression that yields such a function in a thread that has nothing else. */
  readonly text: string;
}

/** Threads, and what they are given to do. */
export interface Threads {
  /** How many there are. */
  readonly threads: number;
  /** Registers a kernel before any task runs; its number stands at the head of its tasks. */
  native(kernel: Native): number;
  /** Writes a task, which lasts until the next run, and the address of the task to run after it. */
  task(kernel: number, words: readonly number[], next?: number): number;
}

/** Sizes of a product. */
export type Sizes = readonly [m: number, n: number, k: number];
/** Left, right and result. */
export type Operands = readonly [a: Matrix, b: Matrix, c: Matrix];

/** Writes the task that follows on a block of a result, and gives its address, if there is one. */
export type Finish = (
  top: number,
  left: number,
  rows: number,
  columns: number,
) => number | undefined;

/** A library that makes tasks; nothing where a layout is not one that it takes. */
export interface BlasProducts {
  /** Tasks of one product. */
  pieces(sizes: Sizes, operands: Operands, finish: Finish): number[] | undefined;
  /** Tasks of `count` products whose operands lie `moves` bytes apart. */
  batch(
    sizes: Sizes,
    operands: Operands,
    count: number,
    moves: readonly number[],
  ): number[] | undefined;
}

/** A system library of matrix products. */
export interface Blas {
  /** Name and version, for logs. */
  readonly name: string;
  /** Its products by these threads. */
  open(threads: Threads): BlasProducts;
}
