/**
 * Products as tasks: one product block by block, small ones of a batch whole. The inner sum's order
 * is the same however many threads there are.
 *
 * @module
 */

import type { Bound } from "../../../../core/backend.ts";
import { bytesPerElement } from "../../../../core/dtype.ts";
import { DeviceError } from "../../../../core/errors.ts";
import { coalesce, walkOuter } from "../../../plan/coalesce.ts";
import type { CpuBuffer } from "../../buffer.ts";
import type { ThreadPool } from "../threads/thread_pool.ts";
import {
  libraryWork,
  type MatmulKernel,
  ownBytes,
  rowBlock,
  scheduleMatmul,
  taskWork,
} from "./matmul_schedule.ts";
import { gemvDotRoutine } from "./gemv_dot.ts";
import { gemvAxpyRoutine } from "./gemv_axpy.ts";
import type { Blas, BlasProducts, Operands, Sizes } from "./blas.ts";
import type { Format } from "../assembler/load.ts";
import { type Matrix, moved } from "./matrix.ts";
import { packRoutine, packWords, roundUp, tileColumns, tileRowsOf } from "./pack.ts";
import { gemmRoutine, gemmScratch } from "./gemm.ts";
import { type GemmTask, gemmTask, productWords } from "./gemm_task.ts";
import type { Target } from "../threads/task.ts";

/** Rows of one product of a batch up to which reading B in place beats packing it. */
const inPlaceRows = 64;
/** Numbers that are packed before other threads could have been told. */
const packedHere = 2 ** 14;

/** Writes the task that finishes a block of the result, and gives its address. */
export type BlockTask = (top: number, left: number, rows: number, columns: number) => number;

type Render = (target: Target, format: Format) => Uint8Array<ArrayBuffer>;

const routines: Readonly<Record<MatmulKernel | "pack", Render>> = {
  pack: packRoutine,
  packed: (target, format) => gemmRoutine(target, undefined, format),
  narrow: (target, format) => gemmRoutine(target, "a", format),
  inPlace: (target) => gemmRoutine(target, "b"),
  gemvDot: gemvDotRoutine,
  gemvAxpy: gemvAxpyRoutine,
};

/** Products over the memory of a thread pool. */
export class MatmulScheduler {
  readonly #kernels = new Map<string, number>();
  readonly #library: BlasProducts | undefined;
  readonly #tileRows: number;
  #strips = 0;
  #stripBytes = 0;

  /**
   * Makes no kernel yet.
   *
   * @param threadPool Threads and their memory
   * @param relaxed Whether a multiply-add may round once
   * @param library Takes what is not small
   */
  constructor(readonly threadPool: ThreadPool, readonly relaxed: boolean, library?: Blas) {
    this.#library = library?.open(threadPool);
    this.#tileRows = tileRowsOf(relaxed);
  }

  /**
   * `c = a·b` over the space `[…batch, m, n, k]`; rows of `c` are dense. Where there is no batch,
   * each block is finished at once, if the answer says so.
   */
  run(space: readonly number[], a: Bound, b: Bound, c: Bound, finish?: BlockTask): boolean {
    const [m, n, k] = space.slice(-3) as [number, number, number];
    const operands = [a, b, c];
    const rank = space.length - 3;
    const bytes = operands.map(({ dtype }) => bytesPerElement(dtype));
    const steps = operands.map((o, k) => o.strides.map((step) => step * bytes[k]!));
    const addresses = operands.map(({ buffer, offset }, k) =>
      (buffer as CpuBuffer).address + offset * bytes[k]!
    );
    const matrices = (at: readonly number[]) =>
      at.map((address, o) => {
        const [row, column] = steps[o]!.slice(rank) as [number, number];
        return { format: operands[o]!.dtype as Format, address, row, column };
      }) as [Matrix, Matrix, Matrix];
    const sizes = [m, n, k] as const;
    if (rank === 0) return this.#large(sizes, matrices(addresses), finish);
    const walk = coalesce(space.slice(0, rank), steps.map((s) => s.slice(0, rank)), false);
    if (n * k * 4 > ownBytes) {
      walkOuter(walk, 0, addresses, (at) => void this.#large(sizes, matrices(at)));
      return false;
    }
    const count = walk.space.at(-1)!;
    const moves = walk.strides.map((s) => s.at(-1)!);
    const tasks: number[] = [];
    walkOuter(walk, 1, addresses, (at) => {
      this.#batch(sizes, matrices(at), count, moves, tasks);
      if (this.threadPool.full) this.threadPool.run(tasks.splice(0));
    });
    this.threadPool.run(tasks);
    return false;
  }

  /** Adds tasks of several small products each; runs those so far where there is no room for more. */
  #batch(
    sizes: Sizes,
    operands: Operands,
    count: number,
    moves: readonly number[],
    tasks: number[],
  ): void {
    const [m, n, k] = sizes;
    const [a, b, c] = operands;
    const [aBatch, bBatch, cBatch] = moves as readonly [number, number, number];
    const work = m * n * k;
    const calls = work > libraryWork
      ? this.#library?.batch(sizes, operands, count, moves)
      : undefined;
    if (calls !== undefined) {
      tasks.push(...calls);
      return;
    }
    const share = Math.max(1, Math.ceil(taskWork / work));
    const inPlace = b.format === "f32" && b.column === 4 && m <= inPlaceRows;
    const kernel = inPlace ? "inPlace" : "packed";
    const sizesPacked = [Math.min(m, rowBlock), kernel === "packed" ? n : 0, k] as const;
    this.threadPool.reserve(gemmScratch(sizesPacked, this.#tileRows));
    for (let from = 0; from < count; from += share) {
      for (let top = 0; top < m; top += rowBlock) {
        tasks.push(this.#task(kernel, b.format, {
          ...gemmTask([Math.min(rowBlock, m - top), n, k], [
            moved(a, top * a.row + from * aBatch),
            moved(b, from * bBatch),
            moved(c, top * c.row + from * cBatch),
          ]),
          count: Math.min(share, count - from),
          aBatch,
          bBatch,
          cBatch,
        }));
        if (this.threadPool.full) this.threadPool.run(tasks.splice(0));
      }
    }
  }

  /** One product, block by block; whether the blocks were finished. */
  #large(sizes: Sizes, operands: Operands, finish?: BlockTask): boolean {
    const { threadPool } = this;
    const [m, n, k] = sizes;
    const [a, b, c] = operands;
    const tileRows = this.#tileRows;
    const schedule = scheduleMatmul(sizes, operands, tileRows, threadPool.threads);
    const { kernel, threads, blocks, piece, packing } = schedule;
    const pieces = schedule.library
      ? this.#library?.pieces(sizes, operands, (...block) => finish?.(...block))
      : undefined;
    if (pieces !== undefined) {
      threadPool.run(pieces);
      return finish !== undefined;
    }
    const tiles = Math.ceil(m / tileRows);
    const edge = (block: number) => Math.min(m, Math.floor(tiles * block / blocks) * tileRows);
    const height = Math.ceil(tiles / blocks) * tileRows;
    const columns = packing === "own" ? piece : 0;
    threadPool.reserve(
      gemmScratch([kernel === "narrow" ? 0 : height, columns, schedule.depth], tileRows),
    );
    if (packing === "shared") this.#reserveStrips(schedule.width, schedule.depth);
    for (let left = 0; left < n; left += schedule.width) {
      const width = Math.min(schedule.width, n - left);
      for (let start = 0; start < k; start += schedule.depth) {
        const depth = Math.min(schedule.depth, k - start);
        const part = moved(b, left * b.column + start * b.row);
        if (packing === "shared") this.#packStrips(part, width, depth, threads);
        const tasks: number[] = [];
        const run = () => threads === 1 ? threadPool.runHere(tasks) : threadPool.run(tasks);
        const done = start + depth === k ? finish : undefined;
        for (let block = 0; block < blocks; block++) {
          const top = edge(block);
          const rows = edge(block + 1) - top;
          for (let at = 0; at < width; at += piece) {
            const columns = Math.min(piece, width - at);
            const task = {
              ...gemmTask([rows, columns, depth], [
                moved(a, top * a.row + start * a.column),
                moved(part, at * b.column),
                moved(c, top * c.row + (left + at) * c.column),
              ]),
              adds: start > 0 ? 1 : 0,
              packed: packing === "shared" ? this.#strips + at * depth * 4 : 0,
            };
            const next = done?.(top, left + at, rows, columns);
            tasks.push(this.#task(kernel, b.format, task, next));
            if (threadPool.full) {
              run();
              tasks.length = 0;
            }
          }
        }
        run();
      }
    }
    return finish !== undefined;
  }

  #packStrips(b: Matrix, width: number, depth: number, threads: number): void {
    const shares = width * depth < packedHere ? 1 : 2 * threads;
    const share = threads === 1 ? width : roundUp(Math.ceil(width / shares), tileColumns);
    const kernel = this.#kernel("pack", b.format);
    const tasks: number[] = [];
    for (let at = 0; at < width; at += share) {
      const task: Readonly<Record<(typeof packWords)[number], number>> = {
        source: b.address + at * b.column,
        inner: b.row,
        line: b.column,
        k: depth,
        lines: Math.min(share, width - at),
        target: this.#strips + at * depth * 4,
      };
      tasks.push(this.threadPool.task(kernel, packWords.map((word) => task[word])));
    }
    this.threadPool.run(tasks);
  }

  #task(kernel: MatmulKernel, format: Format, task: GemmTask, next?: number): number {
    const id = this.#kernel(kernel, format);
    return this.threadPool.task(id, productWords.map((word) => task[word]), next);
  }

  #kernel(name: keyof typeof routines, format: Format): number {
    const key = `${name}/${format}`;
    let id = this.#kernels.get(key);
    if (id === undefined) {
      const target = { relaxed: this.relaxed, memory: this.threadPool.heap.type };
      this.#kernels.set(key, id = this.threadPool.kernel(routines[name](target, format)));
    }
    return id;
  }

  #reserveStrips(columns: number, depth: number): void {
    const bytes = roundUp(columns, tileColumns) * depth * 4;
    if (bytes <= this.#stripBytes) return;
    const { heap } = this.threadPool;
    if (this.#strips > 0) heap.release(this.#strips, this.#stripBytes);
    const address = heap.allocate(bytes);
    if (address === undefined) throw new DeviceError(`Cannot reserve ${bytes} bytes of memory`);
    [this.#strips, this.#stripBytes] = [address, bytes];
  }
}
