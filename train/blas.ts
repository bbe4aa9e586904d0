/**
 * The system's BLAS for products on the CPU, through the foreign function interface: about three
 * times the speed of WebAssembly, for those who grant `--allow-ffi`.
 *
 * @module
 */

import { OptionError } from "../core/errors.ts";
import type { Matrix, Multiply, ProductLibrary } from "../kernels/cpu/wasm/matrix.ts";

const candidates: Partial<Record<typeof Deno.build.os, readonly string[]>> = {
  linux: ["libopenblas.so.0", "libopenblas.so"],
  darwin: ["/System/Library/Frameworks/Accelerate.framework/Accelerate"],
};

const sgemm = {
  parameters: [
    ...["i32", "i32", "i32", "i32", "i32", "i32", "f32"] as const,
    ...["usize", "i32", "usize", "i32", "f32", "usize", "i32"] as const,
  ],
  result: "void",
} as const;
const threadSetter = {
  parameters: ["i32"],
  result: "void",
  optional: true,
} as const;

const [rowMajor, plain, transposed] = [101, 111, 112];

/**
 * Finds a library.
 *
 * @param choice `off`, `auto` (one that the system has, where permission is granted) or a path
 * @param threads Threads it may use, where it can be told
 * @throws {OptionError} If the library at a path cannot be used
 */
export function findBlas(choice: string, threads: number): ProductLibrary | undefined {
  if (choice === "off") return undefined;
  if (choice !== "auto") return open(choice, threads);
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  for (const path of candidates[Deno.build.os] ?? []) {
    try {
      return open(path, threads);
    } catch {
      // Another name may be there.
    }
  }
  return undefined;
}

function open(path: string, threads: number): ProductLibrary {
  let library;
  try {
    library = Deno.dlopen(path, {
      cblas_sgemm: sgemm,
      openblas_set_num_threads: threadSetter,
    });
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new OptionError(
      `Cannot use --blas ${path} as a library with cblas_sgemm and --allow-ffi are required: ${found}`,
    );
  }
  const { symbols } = library;
  symbols.openblas_set_num_threads?.(threads);
  return {
    name: path.split("/").at(-1)!,
    bind(memory): Multiply {
      const start = Deno.UnsafePointer.value(
        Deno.UnsafePointer.of(new Uint8Array(memory) as Uint8Array<ArrayBuffer>),
      );
      const at = (matrix: Matrix) => start + BigInt(matrix.address);
      return (m, n, k, a, b, c) => {
        const [left, right] = [layout(a, m, k), layout(b, k, n)];
        if (left === undefined || right === undefined || c.column !== 4) return false;
        symbols.cblas_sgemm(
          ...[rowMajor, left.order, right.order, m, n, k, 1] as const,
          ...[at(a), left.leading, at(b), right.leading, 0, at(c), Math.max(n, c.row / 4)] as const,
        );
        return true;
      };
    },
  };
}

/** How the library is told of a matrix: dense rows, or dense columns as its transpose. */
function layout({ format, row, column }: Matrix, rows: number, columns: number) {
  if (format !== "f32") return undefined;
  const dense = (inner: number, outer: number, count: number, lines: number) =>
    (inner === 4 || count === 1) && (outer / 4 >= count || lines === 1);
  if (dense(column, row, columns, rows)) {
    return { order: plain, leading: Math.max(columns, row / 4) };
  }
  if (dense(row, column, rows, columns)) {
    return { order: transposed, leading: Math.max(rows, column / 4) };
  }
  return undefined;
}
