// A driver without a card: programs are interpreted, so that what they compute can be tested anywhere.
import { CudaBackend } from "../../../kernels/cuda/backend.ts";
import { type CardFacts, Driver } from "../../../kernels/cuda/driver/driver.ts";
import type { DriverFunction, Library, NativeCall } from "../../../kernels/cuda/driver/ffi.ts";
import type { QueueOptions } from "../../../kernels/cuda/queue_options.ts";
import type { Precision } from "../../../kernels/cuda/product/product_shape.ts";
import { launchCalls } from "./driver_launches.ts";
import { memoryCalls } from "./driver_memory.ts";
import { DriverState } from "./driver_state.ts";
import { InterpretedBlas } from "./interpreted_blas.ts";

/** Facts of the card that is interpreted. */
export const interpretedCard: CardFacts = {
  index: 0,
  name: "an interpreted card",
  address: "0000:0a:00.0",
  capability: 90,
  processors: 8,
  bytes: 2 ** 28,
  sharedBytes: 227 * 1024,
  version: 13000,
};

/** A library that computes, and what it was asked. */
export interface InterpretedDriver {
  readonly library: Library;
  readonly state: DriverState;
  /** Products in bf16 by a library that is opened where it is asked for. */
  readonly blas: InterpretedBlas;
  /** Texts that were compiled. */
  readonly texts: string[];
  /** Calls of each function. */
  readonly counts: Map<DriverFunction, number>;
  /** Codes that functions give instead of doing anything. */
  readonly failures: Map<DriverFunction, number>;
}

/** Opens one. */
export function interpretedDriver(facts: CardFacts = interpretedCard): InterpretedDriver {
  const state = new DriverState(facts);
  const texts: string[] = [];
  const counts = new Map<DriverFunction, number>();
  const failures = new Map<DriverFunction, number>();
  const known: Partial<Record<DriverFunction, NativeCall>> = {
    ...deviceCalls(state),
    ...memoryCalls(state),
    ...launchCalls(state, texts),
  };
  const counted = (name: DriverFunction): NativeCall => (...args) => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    const own = known[name];
    if (own === undefined) throw new Error(`${name} is not interpreted`);
    const { lost } = state;
    const code = failures.get(name) ?? own(...args);
    return lost === 0 ? code : lost;
  };
  const named = new Proxy({}, { get: (_, name) => counted(name as DriverFunction) });
  const calls = named as Library["calls"];
  const library: Library = {
    calls,
    wait: async (stream) => {
      await Promise.resolve();
      return calls.cuStreamSynchronize(stream);
    },
    addressOf: (bytes) => state.host.addressOf(bytes),
    memoryAt: (address, bytes) => state.host.at(address, bytes),
    close: () => state.open.delete("library"),
  };
  state.open.add("library");
  return { library, state, blas: new InterpretedBlas(state), texts, counts, failures };
}

/** What differs from the usual backend. */
export interface InterpretedQueue extends QueueOptions {
  /** Whether products in bf16 have the pretended cuBLASLt. */
  readonly blas?: boolean;
}

/** A backend on an interpreted card. */
export interface InterpretedBackend extends InterpretedDriver {
  readonly backend: CudaBackend;
}

/** Opens a backend. */
export function interpretedCuda(
  precision: Precision = "float32",
  options: InterpretedQueue = {},
  facts: CardFacts = interpretedCard,
): InterpretedBackend {
  const opened = interpretedDriver(facts);
  const { blas = false, ...queue } = options;
  const library = blas ? opened.blas.open() : undefined;
  return {
    ...opened,
    backend: new CudaBackend(new Driver(opened.library, facts), precision, { library, ...queue }),
  };
}

function deviceCalls(state: DriverState): Partial<Record<DriverFunction, NativeCall>> {
  const { facts } = state;
  const attributes: Readonly<Record<number, number>> = {
    16: facts.processors,
    75: Math.floor(facts.capability / 10),
    76: facts.capability % 10,
    97: facts.sharedBytes,
  };
  const text = (value: string): NativeCall => (out, bytes) => {
    const encoded = new TextEncoder().encode(`${value}\0`);
    if (encoded.length > (bytes as number)) return 1;
    (out as Uint8Array).set(encoded);
    return 0;
  };
  return {
    cuInit: () => 0,
    cuDriverGetVersion: (out) => state.answer(out, facts.version),
    cuDeviceGetCount: (out) => state.answer(out, state.cards),
    cuDeviceGet: (out, ordinal) => ordinal === 0 ? state.answer(out, facts.index) : 101,
    cuDeviceGetName: text(facts.name),
    cuDeviceGetPCIBusId: text(facts.address.toUpperCase()),
    cuDeviceGetAttribute: (out, which) => {
      const value = attributes[which as number];
      return value === undefined ? 1 : state.answer(out, value);
    },
    cuDeviceTotalMem_v2: (out) => state.answer(out, facts.bytes),
    cuDevicePrimaryCtxRetain: (out) => state.answer(out, state.handle("context")),
    cuDevicePrimaryCtxRelease_v2: () => {
      const context = [...state.open].find((each) => each.startsWith("context"));
      return context !== undefined && state.open.delete(context) ? 0 : 201;
    },
    cuCtxSetCurrent: () => 0,
    cuStreamCreate: (out) => state.answer(out, state.stream = state.handle("stream")),
    cuStreamDestroy_v2: (stream) => state.end("stream", stream),
    cuStreamSynchronize: () => {
      if (!state.capturing) return state.settle();
      state.breakCapture();
      return 900;
    },
  };
}
