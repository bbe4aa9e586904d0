/**
 * Runs programs as WebAssembly over buffers of one heap, on one thread or several. What it cannot
 * take (doubles, buffers outside the heap) it declines.
 *
 * @module
 */

import type { Binding, Bound } from "../../../core/backend.ts";
import { bytesPerElement, isHalf } from "../../../core/dtype.ts";
import type { Expr } from "../../../core/expr.ts";
import {
  type MatmulProgram,
  readsRow,
  type RowProgram,
  rowProgram,
} from "../../../core/program.ts";
import { coalesce, longestBeforeLast, walkOuter } from "../../plan/coalesce.ts";
import type { CpuBuffer } from "../buffer.ts";
import { motionOf } from "../../plan/row_passes.ts";
import { keepsColumns } from "../../plan/row_walk.ts";
import type { ThreadPool } from "./threads/thread_pool.ts";
import type { Blas } from "./product/blas.ts";
import type { Format } from "./assembler/load.ts";
import { type BlockTask, MatmulScheduler } from "./product/matmul_scheduler.ts";
import { renderRowRoutine } from "./row/row.ts";

interface Kernel {
  readonly id: number;
  readonly scratch: number;
  readonly scalars: ReadonlyMap<number, "f32" | "u32">;
}

interface Epilogue {
  /** Output that receives the bare product. */
  readonly target: number;
  /** What is left to do, if anything. */
  readonly program: RowProgram | undefined;
  /** Outputs of that program. */
  readonly outputs: readonly number[];
}

/** Elements of work below which one thread does it all. */
const threadedElements = 2 ** 15;

/** Kernels by program and layout. */
export class WasmEngine {
  readonly #kernels = new Map<string, Kernel>();
  readonly #epilogues = new WeakMap<MatmulProgram, Epilogue>();
  readonly #products: MatmulScheduler;

  /**
   * Makes the engine.
   *
   * @param threadPool Threads and their memory
   * @param relaxed Whether a multiply-add may round once
   * @param library Library for large products
   */
  constructor(readonly threadPool: ThreadPool, readonly relaxed: boolean, library?: Blas) {
    this.#products = new MatmulScheduler(threadPool, relaxed, library);
  }

  /** Runs a row program, or says that it cannot. */
  row(program: RowProgram, binding: Binding): boolean {
    const { space, inputs, outputs, indices, scalars } = binding;
    const bound = [...inputs, ...outputs];
    if (!bound.every(within)) return false;
    const operands = [...bound, ...indices];
    const reduces = readsRow(program);
    const strides = operands.map((o) => o.strides);
    const walk = coalesce(space.length > 0 ? space : [1], strides, keepsColumns(program, space));
    longestBeforeLast(walk);
    const last = walk.space.length - 1;
    const kernel = this.#kernel(program, inputs, walk.strides.map((steps) => steps[last]!));
    if (space.includes(0)) return true;
    const { threadPool } = this;
    const [rows, cols] = [walk.space[last - 1]!, walk.space[last]!];
    threadPool.reserve(kernel.scratch * cols * 4);
    const unit = (k: number) => k < bound.length ? bytesPerElement(bound[k]!.dtype) : 1;
    const rowSteps = walk.strides.map((steps, k) => steps[last - 1]! * unit(k));
    const columnSteps = walk.strides.map((steps, k) => steps[last]! * unit(k));
    const numbers = wordsOf(scalars, kernel.scalars);
    const tasks: number[] = [];
    const task = (bases: readonly number[], rows: number, cols: number) => {
      const words = [rows, cols];
      bases.forEach((base, k) => words.push(base, rowSteps[k]!, columnSteps[k]!));
      words.push(...numbers);
      tasks.push(threadPool.task(kernel.id, words));
    };
    const outer = walk.space.slice(0, -2).reduce((a, b) => a * b, 1);
    const total = outer * rows * cols;
    const shares =
      threadPool.threads === 1 || total < threadedElements || outer > 2 * threadPool.threads
        ? 1
        : 2 * threadPool.threads;
    const byColumns = rows === 1 && !reduces;
    const [whole, steps] = byColumns ? [cols, columnSteps] : [rows, rowSteps];
    const share = Math.ceil(whole / shares / (byColumns ? 4 : 1)) * (byColumns ? 4 : 1);
    const origin = operands.map((o, k) =>
      k < bound.length ? ((o as Bound).buffer as CpuBuffer).address / unit(k) + o.offset : o.offset
    );
    walkOuter(walk, 2, origin, (offsets) => {
      for (let from = 0; from < whole; from += share) {
        const count = Math.min(share, whole - from);
        const bases = offsets.map((offset, k) => offset * unit(k) + from * steps[k]!);
        if (byColumns) task(bases, 1, count);
        else task(bases, count, cols);
      }
      if (threadPool.full) threadPool.run(tasks.splice(0));
    });
    if (total < threadedElements) threadPool.runHere(tasks);
    else threadPool.run(tasks);
    return true;
  }

  /** Runs a product with its epilogue, or says that it cannot. */
  matmul(program: MatmulProgram, binding: Binding): boolean {
    const { space, inputs, outputs, scalars } = binding;
    if (![...inputs, ...outputs].every(within) || space.at(-1) === 0) return false;
    if (isHalf(inputs[0]!.dtype)) return false;
    if (space.includes(0)) return true;
    const { target, program: rest, outputs: slots } = this.#epilogue(program);
    const product = outputs[target]!;
    const finish = rest && {
      space: space.slice(0, -1),
      inputs: [product, ...inputs.slice(2)],
      outputs: slots.map((slot) => outputs[slot]!),
      indices: [],
      scalars,
    };
    const block = finish && space.length === 3 ? this.#block(rest, finish) : undefined;
    const finished = this.#products.run(space, inputs[0]!, inputs[1]!, product, block);
    return finish === undefined || finished || this.row(rest!, finish);
  }

  /** Tasks that run a map on a block of a matrix, while it is in the cache. */
  #block(program: RowProgram, { inputs, outputs, scalars }: Binding): BlockTask {
    const operands = [...inputs, ...outputs];
    const kernel = this.#kernel(program, inputs, operands.map(({ strides }) => strides[1]!));
    const numbers = wordsOf(scalars, kernel.scalars);
    return (top, left, rows, cols) => {
      const words = [rows, cols];
      for (const { buffer, dtype, offset, strides } of operands) {
        const [rowStep, columnStep] = strides as [number, number];
        const bytes = bytesPerElement(dtype);
        const first = offset + top * rowStep + left * columnStep;
        words.push((buffer as CpuBuffer).address + first * bytes, rowStep * bytes);
        words.push(columnStep * bytes);
      }
      return this.threadPool.task(kernel.id, [...words, ...numbers]);
    };
  }

  #kernel(
    program: RowProgram,
    inputs: readonly Bound[],
    columnSteps: readonly number[],
  ): Kernel {
    const motions = columnSteps.map(motionOf);
    const formats = inputs.map(({ dtype }): Format => isHalf(dtype) ? dtype : "f32");
    const key = `${program.key}/${motions}/${formats}`;
    let kernel = this.#kernels.get(key);
    if (kernel === undefined) {
      const { threadPool, relaxed } = this;
      const routine = renderRowRoutine(program, motions, formats, {
        relaxed,
        memory: threadPool.heap.type,
      });
      this.#kernels.set(key, kernel = { ...routine, id: threadPool.kernel(routine.bytes) });
    }
    return kernel;
  }

  /** The product goes to the output that wants it bare, or is replaced in place. */
  #epilogue(program: MatmulProgram): Epilogue {
    let found = this.#epilogues.get(program);
    if (found === undefined) {
      const bare = (e: Expr) => e.op === "input" && e.attribute === 0;
      const target = Math.max(0, program.outputs.findIndex(bare));
      const outputs = [...program.outputs.keys()].filter((slot) =>
        slot !== target || !bare(program.outputs[slot]!)
      );
      const kept = outputs.map((slot) => program.outputs[slot]!);
      const rest = kept.length === 0 ? undefined : rowProgram(program.inputs.slice(1), kept);
      this.#epilogues.set(program, found = { target, program: rest, outputs });
    }
    return found;
  }
}

/** Whether WebAssembly sees the operand. */
function within({ buffer, dtype }: Bound): boolean {
  return dtype !== "f64" && (buffer as CpuBuffer).heap;
}

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** Scalars as the words that kernels load. */
function wordsOf(
  scalars: readonly number[],
  kinds: ReadonlyMap<number, "f32" | "u32">,
): number[] {
  return scalars.map((value, slot) => {
    if (kinds.get(slot) === "u32") return value;
    float[0] = value;
    return bits[0]!;
  });
}
