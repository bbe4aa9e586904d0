// How much of a stretch of time the CPU backend spends in products, without their epilogues.
import { resourceUsage } from "node:process";
import type { Backend } from "../core/backend.ts";
import type { WasmEngine } from "../kernels/cpu/wasm/engine.ts";

/** A clock that runs while products do. */
export class ProductClock {
  /** Milliseconds in products so far. */
  milliseconds = 0;

  /** Starts to watch a backend; one without WebAssembly kernels keeps the clock at 0. */
  constructor(backend: Backend) {
    const { wasm } = backend as Backend & { readonly wasm?: WasmEngine };
    if (wasm === undefined) return;
    const [row, matmul] = [wasm.row.bind(wasm), wasm.matmul.bind(wasm)];
    const timed = <T>(run: () => T, sign: number): T => {
      const start = performance.now();
      const result = run();
      this.milliseconds += sign * (performance.now() - start);
      return result;
    };
    let inside = false;
    // An epilogue is a row program that the engine runs within the product.
    wasm.row = (program, binding) =>
      inside ? timed(() => row(program, binding), -1) : row(program, binding);
    wasm.matmul = (program, binding) => {
      inside = true;
      const done = timed(() => matmul(program, binding), 1);
      inside = false;
      return done;
    };
  }
}

/** The most memory that this process has had, in MiB. */
export function peakResidentMebibytes(): number {
  return Math.round(resourceUsage().maxRSS / 1024);
}
