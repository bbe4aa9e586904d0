/**
 * cuBLASLt through the foreign function interface: products of matrices in bf16, where the library is
 * found. It is never needed.
 *
 * @module
 */

import { DeviceError, OptionError } from "../../../core/errors.ts";
import { nativeHost, type NativeType } from "../driver/ffi.ts";

/** A function of the library's interface. */
export type LtFunction =
  | "cublasLtCreate"
  | "cublasLtDestroy"
  | "cublasLtMatmulDescCreate"
  | "cublasLtMatmulDescDestroy"
  | "cublasLtMatmulDescSetAttribute"
  | "cublasLtMatrixLayoutCreate"
  | "cublasLtMatrixLayoutDestroy"
  | "cublasLtMatmulPreferenceCreate"
  | "cublasLtMatmulPreferenceDestroy"
  | "cublasLtMatmulPreferenceSetAttribute"
  | "cublasLtMatmulAlgoGetHeuristic"
  | "cublasLtMatmul";

const b = "buffer";
const i = "i32";
const z = "usize";

const signatures: Readonly<Record<LtFunction, readonly NativeType[]>> = {
  cublasLtCreate: [b],
  cublasLtDestroy: [z],
  cublasLtMatmulDescCreate: [b, i, i],
  cublasLtMatmulDescDestroy: [z],
  cublasLtMatmulDescSetAttribute: [z, i, b, z],
  cublasLtMatrixLayoutCreate: [b, i, z, z, z],
  cublasLtMatrixLayoutDestroy: [z],
  cublasLtMatmulPreferenceCreate: [b],
  cublasLtMatmulPreferenceDestroy: [z],
  cublasLtMatmulPreferenceSetAttribute: [z, i, b, z],
  cublasLtMatmulAlgoGetHeuristic: [z, z, z, z, z, z, z, i, b, b],
  cublasLtMatmul: [z, z, b, z, z, z, z, b, z, z, z, z, b, z, z, z],
};

/** Numbers of the library's interface. */
export const ltNumbers = {
  float: 0,
  bf16: 14,
  compute: 68,
  leftTransposed: 3,
  rightTransposed: 4,
  epilogue: 7,
  biasPointer: 8,
  biasType: 26,
  /** The epilogue that adds a bias. */
  withBias: 4,
  workspaceBytes: 1,
  /** Alignments of both factors, and of the result before and after. */
  alignments: [5, 6, 7, 8],
} as const;

/** A function of the library's, which gives a status. */
export type LtCall = (...args: (number | Uint8Array | null)[]) => number;

/** The library, open. */
export interface LtLibrary {
  /** File, and version where it tells one. */
  readonly name: string;
  /** Its functions. */
  readonly calls: Readonly<Record<LtFunction, LtCall>>;
  /** Closes it. */
  close(): void;
}

/** Major versions, the newest first. */
const majors = [13, 12];

/**
 * Finds the library.
 *
 * @param choice `off`, `auto` (one that the system's loader finds) or a path
 * @param driverVersion Version of the interface that the driver has, such as 13000
 * @throws {OptionError} If the library at a path cannot be used
 */
export function findLt(choice: string, driverVersion: number): LtLibrary | undefined {
  if (choice === "off") return undefined;
  if (choice !== "auto") {
    try {
      return open(choice);
    } catch (cause) {
      const found = cause instanceof Error ? cause.message : String(cause);
      throw new OptionError(
        `Cannot use --blas ${choice} with CUDA as cuBLASLt is required: ${found}`,
      );
    }
  }
  for (const major of majors) {
    // A driver runs libraries of its own major version and of those before.
    if (1000 * major > driverVersion) continue;
    try {
      return open(`libcublasLt.so.${major}`);
    } catch {
      // Another version may be there.
    }
  }
  return undefined;
}

function open(path: string): LtLibrary {
  const host = nativeHost();
  if (host === undefined) throw new TypeError("this host opens no libraries");
  const named = Object.entries(signatures).map(([name, parameters]) =>
    [name, { parameters, result: "i32" }] as const
  );
  const opened = host.dlopen(path, {
    ...Object.fromEntries(named),
    cublasLtGetVersion: { parameters: [], result: z },
  });
  const { symbols } = opened;
  const version = Number((symbols["cublasLtGetVersion"] as () => number | bigint)());
  const [major, minor] = [Math.floor(version / 10000), Math.floor(version / 100) % 100];
  return {
    name: `cuBLASLt ${major}.${minor}`,
    calls: symbols as LtLibrary["calls"],
    close: () => opened.close(),
  };
}

/**
 * Calls a function.
 *
 * @throws {DeviceError} If it fails
 */
export function callLt(
  library: LtLibrary,
  name: LtFunction,
  ...args: Parameters<LtCall>
): void {
  const status = library.calls[name](...args);
  if (status !== 0) {
    throw new DeviceError(`Cannot go on with ${library.name} as ${name} failed with ${status}`);
  }
}

/** Calls a function whose first argument is where it puts a handle. */
export function handleOf(
  library: LtLibrary,
  name: LtFunction,
  ...args: Parameters<LtCall>
): number {
  const out = new Uint8Array(8);
  callLt(library, name, out, ...args);
  return Number(new DataView(out.buffer).getBigUint64(0, true));
}

/** A number of 32 bits as an attribute's value. */
export function wordBytes(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

/** A number of 64 bits as an attribute's value. */
export function longWordBytes(value: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}
