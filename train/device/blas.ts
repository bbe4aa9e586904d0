/**
 * The system's BLAS for products on the CPU, through the foreign function interface: about three
 * times the speed of WebAssembly, for those who grant `--allow-ffi`.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { Blas, Run } from "../../kernels/cpu/wasm/product/blas.ts";
import { safeCuts } from "./blas_cuts.ts";
import { CblasProducts } from "./cblas.ts";

const candidates: Partial<Record<typeof Deno.build.os, readonly string[]>> = {
  linux: ["libopenblas.so.0", "libopenblas.so"],
  darwin: ["/System/Library/Frameworks/Accelerate.framework/Accelerate"],
};

/**
 * Kernels that OpenBLAS takes on processors which it does not know, as a version older than the
 * processor does: they have 128 bits, and are slower than WebAssembly here.
 */
const slowKernels = /^(?:Prescott|Core2|Penryn|Dunnington|Nehalem|Atom|Generic|Unknown)$/i;

/** Whether a library's kernels are slower than those of this project. */
export function isSlow(kernels: string): boolean {
  return slowKernels.test(kernels);
}

/**
 * Finds a library.
 *
 * @param choice `off`, `auto` (one that the system has, where permission is granted) or a path
 * @throws {OptionError} If the library at a path cannot be used
 */
export function findBlas(choice: string): Blas | undefined {
  if (choice === "off") return undefined;
  if (choice !== "auto") return open(choice).blas;
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  for (const path of candidates[Deno.build.os] ?? []) {
    try {
      const found = open(path);
      if (!isSlow(found.kernels)) return found.blas;
    } catch {
      // Another name may be there.
    }
  }
  return undefined;
}

/** A library that was opened. */
interface Opened {
  readonly blas: Blas;
  /** For which processor its kernels are, where it says so. */
  readonly kernels: string;
}

/** Libraries that were opened, by their paths: one is tried out once. */
const opened = new Map<string, Opened>();

function open(path: string): Opened {
  const known = opened.get(path);
  if (known !== undefined) return known;
  let library;
  try {
    library = cblas(path);
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new OptionError(
      `Cannot use --blas ${path} as --allow-ffi and a library with cblas_sgemm and cblas_sgemv are ` +
        `required: ${found}`,
    );
  }
  const { concurrent, bind } = library;
  const native = { bind, text: `(${cblas})(${JSON.stringify(path)}).bind` };
  const cuts = concurrent ? safeCuts(bind) : undefined;
  const kernels = kernelsOf(path);
  const file = path.split("/").at(-1)!;
  const name = kernels === "" ? file : `${file} for ${kernels}`;
  const blas: Blas = {
    name: cuts === undefined || cuts.rows !== undefined
      ? name
      : `${name} on one thread each (it would sum parts of them otherwise)`,
    open: (threads) => new CblasProducts(threads, native, cuts),
  };
  const found = { blas, kernels };
  opened.set(path, found);
  return found;
}

/** For which processor the kernels of OpenBLAS are; empty of other libraries. */
function kernelsOf(path: string): string {
  const { symbols } = Deno.dlopen(path, {
    openblas_get_corename: { parameters: [], result: "pointer", optional: true },
  });
  const name = symbols.openblas_get_corename?.() ?? null;
  return name === null ? "" : Deno.UnsafePointerView.getCString(name);
}

/**
 * Opens a library for the thread that calls this. It is sent to workers as text, so it must not
 * refer to anything outside itself.
 */
function cblas(path: string): { concurrent: boolean; bind: (memory: ArrayBufferLike) => Run } {
  const { symbols } = Deno.dlopen(path, {
    cblas_sgemm: {
      parameters: [
        ...["i32", "i32", "i32", "i32", "i32", "i32", "f32"] as const,
        ...["usize", "i32", "usize", "i32", "f32", "usize", "i32"] as const,
      ],
      result: "void",
    },
    cblas_sgemv: {
      parameters: [
        ...["i32", "i32", "i32", "i32", "f32", "usize", "i32"] as const,
        ...["usize", "i32", "f32", "usize", "i32"] as const,
      ],
      result: "void",
    },
    openblas_set_num_threads: { parameters: ["i32"], result: "void", optional: true },
  });
  const one = symbols.openblas_set_num_threads;
  one?.(1);
  const bind = (memory: ArrayBufferLike): Run => {
    const words = new Int32Array(memory);
    const start = Deno.UnsafePointer.value(
      Deno.UnsafePointer.of(new Uint8Array(memory) as Uint8Array<ArrayBuffer>),
    );
    const [rowMajor, plain, transposed, head] = [101, 111, 112, 2];
    return (task) => {
      const word = (index: number) => words[(task >>> 2) + head + index]!;
      // A library may pack B for one row, too.
      const vector = word(6) === 1 && word(4) === plain && word(5) === plain;
      const addresses = [word(9), word(11), word(13)].map((at) => at >>> 0);
      for (let count = word(0); count > 0; count--) {
        const [a, b, c] = addresses.map((at) => start + BigInt(at)) as [bigint, bigint, bigint];
        if (vector) {
          symbols.cblas_sgemv(
            ...[rowMajor, transposed, word(8), word(7), 1, b, word(12)] as const,
            ...[a, 1, 0, c, 1] as const,
          );
        } else {
          symbols.cblas_sgemm(
            ...[rowMajor, word(4), word(5), word(6), word(7), word(8), 1] as const,
            ...[a, word(10), b, word(12), 0, c, word(14)] as const,
          );
        }
        addresses.forEach((_, operand) => addresses[operand]! += word(1 + operand));
      }
    };
  };
  return { concurrent: one !== null && one !== undefined, bind };
}
