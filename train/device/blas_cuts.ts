/**
 * How the products of a library may be cut. Which order a library sums in, and whether it rounds
 * between, may depend on where a row or column stands: OpenBLAS does so on processors with AVX2.
 * Threads must not change a result, so products are cut only where that is found to change nothing.
 *
 * @module
 */

import type { Run, Sizes, Threads } from "../../kernels/cpu/wasm/product/blas.ts";
import type { Matrix } from "../../kernels/cpu/wasm/product/matrix.ts";
import { CblasProducts, type Cuts } from "./cblas.ts";

/** Multiples to try, and products that are cut by them. */
const candidates: Readonly<Record<keyof Cuts, { grains: number[]; products: Sizes[] }>> = {
  rows: { grains: [16, 24, 48], products: [[250, 131, 130], [130, 70, 700]] },
  columns: { grains: [16], products: [[24, 520, 340], [12, 1600, 130]] },
  vector: { grains: [16], products: [[1, 1008, 600]] },
};
/** Whether A and B lie transposed. */
const layouts = [[false, false], [false, true], [true, false]] as const;

/** Words of the operands, of a result and of the tasks. */
const operandWords = 1008 * 600, resultWords = 250 * 131, taskWords = 1024;
/** Into how many pieces a product is cut. */
const pieces = 3;

/** Finds how products may be cut, in some 10 ms. */
export function safeCuts(bind: (memory: ArrayBufferLike) => Run): Cuts {
  const probe = new Probe(bind);
  const cuts: { -readonly [Axis in keyof Cuts]: number } = {};
  for (const axis of ["rows", "columns", "vector"] as const) {
    const { grains, products } = candidates[axis];
    const cases = products.flatMap((sizes) =>
      layouts.slice(0, axis === "vector" ? 1 : layouts.length).map((layout) => {
        const multiply = (cuts: Cuts) => probe.multiply(sizes, layout, cuts);
        return { multiply, whole: lazy(() => multiply({})) };
      })
    );
    const found = grains.find((grain) =>
      cases.every(({ multiply, whole }) => {
        const cut = multiply({ [axis]: grain });
        return whole().every((word, i) => word === cut[i]);
      })
    );
    if (found !== undefined) cuts[axis] = found;
  }
  return cuts;
}

function lazy<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => made ??= make();
}

/** Products in a memory of its own. */
class Probe {
  readonly #words = new Int32Array(operandWords + resultWords + taskWords);
  readonly #run: Run;

  constructor(bind: (memory: ArrayBufferLike) => Run) {
    const operands = new Float32Array(this.#words.buffer, 0, operandWords);
    const numbers = 2 ** 15 - 1;
    for (let i = 0, bits = 1; i < numbers; i++) {
      bits = Math.imul(bits, 1664525) + 1013904223 | 0;
      operands[i] = bits / 2 ** 31;
    }
    for (let i = numbers; i < operandWords; i *= 2) operands.copyWithin(i, 0, i);
    this.#run = bind(this.#words.buffer);
  }

  /** Bits of a product whose operands are the same numbers. */
  multiply([m, n, k]: Sizes, [left, right]: readonly boolean[], cuts: Cuts): Int32Array {
    const matrix = (first: number, rows: number, columns: number, flipped: boolean): Matrix => ({
      format: "f32",
      address: 4 * first,
      row: flipped ? 4 : 4 * columns,
      column: flipped ? 4 * rows : 4,
    });
    let top = operandWords + resultWords;
    const threads: Threads = {
      threads: pieces,
      native: () => 0,
      task: (kernel, words) => {
        const address = 4 * top;
        this.#words.set([kernel, 0, ...words], top);
        top += 2 + words.length;
        return address;
      },
    };
    const native = { bind: () => this.#run, text: "" };
    const operands = [
      matrix(0, m, k, left!),
      matrix(0, k, n, right!),
      matrix(operandWords, m, n, false),
    ] as const;
    const tasks = new CblasProducts(threads, native, cuts).pieces([m, n, k], operands, () => 0);
    for (const task of tasks!) this.#run(task, 0);
    return this.#words.slice(operandWords, operandWords + m * n);
  }
}
