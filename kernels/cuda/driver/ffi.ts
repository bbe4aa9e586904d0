/**
 * The foreign function interface, as far as the driver needs it. Handles and addresses are numbers:
 * all lie below 2^53.
 *
 * @module
 */

/** Types of arguments and results. */
export type NativeType = "buffer" | "i32" | "u32" | "usize";

/** An argument. */
export type NativeArgument = number | Uint8Array | null;

interface NativeSignature {
  readonly parameters: readonly NativeType[];
  readonly result: "i32" | "usize";
  readonly nonblocking?: boolean;
}

/** A call that returns the driver's result code. */
export type NativeCall = (...args: NativeArgument[]) => number;

/** The part of the host that opens libraries. */
interface Host {
  dlopen(
    path: string,
    symbols: Readonly<Record<string, NativeSignature>>,
  ): { readonly symbols: Readonly<Record<string, unknown>>; close(): void };
  readonly build: { readonly os: string };
  readonly UnsafePointer: {
    of(value: Uint8Array): unknown;
    value(pointer: unknown): bigint;
    create(address: bigint): unknown;
  };
  readonly UnsafePointerView: { getArrayBuffer(p: unknown, bytes: number): ArrayBuffer };
}

/** The host, where it opens libraries: Deno. */
export function nativeHost(): Host | undefined {
  const host = (globalThis as { Deno?: Host }).Deno;
  return typeof host?.dlopen === "function" ? host : undefined;
}

const b = "buffer";
const i = "i32";
const u = "u32";
const z = "usize";

/** Arguments of `cuLibraryLoadData`. */
export const libraryLoadData: readonly NativeType[] = [b, b, z, z, u, z, z, u];

/** Name of a function of the driver's. */
export type DriverFunction =
  | "cuInit"
  | "cuDriverGetVersion"
  | "cuDeviceGetCount"
  | "cuDeviceGet"
  | "cuDeviceGetByPCIBusId"
  | "cuDeviceGetPCIBusId"
  | "cuDeviceGetName"
  | "cuDeviceGetAttribute"
  | "cuDeviceTotalMem_v2"
  | "cuDevicePrimaryCtxRetain"
  | "cuDevicePrimaryCtxRelease_v2"
  | "cuCtxSetCurrent"
  | "cuLibraryLoadData"
  | "cuLibraryUnload"
  | "cuLibraryGetKernel"
  | "cuKernelGetFunction"
  | "cuFuncSetAttribute"
  | "cuMemGetInfo_v2"
  | "cuMemAddressReserve"
  | "cuMemAddressFree"
  | "cuMemGetAllocationGranularity"
  | "cuMemCreate"
  | "cuMemMap"
  | "cuMemSetAccess"
  | "cuMemUnmap"
  | "cuMemRelease"
  | "cuMemHostAlloc"
  | "cuMemFreeHost"
  | "cuMemcpyHtoDAsync_v2"
  | "cuMemcpyDtoHAsync_v2"
  | "cuStreamCreate"
  | "cuStreamDestroy_v2"
  | "cuStreamSynchronize"
  | "cuLaunchKernel"
  | "cuGraphCreate"
  | "cuGraphDestroy"
  | "cuGraphAddKernelNode_v2"
  | "cuGraphAddChildGraphNode"
  | "cuGraphExecChildGraphNodeSetParams"
  | "cuStreamBeginCapture_v2"
  | "cuStreamEndCapture"
  | "cuGraphInstantiateWithFlags"
  | "cuGraphExecKernelNodeSetParams_v2"
  | "cuGraphExecDestroy"
  | "cuGraphLaunch";

/** Functions of the driver's interface, by their names there, with the types of their arguments. */
const signatures: Readonly<Record<DriverFunction, readonly NativeType[]>> = {
  cuInit: [u],
  cuDriverGetVersion: [b],
  cuDeviceGetCount: [b],
  cuDeviceGet: [b, i],
  cuDeviceGetByPCIBusId: [b, b],
  cuDeviceGetPCIBusId: [b, i, i],
  cuDeviceGetName: [b, i, i],
  cuDeviceGetAttribute: [b, i, i],
  cuDeviceTotalMem_v2: [b, i],
  cuDevicePrimaryCtxRetain: [b, i],
  cuDevicePrimaryCtxRelease_v2: [i],
  cuCtxSetCurrent: [z],
  cuLibraryLoadData: libraryLoadData,
  cuLibraryUnload: [z],
  cuLibraryGetKernel: [b, z, b],
  cuKernelGetFunction: [b, z],
  cuFuncSetAttribute: [z, i, i],
  cuMemGetInfo_v2: [b, b],
  cuMemAddressReserve: [b, z, z, z, z],
  cuMemAddressFree: [z, z],
  cuMemGetAllocationGranularity: [b, b, i],
  cuMemCreate: [b, z, b, z],
  cuMemMap: [z, z, z, z, z],
  cuMemSetAccess: [z, z, b, z],
  cuMemUnmap: [z, z],
  cuMemRelease: [z],
  cuMemHostAlloc: [b, z, u],
  cuMemFreeHost: [z],
  cuMemcpyHtoDAsync_v2: [z, b, z, z],
  cuMemcpyDtoHAsync_v2: [z, z, z, z],
  cuStreamCreate: [b, u],
  cuStreamDestroy_v2: [z],
  cuStreamSynchronize: [z],
  cuLaunchKernel: [z, u, u, u, u, u, u, u, z, z, b],
  cuGraphCreate: [b, u],
  cuGraphDestroy: [z],
  cuGraphAddKernelNode_v2: [b, z, b, z, b],
  cuGraphAddChildGraphNode: [b, z, b, z, z],
  cuGraphExecChildGraphNodeSetParams: [z, z, z],
  cuStreamBeginCapture_v2: [z, i],
  cuStreamEndCapture: [z, b],
  cuGraphInstantiateWithFlags: [b, z, z],
  cuGraphExecKernelNodeSetParams_v2: [z, z, b],
  cuGraphExecDestroy: [z],
  cuGraphLaunch: [z, z],
};

/** The driver's library, open. */
export interface Library {
  /** Its functions. */
  readonly calls: Readonly<Record<DriverFunction, NativeCall>>;
  /** Waits for a stream without holding up the host. */
  readonly wait: (stream: number) => Promise<number>;
  /** Address of bytes that stay where they are, as those of an `ArrayBuffer` that was made do. */
  addressOf(bytes: Uint8Array): number;
  /** Memory of the host at an address. */
  memoryAt(address: number, bytes: number): Uint8Array;
  /** Where threads that compile find it; absent where there are none. */
  readonly path?: string;
  /** Closes the library. */
  close(): void;
}

/**
 * Opens the driver's library.
 *
 * @returns Nothing where the host opens no libraries
 * @throws {Error} The host's error, if it finds none or may not open it
 */
export function openLibrary(): Library | undefined {
  const host = nativeHost();
  if (host === undefined) return undefined;
  const path = host.build.os === "windows" ? "nvcuda.dll" : "libcuda.so.1";
  const named = Object.entries(signatures).map(([name, parameters]) =>
    [name, { parameters, result: "i32" }] as const
  );
  const opened = host.dlopen(path, Object.fromEntries(named));
  const waiting = host.dlopen(path, {
    cuStreamSynchronize: { parameters: [z], result: "i32", nonblocking: true },
  });
  const { UnsafePointer, UnsafePointerView } = host;
  return {
    path,
    calls: opened.symbols as Library["calls"],
    wait: waiting.symbols.cuStreamSynchronize as Library["wait"],
    addressOf: (bytes) => Number(UnsafePointer.value(UnsafePointer.of(bytes))),
    memoryAt: (address, bytes) =>
      new Uint8Array(
        UnsafePointerView.getArrayBuffer(UnsafePointer.create(BigInt(address)), bytes),
      ),
    close: () => {
      waiting.close();
      opened.close();
    },
  };
}
