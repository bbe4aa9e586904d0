/**
 * Products by a system library that is called as CBLAS is. Threads are those of the pool: each calls the
 * library for rows or columns of its own, so that the library's threads do not fight for the cores.
 *
 * @module
 */

import type {
  BlasProducts,
  Finish,
  Native,
  Operands,
  Sizes,
  Threads,
} from "../../kernels/cpu/wasm/product/blas.ts";
import { type Matrix, moved } from "../../kernels/cpu/wasm/product/matrix.ts";

/** Words of a task: how many products, steps between them in bytes, then what CBLAS takes. */
export const libraryWords = [
  "count",
  "aBatch",
  "bBatch",
  "cBatch",
  "aOrder",
  "bOrder",
  "m",
  "n",
  "k",
  "a",
  "aLine",
  "b",
  "bLine",
  "c",
  "cLine",
] as const;

/** CBLAS's numbers for a matrix as it is, and for one that lies transposed. */
const [plain, transposed] = [111, 112];

/**
 * Multiplications of the smallest piece of a product that is shared among threads. Libraries sum in
 * another order below some size (OpenBLAS: a million), and results must not depend on the pieces.
 */
const pieceWork = 2 ** 20;
/** The same for one row by a matrix, where every column is summed alike. */
const rowWork = 2 ** 18;
/** Columns for each row from which on a product is cut along its columns. */
const wide = 8;
/** Multiplications of a task of several small products. */
const batchWork = 2 ** 20;

/**
 * How a library's products may be cut without a change of any sum: the numbers of which pieces begin
 * at multiples. Along an axis without one they stay whole.
 */
export interface Cuts {
  /** Rows of a product. */
  readonly rows?: number;
  /** Columns of a product. */
  readonly columns?: number;
  /** Columns of one row by a matrix. */
  readonly vector?: number;
}

/** Tasks of one batch, which the threads' memory has room for. */
const mostTasks = 2 ** 11;

/** Makes tasks for a library. */
export class CblasProducts implements BlasProducts {
  readonly #kernel: number;

  /**
   * Registers the library with the threads.
   *
   * @param threadPool Threads and their memory
   * @param library The library, a kernel of tasks with the words of {@linkcode libraryWords}
   * @param cuts How products may be cut; undefined: only one thread may call the library at a time
   */
  constructor(readonly threadPool: Threads, library: Native, readonly cuts: Cuts | undefined) {
    this.#kernel = threadPool.native(library);
  }

  /**
   * Tasks of one product, cut along its rows, or its columns where they are many times as many:
   * threads that write halves of the same rows slow each other. Nothing where the layout is not one
   * that the library takes. `finish` writes the task that follows a block, if any.
   */
  pieces(
    [m, n, k]: Sizes,
    [a, b, c]: Operands,
    finish: Finish,
  ): number[] | undefined {
    const { rows: byRows, columns: byColumns, vector } = this.cuts ?? {};
    const row = m === 1 && a.column === 4 && b.column === 4;
    const tall = !row && (byColumns === undefined || (byRows !== undefined && m * wide >= n));
    const [long, short] = tall ? [m, n] : [n, m];
    const grain = tall ? byRows : row ? vector : byColumns;
    // Columns that fill no vector are summed apart, and where they are changes with the pieces.
    const whole = grain === undefined || (row && n % grain > 0);
    const least = (row ? rowWork : pieceWork) / short / k + (grain ?? 0);
    const most = whole ? 1 : this.threadPool.threads;
    const count = Math.max(1, Math.min(most, Math.floor(long / least)));
    const edge = (piece: number) =>
      piece === count ? long : Math.floor(long * piece / count / (grain ?? 1)) * (grain ?? 1);
    const tasks: number[] = [];
    for (let piece = 0; piece < count; piece++) {
      const [from, to] = [edge(piece), edge(piece + 1)];
      const [top, rows] = tall ? [from, to - from] : [0, m];
      const [left, columns] = tall ? [0, n] : [from, to - from];
      const operands = [
        moved(a, top * a.row),
        moved(b, left * b.column),
        moved(c, top * c.row + left * c.column),
      ] as const;
      const task = this.#task(
        [rows, columns, k],
        operands,
        1,
        [0, 0, 0],
        () => finish(top, left, rows, columns),
      );
      if (task === undefined) return undefined;
      tasks.push(task);
    }
    return tasks;
  }

  /** Tasks of `count` products that lie `moves` bytes apart. */
  batch(
    sizes: Sizes,
    operands: Operands,
    count: number,
    moves: readonly number[],
  ): number[] | undefined {
    const [m, n, k] = sizes;
    const least = this.cuts === undefined ? count : Math.ceil(batchWork / (m * n * k));
    const share = Math.max(least, Math.ceil(count / mostTasks));
    const tasks: number[] = [];
    for (let from = 0; from < count; from += share) {
      const [a, b, c] = operands.map((matrix, o) => moved(matrix, from * moves[o]!));
      const task = this.#task(sizes, [a!, b!, c!], Math.min(share, count - from), moves);
      if (task === undefined) return undefined;
      tasks.push(task);
    }
    return tasks;
  }

  #task(
    [m, n, k]: Sizes,
    [a, b, c]: Operands,
    count: number,
    [aBatch, bBatch, cBatch]: readonly number[],
    next: () => number | undefined = () => undefined,
  ): number | undefined {
    const [left, right] = [layout(a, m, k), layout(b, k, n)];
    if (left === undefined || right === undefined || c.column !== 4) return undefined;
    const words: Readonly<Record<(typeof libraryWords)[number], number>> = {
      count,
      aBatch: aBatch!,
      bBatch: bBatch!,
      cBatch: cBatch!,
      aOrder: left.order,
      bOrder: right.order,
      m,
      n,
      k,
      a: a.address,
      aLine: left.line,
      b: b.address,
      bLine: right.line,
      c: c.address,
      cLine: Math.max(n, c.row / 4),
    };
    return this.threadPool.task(this.#kernel, libraryWords.map((word) => words[word]), next());
  }
}

/** How the library is told of a matrix: dense rows, or dense columns as its transpose. */
function layout({ format, row, column }: Matrix, rows: number, columns: number) {
  if (format !== "f32") return undefined;
  const dense = (inner: number, outer: number, count: number, lines: number) =>
    (inner === 4 || count === 1) && (outer / 4 >= count || lines === 1);
  if (dense(column, row, columns, rows)) {
    return { order: plain, line: Math.max(columns, row / 4) };
  }
  if (dense(row, column, rows, columns)) {
    return { order: transposed, line: Math.max(rows, column / 4) };
  }
  return undefined;
}
