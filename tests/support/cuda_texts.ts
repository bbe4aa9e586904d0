// A CUDA backend without a card: it collects the texts that the driver would compile.
import { CudaBackend } from "../../kernels/cuda/backend.ts";
import { type CardFacts, Driver } from "../../kernels/cuda/driver/driver.ts";
import type { DriverFunction, Library, NativeCall } from "../../kernels/cuda/driver/ffi.ts";
import type { Precision } from "../../kernels/cuda/product/product_shape.ts";

/** Facts of a card that is not there. */
export const noCard: CardFacts = {
  index: 0,
  name: "a card that is not there",
  address: "0000:00:00.0",
  capability: 90,
  processors: 132,
  bytes: 2 ** 36,
  sharedBytes: 227 * 1024,
  version: 13000,
};

/** What was asked of a driver that does nothing. */
export interface Asked {
  /** Texts that were to be compiled. */
  readonly texts: string[];
  /** Functions that were called, in order. */
  readonly calls: DriverFunction[];
}

/** A library whose calls succeed and do nothing, but for those that `answer` has a code for. */
export function emptyLibrary(
  answer: (name: DriverFunction, args: Parameters<NativeCall>) => number = () => 0,
): Asked & { readonly library: Library } {
  const texts: string[] = [];
  const calls: DriverFunction[] = [];
  let handles = 0;
  const own = (name: DriverFunction): NativeCall => (...args) => {
    calls.push(name);
    if (name === "cuLibraryLoadData") {
      texts.push(decoder.decode(args[1] as Uint8Array).slice(0, -1));
    }
    const [out] = args;
    if (out instanceof Uint8Array && out.length >= 8) {
      const value = name === "cuMemGetAllocationGranularity" ? 2 ** 21 : 2 ** 12 * ++handles;
      new DataView(out.buffer, out.byteOffset).setBigUint64(0, BigInt(value), true);
    }
    return answer(name, args);
  };
  const named = new Proxy({}, { get: (_, name) => own(name as DriverFunction) });
  const library: Library = {
    calls: named as Library["calls"],
    wait: () => Promise.resolve(answer("cuStreamSynchronize", [])),
    addressOf: () => 2 ** 32,
    memoryAt: (_, bytes) => new Uint8Array(bytes),
    close: () => {},
  };
  return { texts, calls, library };
}

const decoder = new TextDecoder();

/** A backend on no card, and what it asks of the driver. */
export function withoutCard(precision: Precision = "float32"): Asked & { backend: CudaBackend } {
  const { texts, calls, library } = emptyLibrary();
  return { texts, calls, backend: new CudaBackend(new Driver(library, noCard), precision) };
}
