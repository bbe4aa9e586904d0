/**
 * Finding NCCL, and its functions. Handles and addresses are numbers: all lie below 2^53.
 *
 * **Source**: nccl.h of NCCL 2.18 and later.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { isFileThere, pythonPackageFolders } from "../files/python_packages.ts";
import type { Environment } from "../hub/settings.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes of the id by which communicators are made. */
export const ncclIdBytes = 128;

/** Results of functions. */
export const ncclResults = { success: 0, inProgress: 7 } as const;

/** The oldest version that is known: it has communicators whose making does not hold up the host. */
const oldest = 21800;

/** Functions of NCCL; those that give a number give a result. */
export interface NcclCalls {
  /** ncclGetUniqueId. */
  uniqueId(id: Bytes): number;
  /** ncclCommInitRankConfig: begins to make a communicator whose functions do not wait. */
  init(out: Bytes, size: number, id: Bytes, rank: number): number;
  /** ncclGroupStart. */
  groupStart(): number;
  /** ncclGroupEnd. */
  groupEnd(): number;
  /** ncclAllReduce of floats in place, by their sum. */
  sum(address: number, count: number, communicator: number, stream: number): number;
  /** ncclCommGetAsyncError. */
  state(communicator: number, out: Int32Array<ArrayBuffer>): number;
  /** ncclCommFinalize. */
  finalize(communicator: number): number;
  /** ncclCommDestroy. */
  destroy(communicator: number): number;
  /** ncclCommAbort. */
  abort(communicator: number): number;
  /** ncclGetErrorString. */
  meaning(result: number): string;
  /** ncclGetLastError. */
  lastError(): string;
}

/** NCCL, open. */
export interface NcclLibrary {
  /** Its version, such as `2.27.5`. */
  readonly version: string;
  /** Its functions. */
  readonly calls: NcclCalls;
  /** Ends the process at once, without what libraries do at its end. */
  leave(code: number): void;
  /** Ends what was begun beside the library. */
  close(): void;
}

/**
 * Opens the library.
 *
 * @param choice `auto`, or its path
 * @throws {OptionError} If there is none, it may not be opened, or it is too old
 */
export function openNccl(choice: string, environment: Environment): NcclLibrary {
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    throw new OptionError(
      "Cannot use --distributed nccl as --allow-ffi and NCCL are required: found no --allow-ffi",
    );
  }
  const paths = choice === "auto" ? ncclPaths(environment) : [choice];
  const refusals: string[] = [];
  for (const path of paths) {
    try {
      return required(opened(path), path);
    } catch (error) {
      if (error instanceof OptionError) throw error;
      refusals.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new OptionError(
    `Cannot use --distributed nccl as NCCL is required in ${
      choice === "auto" ? "the system or a package of Python" : `--nccl ${choice}`
    }: found ${choice === "auto" ? `none of ${paths.join(", ")}` : refusals[0]}`,
  );
}

/** Version of a code, such as 22705. */
export function ncclVersion(code: number): string {
  return [Math.floor(code / 10000), Math.floor(code / 100) % 100, code % 100].join(".");
}

/**
 * Where the library may be: that of the system, then those of pip's package nvidia-nccl, which PyTorch
 * brings along, of the Pythons that the environment knows.
 */
export function ncclPaths(environment: Environment): string[] {
  const name = "libnccl.so.2";
  const listed = (name: string) =>
    (environment(name) ?? "").split(":").filter((path) => path !== "");
  const programs = listed("PATH").filter((path) => path.endsWith("/bin"));
  const roots = [
    ...["VIRTUAL_ENV", "CONDA_PREFIX"].flatMap((known) => environment(known) ?? []),
    ...programs.map((path) => path.slice(0, -"/bin".length)),
    ...listed("HOME").map((path) => `${path}/.local`),
  ];
  const packages = [...listed("PYTHONPATH"), ...roots.flatMap(pythonPackageFolders)];
  const files = packages.map((folder) => `${folder}/nvidia/nccl/lib/${name}`).filter(isFileThere);
  return [name, ...new Set(files)];
}

/** The library, if it is new enough. */
function required({ code, calls }: ReturnType<typeof opened>, path: string): NcclLibrary {
  if (code >= oldest) return { version: ncclVersion(code), calls, leave, close() {} };
  throw new OptionError(
    `Cannot use --distributed nccl as NCCL ${ncclVersion(oldest)} or later is required: found ` +
      `${ncclVersion(code)} in ${path}`,
  );
}

function opened(path: string): { readonly code: number; readonly calls: NcclCalls } {
  const { symbols: nccl } = Deno.dlopen(path, symbols);
  const version = new Int32Array(1);
  nccl.ncclGetVersion(version);
  const text = (pointer: Deno.PointerValue) =>
    pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
  return {
    code: version[0]!,
    calls: {
      uniqueId: (id) => nccl.ncclGetUniqueId(id),
      init: (out, size, id, rank) => nccl.ncclCommInitRankConfig(out, size, id, rank, waitless()),
      groupStart: () => nccl.ncclGroupStart(),
      groupEnd: () => nccl.ncclGroupEnd(),
      sum: (address, count, communicator, stream) =>
        nccl.ncclAllReduce(
          ...[big(address), big(address), big(count), float, sum] as const,
          ...[big(communicator), big(stream)] as const,
        ),
      state: (communicator, out) => nccl.ncclCommGetAsyncError(big(communicator), out),
      finalize: (communicator) => nccl.ncclCommFinalize(big(communicator)),
      destroy: (communicator) => nccl.ncclCommDestroy(big(communicator)),
      abort: (communicator) => nccl.ncclCommAbort(big(communicator)),
      meaning: (result) => text(nccl.ncclGetErrorString(result)),
      lastError: () => text(nccl.ncclGetLastError(0n)).trim(),
    },
  };
}

/** Ends the process at once, without what libraries do at its end. */
export function leave(code: number): void {
  const { symbols: { _exit } } = Deno.dlopen("libc.so.6", {
    _exit: { parameters: ["i32"], result: "void" },
  });
  _exit(code);
}

/** ncclFloat32 and ncclSum. */
const [float, sum] = [7, 0] as const;
/** A struct that is passed by value, as in C. */
const id = { struct: Array<"u8">(ncclIdBytes).fill("u8") } as const;

const symbols = {
  ncclGetVersion: { parameters: ["buffer"], result: "i32" },
  ncclGetUniqueId: { parameters: ["buffer"], result: "i32" },
  ncclCommInitRankConfig: { parameters: ["buffer", "i32", id, "i32", "buffer"], result: "i32" },
  ncclGroupStart: { parameters: [], result: "i32" },
  ncclGroupEnd: { parameters: [], result: "i32" },
  ncclAllReduce: {
    parameters: ["usize", "usize", "usize", "i32", "i32", "usize", "usize"],
    result: "i32",
  },
  ncclCommGetAsyncError: { parameters: ["usize", "buffer"], result: "i32" },
  ncclCommFinalize: { parameters: ["usize"], result: "i32" },
  ncclCommDestroy: { parameters: ["usize"], result: "i32" },
  ncclCommAbort: { parameters: ["usize"], result: "i32" },
  ncclGetErrorString: { parameters: ["i32"], result: "pointer" },
  ncclGetLastError: { parameters: ["usize"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

function big(value: number): bigint {
  return BigInt(value);
}

/**
 * ncclConfig_t of NCCL 2.17, which later versions read as such: size, magic number and version, then
 * `blocking`, which is 0, and four settings that are left to NCCL.
 */
function waitless(): Bytes {
  const bytes = new Uint8Array(40);
  const view = new DataView(bytes.buffer);
  const unset = -(2 ** 31);
  view.setBigUint64(0, BigInt(bytes.length), true);
  view.setUint32(8, 0xcafebeef, true);
  view.setUint32(12, 21700, true);
  view.setInt32(16, 0, true);
  for (const at of [20, 24, 28]) view.setInt32(at, unset, true);
  return bytes;
}
