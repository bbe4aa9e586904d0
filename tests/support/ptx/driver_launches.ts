// The driver's functions on modules and launches.
import type {
  DriverFunction,
  NativeArgument,
  NativeCall,
} from "../../../kernels/cuda/driver/ffi.ts";
import { CardFault } from "./card_range.ts";
import { graphCalls } from "./driver_graphs.ts";
import type { CardWork, DriverState } from "./driver_state.ts";
import { PtxMachine } from "./machine.ts";
import { PtxSyntaxError } from "./parse.ts";

interface LoadedFunction {
  readonly machine: PtxMachine;
  /** Bytes of shared memory that a launch may add. */
  mostShared: number;
}

interface RecordedLaunch {
  readonly handle: number;
  readonly grid: readonly number[];
  readonly block: readonly number[];
  readonly sharedBytes: number;
  readonly parameters: Uint8Array;
}

const [invalid, unknownHandle, badText, tooMuch] = [1, 400, 218, 701];
const freeShared = 48 * 1024;
/** Programs that were compiled in this process, the latest last: devices come and go. */
const machines = new Map<string, PtxMachine>();
/** Characters of their texts: V8 has no room for the code of all that a file of tests makes. */
let kept = 0;
const mostKept = 2 ** 22;

/** The functions; `texts` collects what is compiled. */
export function launchCalls(
  state: DriverState,
  texts: string[],
): Partial<Record<DriverFunction, NativeCall>> {
  const launches = new Launches(state);
  return {
    ...moduleCalls(state, launches, texts),
    ...graphCalls(state, (node) => launches.workOf(launches.described(node))),
    cuLaunchKernel: (handle, ...rest) => {
      const [gx, gy, gz, bx, by, bz, sharedBytes, stream, parameters] = rest as number[];
      if (stream !== state.stream || parameters !== 0) return invalid;
      const launch = {
        handle: handle as number,
        grid: [gx!, gy!, gz!],
        block: [bx!, by!, bz!],
        sharedBytes: sharedBytes!,
        parameters: launches.parametersOf(rest[9] as Uint8Array),
      };
      return state.submit(launches.workOf(launch));
    },
  };
}

function moduleCalls(
  state: DriverState,
  { functions }: Launches,
  texts: string[],
): Partial<Record<DriverFunction, NativeCall>> {
  const libraries = new Map<number, PtxMachine>();
  return {
    cuLibraryLoadData: (out, image, ...none) => {
      if (none.length !== 6 || none.some((each) => each !== 0)) return invalid;
      const text = new TextDecoder().decode(image as Uint8Array);
      if (!text.endsWith("\0")) return badText;
      texts.push(text.slice(0, -1));
      try {
        const machine = machineOf(text.slice(0, -1));
        const handle = state.handle("library of programs");
        libraries.set(handle, machine);
        return state.answer(out, handle);
      } catch (error) {
        if (error instanceof PtxSyntaxError) return badText;
        throw error;
      }
    },
    cuLibraryUnload: (library) => state.end("library of programs", library),
    cuLibraryGetKernel: (out, library, name) => {
      if (!libraries.has(library as number)) return unknownHandle;
      if (new TextDecoder().decode(name as Uint8Array) !== "program\0") return 500;
      return state.answer(out, (library as number) + 4);
    },
    cuKernelGetFunction: (out, kernel) => {
      const machine = libraries.get((kernel as number) - 4);
      if (machine === undefined) return unknownHandle;
      functions.set((kernel as number) + 4, { machine, mostShared: freeShared });
      return state.answer(out, (kernel as number) + 4);
    },
    cuFuncSetAttribute: (handle, attribute, value) => {
      const found = functions.get(handle as number);
      if (found === undefined) return unknownHandle;
      const bytes = (value as number) + found.machine.program.sharedBytes;
      if (attribute !== 8 || bytes > state.facts.sharedBytes) return invalid;
      found.mostShared = value as number;
      return 0;
    },
  };
}

function machineOf(text: string): PtxMachine {
  const own = text.slice(text.indexOf(".version"));
  const found = machines.get(own) ?? new PtxMachine(text);
  if (!machines.delete(own)) kept += own.length;
  machines.set(own, found);
  for (const [oldest] of machines) {
    if (kept <= mostKept) break;
    machines.delete(oldest);
    kept -= oldest.length;
  }
  return found;
}

/** Launches and the functions that they name. */
class Launches {
  readonly functions = new Map<number, LoadedFunction>();

  constructor(readonly state: DriverState) {}

  /** A launch as work. */
  workOf(launch: RecordedLaunch): CardWork {
    return { kind: "kernel", run: () => this.run(launch) };
  }

  /** Runs one; gives the driver's code. */
  run({ handle, grid, block, sharedBytes, parameters }: RecordedLaunch): number {
    const { state } = this;
    if (state.fault !== 0) return state.lost;
    const found = this.functions.get(handle);
    if (found === undefined) return unknownHandle;
    const { program } = found.machine;
    if ([...grid.slice(1), ...block.slice(1)].some((size) => size !== 1)) return invalid;
    if (block[0] !== program.threads || !(grid[0]! > 0) || grid[0]! >= 2 ** 31) return invalid;
    if (sharedBytes > found.mostShared) return invalid;
    if (parameters.length !== program.parameterBytes) return tooMuch;
    try {
      const words = new Int32Array(parameters.slice().buffer);
      const { memory } = state;
      found.machine.run({ memory, parameters: words, blocks: grid[0]!, sharedBytes });
    } catch (error) {
      if (!(error instanceof CardFault)) throw error;
      // Told at the next synchronisation.
      state.fault = error.code;
    }
    return 0;
  }

  /** Parameters that an `extra` block leads to, copied. */
  parametersOf(extra: Uint8Array): Uint8Array {
    const { host } = this.state;
    const view = new DataView(extra.buffer, extra.byteOffset);
    const word = (at: DataView, i: number) => Number(at.getBigUint64(8 * i, true));
    if (![1, 2, 0].every((key, i) => word(view, 2 * i) === key)) {
      throw new RangeError("Parameters are required as address, size and end");
    }
    const size = host.at(word(view, 3), 8);
    return host.at(word(view, 1), word(new DataView(size.buffer, size.byteOffset), 0)).slice();
  }

  /** The launch that a node's parameters describe. */
  described(node: NativeArgument | undefined): RecordedLaunch {
    const bytes = node as Uint8Array;
    const view = new DataView(bytes.buffer, bytes.byteOffset, 72);
    const [gx, gy, gz, bx, by, bz, sharedBytes] = Array.from(
      { length: 7 },
      (_, i) => view.getUint32(8 + 4 * i, true),
    ) as [number, number, number, number, number, number, number];
    return {
      handle: Number(view.getBigUint64(0, true)),
      grid: [gx, gy, gz],
      block: [bx, by, bz],
      sharedBytes,
      parameters: this.parametersOf(this.state.host.at(Number(view.getBigUint64(48, true)), 40)),
    };
  }
}
