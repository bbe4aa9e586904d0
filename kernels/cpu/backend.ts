/**
 * The CPU backend: WebAssembly SIMD on one heap where there is WebAssembly, generated JavaScript
 * for everything else (doubles, engines without it, what the heap cannot hold).
 *
 * @module
 */

import type { Backend, Binding, Buffer } from "../../core/backend.ts";
import { OptionError } from "../../core/errors.ts";
import type { Program } from "../../core/program.ts";
import { Counts } from "../plan/counts.ts";
import { canonical } from "../plan/matmul_layout.ts";
import { CpuBuffer } from "./buffer.ts";
import { Turns } from "./turn.ts";
import { JavaScriptEngine, runGather, runScatterAdd } from "./javascript/engine.ts";
import { ThreadPool } from "./wasm/threads/thread_pool.ts";
import { WasmEngine } from "./wasm/engine.ts";
import { Heap } from "./wasm/threads/heap.ts";
import { hasRelaxed, hasSimd } from "./wasm/assembler/features.ts";
import type { Blas } from "./wasm/product/blas.ts";
import { canStartWorkers } from "./wasm/threads/start_worker.ts";
import { shared, threadCount } from "./wasm/threads/worker.ts";

/** What {@linkcode openCpu} can be told. */
export interface CpuOptions {
  /**
   * `auto` takes relaxed SIMD, then SIMD, then JavaScript. Relaxed multiply-adds round once where
   * the processor has them, so last bits differ between machines; `simd` gives the same everywhere.
   */
  readonly kernels?: "auto" | "relaxed" | "simd" | "javascript";
  /** Threads that work on one program; default 1. More need workers and `SharedArrayBuffer`. */
  readonly threads?: number;
  /** System library for products, where the host has one. */
  readonly library?: Blas;
}

/** Bytes of released memory outside the heap, kept for the next allocation of the same size. */
const poolBudget = 512 * 2 ** 20;

class CpuBackend implements Backend {
  readonly name = "cpu";
  readonly statistics = new Counts();
  readonly #javascript = new JavaScriptEngine();
  readonly #pool = new Map<number, CpuBuffer[]>();
  readonly #turns = new Turns();
  #pooled = 0;

  constructor(readonly wasm: WasmEngine | undefined, readonly description: string) {}

  supports(): boolean {
    return true;
  }

  allocate(bytes: number): Buffer {
    const buffer = this.#onHeap(bytes) ?? this.#apart(bytes);
    this.statistics.allocated(bytes);
    return buffer;
  }

  release(buffer: Buffer): void {
    const { bytes, heap, address } = buffer as CpuBuffer;
    this.statistics.released(bytes);
    if (heap) return this.wasm!.threadPool.heap.release(address, bytes);
    if (this.#pooled + bytes > poolBudget) return;
    this.#pooled += bytes;
    const free = this.#pool.get(bytes);
    if (free === undefined) this.#pool.set(bytes, [buffer as CpuBuffer]);
    else free.push(buffer as CpuBuffer);
  }

  write(buffer: Buffer, offset: number, source: ArrayBufferView): void {
    const bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    (buffer as CpuBuffer).write(bytes, offset);
  }

  read(buffer: Buffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    const copy = new Uint8Array(bytes);
    copy.set((buffer as CpuBuffer).raw.subarray(offset, offset + bytes));
    const turn = this.#turns.next();
    return turn === undefined ? Promise.resolve(copy.buffer) : turn.then(() => copy.buffer);
  }

  words(buffer: Buffer): Uint32Array {
    return (buffer as CpuBuffer).as("u32") as Uint32Array;
  }

  run(program: Program, binding: Binding): void {
    this.statistics.runs++;
    switch (program.family) {
      case "row":
        if (!this.wasm?.row(program, binding)) this.#javascript.row(program, binding);
        return;
      case "matmul": {
        const product = canonical(binding);
        if (!this.wasm?.matmul(program, product)) this.#javascript.matmul(program, product);
        return;
      }
      case "gather":
        return runGather(binding);
      case "scatterAdd":
        return runScatterAdd(binding);
      default:
        program satisfies never;
    }
  }

  #onHeap(bytes: number): CpuBuffer | undefined {
    const heap = this.wasm?.threadPool.heap;
    const address = heap?.allocate(bytes);
    if (heap === undefined || address === undefined) return undefined;
    return new CpuBuffer(bytes, heap.memory.buffer, address, true);
  }

  #apart(bytes: number): CpuBuffer {
    const reused = this.#pool.get(bytes)?.pop();
    if (reused === undefined) return new CpuBuffer(bytes, new ArrayBuffer(bytes), 0, false);
    this.#pooled -= bytes;
    return reused;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#pool.clear();
    this.#pooled = 0;
    this.wasm?.threadPool.close();
    return Promise.resolve();
  }
}

const kernelNames = ["auto", "relaxed", "simd", "javascript"];

function checkOptions(kernels: unknown, threads: unknown): void {
  if (!kernelNames.includes(kernels as string)) {
    const required = `one of ${kernelNames.join(", ")}`;
    throw new OptionError(
      `Cannot open the CPU as kernels requires ${required}: found ${String(kernels)}`,
    );
  }
  if (!Number.isInteger(threads) || (threads as number) < 1) {
    throw new OptionError(
      `Cannot open the CPU as threads requires an integer of at least 1: found ${String(threads)}`,
    );
  }
}

/**
 * Opens the CPU backend.
 *
 * @throws {OptionError} If an option has no such value, or kernels are asked for that the engine does
 * not have
 */
export function openCpu(options: CpuOptions = {}): Backend {
  const { kernels = "auto", threads = 1, library } = options;
  checkOptions(kernels, threads);
  const relaxed = kernels === "relaxed" || (kernels === "auto" && hasRelaxed());
  const missing = kernels === "relaxed" ? !hasRelaxed() : kernels === "simd" && !hasSimd();
  if (missing) throw new OptionError(`Cannot use ${kernels} kernels as this engine has none`);
  const several = threads > 1 && canStartWorkers();
  const grows = typeof SharedArrayBuffer === "function";
  const heap = kernels !== "javascript" && hasSimd() ? Heap.open(grows, shared.bytes) : undefined;
  if (heap === undefined) return new CpuBackend(undefined, "CPU, JavaScript");
  const threadPool = new ThreadPool(heap, several ? Math.min(threads, threadCount) : 1);
  const parts = [
    `CPU, WebAssembly ${relaxed ? "relaxed SIMD" : "SIMD"}`,
    threadPool.threads === 1 ? "1 thread" : `${threadPool.threads} threads`,
    ...(library === undefined ? [] : [`products by ${library.name}`]),
  ];
  return new CpuBackend(new WasmEngine(threadPool, relaxed, library), parts.join(", "));
}
