// The host's interface to libraries, replaced by one whose driver is interpreted.
import { assertEquals } from "@std/assert";
import type { InterpretedDriver } from "./interpreted_driver.ts";

/** The host with another `dlopen`, while a body runs. */
export async function withHost<T>(changes: object, body: () => T | Promise<T>): Promise<T> {
  const own = globalThis.Deno;
  const host = Object.create(own, Object.getOwnPropertyDescriptors(changes));
  Object.defineProperty(globalThis, "Deno", { value: host, configurable: true, writable: true });
  try {
    return await body();
  } finally {
    Object.defineProperty(globalThis, "Deno", { value: own, configurable: true, writable: true });
  }
}

/**
 * What the host offers where a driver is installed; `opened` tells paths and functions, `blasPath` is
 * where cuBLASLt is.
 */
export function hostWith(
  { library, blas }: InterpretedDriver,
  opened: [string, string[]][] = [],
  os = "linux",
  blasPath = "",
): object {
  let closed = 0;
  return {
    build: { ...Deno.build, os },
    dlopen: (path: string, symbols: Record<string, { nonblocking?: boolean }>) => {
      opened.push([path, Object.keys(symbols)]);
      if (path === blasPath) {
        const { calls, close } = blas.open();
        return { symbols: { ...calls, cublasLtGetVersion: () => 130100n }, close };
      }
      if (!/cuda/.test(path)) throw new Error(`${path}: no such library`);
      const waits = symbols.cuStreamSynchronize?.nonblocking === true;
      return {
        symbols: waits ? { cuStreamSynchronize: library.wait } : library.calls,
        close: () => ++closed === 2 && library.close(),
      };
    },
    UnsafePointer: {
      of: (bytes: Uint8Array) => library.addressOf(bytes),
      value: (pointer: number) => BigInt(pointer),
      create: (address: bigint) => Number(address),
    },
    UnsafePointerView: {
      getArrayBuffer: (pointer: number, bytes: number) => {
        const found = library.memoryAt(pointer, bytes);
        assertEquals([found.byteOffset, found.byteLength], [0, found.buffer.byteLength]);
        return found.buffer;
      },
    },
  };
}
