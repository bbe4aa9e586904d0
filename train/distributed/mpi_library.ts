/**
 * Finding the library of MPI, and its functions with handles of one kind.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { Environment } from "../hub/settings.ts";
import { type MpiAbi, mpiAbis } from "./mpi_abis.ts";

type Bytes = Uint8Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** A library of MPI that is open, with all processes and bytes as its only handles. */
export interface MpiLibrary {
  /** What it says it is, such as `Open MPI v4.1.4`. */
  readonly name: string;
  /** Its functions; each gives a code, 0 where all is well. */
  readonly calls: MpiCalls;
}

/** Functions of MPI over all processes; buffers of a request, a flag or a status are written to. */
export interface MpiCalls {
  /** MPI_Init, then MPI_Comm_set_errhandler: later functions return their errors. */
  init(): number;
  /** MPI_Comm_rank. */
  rank(rank: Int32Array<ArrayBuffer>): number;
  /** MPI_Comm_size. */
  size(size: Int32Array<ArrayBuffer>): number;
  /** MPI_Get_processor_name. */
  host(name: Bytes, length: Int32Array<ArrayBuffer>): number;
  /** MPI_Isend. */
  send(bytes: Bytes, to: number, tag: number, request: Bytes): number;
  /** MPI_Irecv. */
  receive(bytes: Bytes, from: number, tag: number, request: Bytes): number;
  /** MPI_Test. */
  test(request: Bytes, flag: Int32Array<ArrayBuffer>, status: Bytes): number;
  /** MPI_Abort. */
  abort(code: number): number;
  /** MPI_Finalize. */
  finalize(): number;
}

/**
 * The kinds of libraries in the order in which they are tried: the standard interface, then that of the
 * launcher that started this process.
 */
export function triedAbis(environment: Environment): readonly MpiAbi[] {
  const isLaunched = ({ launched }: MpiAbi) =>
    launched.some((name) => environment(name) !== undefined);
  const rank = (abi: MpiAbi) => abi.launched.length === 0 ? 0 : isLaunched(abi) ? 1 : 2;
  return mpiAbis.toSorted((a, b) => rank(a) - rank(b));
}

/**
 * Opens a library.
 *
 * @param choice `auto`, or the path of one
 * @throws {OptionError} If there is none, none may be opened, or nothing is known of its handles
 */
export function openMpi(choice: string, environment: Environment): MpiLibrary {
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    throw new OptionError(
      "Cannot use --distributed mpi as --allow-ffi and a library of MPI are required: found no " +
        "--allow-ffi",
    );
  }
  const paths = choice === "auto"
    ? triedAbis(environment).flatMap(({ libraries }) => libraries)
    : [choice];
  const refusals: string[] = [];
  for (const path of paths) {
    let said: string;
    try {
      said = versionOf(path);
    } catch (error) {
      refusals.push(error instanceof Error ? error.message : String(error));
      continue;
    }
    const abi = abiOf(path, said);
    if (abi !== undefined) return { name: said, calls: callsOf(path, abi) };
    refusals.push(`${path} says that it is ${said}`);
  }
  const found = choice === "auto" ? `none of ${paths.join(", ")}` : refusals[0];
  throw new OptionError(
    "Cannot use --distributed mpi as a library of MPI 5's standard interface, Open MPI or MPICH is " +
      `required in ${choice === "auto" ? "the system" : `--mpi ${choice}`}: found ${found}`,
  );
}

/** The kind of a library: by the name of its file, or by what it says. */
export function abiOf(path: string, said: string): MpiAbi | undefined {
  const [standard, ...own] = mpiAbis;
  if (/(?:^|\/)libmpi_abi\.[^/]*$/.test(path)) return standard;
  return own.find(({ says }) => says.test(said));
}

/** What a library says it is, on its first line. */
function versionOf(path: string): string {
  const { symbols } = Deno.dlopen(path, {
    MPI_Get_library_version: { parameters: ["buffer", "buffer"], result: "i32" },
  });
  const text = new Uint8Array(8192);
  symbols.MPI_Get_library_version(text, new Int32Array(1));
  const line = new TextDecoder().decode(text.subarray(0, text.indexOf(0))).split("\n")[0]!;
  return line.split(",")[0]!.replace(/\s*Version:\s*/, " ").trim();
}

/** Functions of a library. */
function callsOf(path: string, abi: MpiAbi): MpiCalls {
  // The two differ for the caller alone: the type of a handle is a pointer where it is no integer.
  const handle = (abi.handles === "integers" ? "i32" : "pointer") as "i32";
  const { symbols: mpi } = Deno.dlopen(path, {
    MPI_Init: { parameters: ["pointer", "pointer"], result: "i32" },
    MPI_Comm_set_errhandler: { parameters: [handle, handle], result: "i32" },
    MPI_Comm_rank: { parameters: [handle, "buffer"], result: "i32" },
    MPI_Comm_size: { parameters: [handle, "buffer"], result: "i32" },
    MPI_Get_processor_name: { parameters: ["buffer", "buffer"], result: "i32" },
    MPI_Isend: {
      parameters: ["buffer", "i32", handle, "i32", "i32", handle, "buffer"],
      result: "i32",
    },
    MPI_Irecv: {
      parameters: ["buffer", "i32", handle, "i32", "i32", handle, "buffer"],
      result: "i32",
    },
    MPI_Test: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
    MPI_Abort: { parameters: [handle, "i32"], result: "i32" },
    MPI_Finalize: { parameters: [], result: "i32" },
  });
  const { world, byte, errorsReturn } = handlesOf(path, abi);
  return {
    init: () => mpi.MPI_Init(null, null) || mpi.MPI_Comm_set_errhandler(world(), errorsReturn()),
    rank: (rank) => mpi.MPI_Comm_rank(world(), rank),
    size: (size) => mpi.MPI_Comm_size(world(), size),
    host: (name, length) => mpi.MPI_Get_processor_name(name, length),
    send: (bytes, to, tag, request) =>
      mpi.MPI_Isend(bytes, bytes.byteLength, byte(), to, tag, world(), request),
    receive: (bytes, from, tag, request) =>
      mpi.MPI_Irecv(bytes, bytes.byteLength, byte(), from, tag, world(), request),
    test: (request, flag, status) => mpi.MPI_Test(request, flag, status),
    abort: (code) => mpi.MPI_Abort(world(), code),
    finalize: () => mpi.MPI_Finalize(),
  };
}

/** A handle, which some libraries give once MPI has begun. */
type Handle = () => number;

/** Handles of a library, of the type that its functions take. */
function handlesOf(
  path: string,
  abi: MpiAbi,
): Record<"world" | "byte" | "errorsReturn", Handle> {
  const { world, byte, errorsReturn } = abi;
  if (abi.handles === "integers") {
    return { world: () => world, byte: () => byte, errorsReturn: () => errorsReturn };
  }
  const given = (value: number) => {
    const pointer = Deno.UnsafePointer.create(BigInt(value));
    return () => pointer as unknown as number;
  };
  if (abi.handles === "pointers") {
    return { world: given(world), byte: given(byte), errorsReturn: given(errorsReturn) };
  }
  const { symbols: mpi } = Deno.dlopen(path, {
    MPI_Comm_f2c: { parameters: ["i32"], result: "pointer" },
    MPI_Type_f2c: { parameters: ["i32"], result: "pointer" },
    MPI_Errhandler_f2c: { parameters: ["i32"], result: "pointer" },
  });
  const converted = (convert: (handle: number) => Deno.PointerValue, value: number) => {
    let pointer: Deno.PointerValue;
    return () => (pointer ??= convert(value)) as unknown as number;
  };
  return {
    world: converted(mpi.MPI_Comm_f2c, world),
    byte: converted(mpi.MPI_Type_f2c, byte),
    errorsReturn: converted(mpi.MPI_Errhandler_f2c, errorsReturn),
  };
}
