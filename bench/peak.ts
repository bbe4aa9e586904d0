// The processor's peak at multiply-adds of 128 bits: a loop that touches registers alone.
import { f32x4, i32, loop, Routine, v128 } from "../kernels/cpu/wasm/assembler/assembler.ts";
import { ThreadPool } from "../kernels/cpu/wasm/threads/thread_pool.ts";
import { multiplyAdd } from "../kernels/cpu/wasm/assembler/scalar_functions.ts";
import { Heap } from "../kernels/cpu/wasm/threads/heap.ts";
import { hasRelaxed } from "../kernels/cpu/wasm/assembler/features.ts";
import { shared } from "../kernels/cpu/wasm/threads/worker.ts";

const sums = 12;
const unrolled = 4;
const turns = 2 ** 16;
/** Tasks of each thread: few enough to be quick, several so that threads end together. */
const share = 4;

/** A loop over multiply-adds, on several threads. */
export class Peak {
  /** Floating-point operations of one run. */
  readonly flop: number;
  readonly #threadPool: ThreadPool;
  readonly #kernel: number;

  /**
   * Makes the loop.
   *
   * @param threads How many threads run it at once
   */
  constructor(readonly threads: number) {
    const heap = Heap.open(threads > 1, shared.bytes);
    if (heap === undefined) throw new RangeError("Cannot measure the peak without a memory");
    this.#threadPool = new ThreadPool(heap, threads);
    this.#threadPool.reserve(64);
    const routine = new Routine(2);
    const i = routine.local("i32");
    const [x, y] = routine.locals(2, "v128");
    const lanes = routine.locals(sums, "v128");
    const madd = multiplyAdd(hasRelaxed());
    const step = lanes.map((sum) => sum.set(madd(x.get, y.get, sum.get)));
    const scratch = routine.parameters[1]!.get;
    const all = lanes.map((sum) => sum.get).reduce((a, b) => f32x4.add(a, b));
    this.#kernel = this.#threadPool.kernel(routine.assemble([
      x.set(v128.load(scratch)),
      y.set(v128.load(scratch)),
      loop(i, i32.of(turns), 1, Array.from({ length: unrolled }, () => step)),
      v128.store(scratch, f32x4.mul(all, f32x4.of(0))),
    ], heap.type));
    this.flop = threads * share * turns * unrolled * sums * 8;
  }

  /** Runs it once. */
  run(): void {
    const count = this.threads * share;
    this.#threadPool.run(
      Array.from({ length: count }, () => this.#threadPool.task(this.#kernel, [])),
    );
  }

  /** GFLOP/s: the median of several runs. */
  measure(rounds = 9): number {
    const times: number[] = [];
    for (let round = -5; round < rounds; round++) {
      const start = performance.now();
      this.run();
      if (round >= 0) times.push(performance.now() - start);
    }
    return this.flop / times.sort((a, b) => a - b)[rounds >> 1]! / 1e6;
  }

  /** Stops the threads. */
  [Symbol.dispose](): void {
    this.#threadPool.close();
  }
}
