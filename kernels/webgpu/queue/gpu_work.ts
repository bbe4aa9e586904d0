/**
 * Work of a GPU that can be queued again: dispatches with their parameters and bind groups, of which
 * those are made anew whose memory is other memory than the last time.
 *
 * @module
 */

import type { CapturedWork, MemoryPlace } from "../../../core/backend.ts";
import type { GpuBuffer, Pool, Slab } from "../memory/buffer_pool.ts";
import type { Launch } from "./launch.ts";
import type { CommandQueue } from "./queue.ts";

/** What a dispatch binds of a slab. */
export interface BoundPart {
  /** Number of the memory. */
  readonly memory: number;
  /** Bytes of it that are bound; absent where all are. */
  readonly window?: { readonly offset: number; readonly size: number };
}

/** A dispatch of captured work. */
export interface WorkDispatch {
  /** All but its memory, offsets and scalars. */
  readonly launch: Launch;
  /** Its parameters, offsets and scalars included. */
  readonly parameters: Int32Array<ArrayBuffer>;
  /** What it binds, in binding order. */
  readonly bound: readonly BoundPart[];
}

/** A word of the parameters that is not always the same. */
export interface WorkWord {
  /** Number of the dispatch. */
  readonly dispatch: number;
  /** Place among its parameters. */
  readonly at: number;
}

/** Offset of an operand whose memory may begin elsewhere. */
export interface MovingOffset extends WorkWord {
  /** Number of the exchanged place behind whose beginning it lies. */
  readonly place: number;
  /** Bytes of an element. */
  readonly elementBytes: number;
  /** Elements from there. */
  readonly elements: number;
}

/** A scalar among the parameters. */
export interface WorkScalar extends WorkWord {
  /** Its value. */
  readonly value: number;
  /** Whether it is a float. */
  readonly isFloat: boolean;
}

/** What was recorded. */
export interface GpuWorkParts {
  readonly dispatches: readonly WorkDispatch[];
  readonly offsets: readonly MovingOffset[];
  readonly scalars: readonly WorkScalar[];
  /** Places that are exchanged: the first memories. */
  readonly exchanged: number;
  /** Bytes of the slabs used meanwhile: the next memories. */
  readonly meanwhile: readonly number[];
  /** All other buffers: the last memories. */
  readonly others: readonly GpuBuffer[];
  /** Bytes that were in use meanwhile at most. */
  readonly meanwhileBytes: number;
  /** Programs that were queued. */
  readonly runs: number;
}

/** The backend, as far as it matters here. */
export interface GpuWorkHost {
  readonly queue: CommandQueue;
  readonly pool: Pool;
  /** Tells that a work is about to be queued again. */
  readonly used: (work: GpuWork) => void;
  /** Tells of programs that were queued, and of memory that was used for them. */
  readonly count: (runs: number, bytes: number) => void;
}

/** Work that was captured. */
export class GpuWork implements CapturedWork {
  /** Scalars of all programs. */
  readonly scalars: readonly number[];
  /** Slab of each memory the last time. */
  readonly #slabs: (Slab | undefined)[];
  /** Bind group of each dispatch, where its slabs are those of the last time. */
  readonly #groups: (GPUBindGroup | undefined)[];
  /** Dispatches that bind each memory. */
  readonly #users: readonly (readonly number[])[];
  /** Slabs of a dispatch, in binding order. */
  readonly #bound: Slab[] = [];

  /**
   * @param host Runs it
   * @param parts What was recorded
   */
  constructor(readonly host: GpuWorkHost, readonly parts: GpuWorkParts) {
    const { dispatches, scalars, exchanged, meanwhile, others } = parts;
    this.scalars = scalars.map(({ value }) => value);
    this.#groups = dispatches.map(() => undefined);
    this.#slabs = Array.from({ length: exchanged + meanwhile.length + others.length });
    const users = this.#slabs.map((): number[] => []);
    dispatches.forEach(({ bound }, i) => bound.forEach(({ memory }) => users[memory]!.push(i)));
    this.#users = users;
  }

  equals(other: CapturedWork): boolean {
    if (!(other instanceof GpuWork)) return false;
    const [a, b] = [this.parts, other.parts];
    return sameList(a.dispatches, b.dispatches, (x, y) => x.launch === y.launch) &&
      sameList(a.others, b.others, (x, y) => x === y) &&
      JSON.stringify(described(a)) === JSON.stringify(described(b));
  }

  queue(places: readonly MemoryPlace[], scalars: readonly number[]): boolean {
    const { host, parts: { meanwhile, others, exchanged, meanwhileBytes, runs } } = this;
    if (others.some((buffer) => buffer.slab.holder !== buffer)) return false;
    const taken = meanwhile.map((size, i) => host.pool.takeAgain(size, this.#slabs[exchanged + i]));
    host.used(this);
    const memories = [...places.map(({ buffer }) => buffer as GpuBuffer), ...taken, ...others];
    this.#place(memories.map(({ slab }) => slab));
    this.#write(places, scalars);
    this.#record();
    for (const buffer of taken) host.pool.give(buffer);
    host.count(runs, meanwhileBytes);
    return true;
  }

  /** Forgets the bind groups over memory that is not that of the last time. */
  #place(slabs: readonly Slab[]): void {
    slabs.forEach((slab, memory) => {
      if (this.#slabs[memory] === slab) return;
      this.#slabs[memory] = slab;
      for (const dispatch of this.#users[memory]!) this.#groups[dispatch] = undefined;
    });
  }

  #write(places: readonly MemoryPlace[], scalars: readonly number[]): void {
    const { dispatches, offsets, scalars: kinds } = this.parts;
    for (const { dispatch, at, place, elementBytes, elements } of offsets) {
      dispatches[dispatch]!.parameters[at] = places[place]!.start / elementBytes + elements;
    }
    for (let i = 0; i < kinds.length; i++) {
      const { dispatch, at, isFloat } = kinds[i]!;
      const { parameters } = dispatches[dispatch]!;
      parameters[at] = isFloat ? floatBits(scalars[i]!) : scalars[i]!;
    }
  }

  #record(): void {
    const { queue } = this.host;
    const { dispatches } = this.parts;
    for (let i = 0; i < dispatches.length; i++) {
      const dispatch = dispatches[i]!;
      queue.again(dispatch.launch, dispatch.parameters, this.#groups[i] ??= this.#group(dispatch));
    }
  }

  #group({ launch, bound }: WorkDispatch): GPUBindGroup {
    const { pool, queue } = this.host;
    bound.forEach(({ memory, window }, k) => {
      const slab = this.#slabs[memory]!;
      this.#bound[k] = window === undefined ? slab : pool.window(slab, window.offset, window.size);
    });
    return queue.group(launch, this.#bound);
  }

  /** Forgets its bind groups, which are made anew where it is queued again. */
  endGroups(): void {
    this.#groups.fill(undefined);
  }
}

const word = new Int32Array(1);
const float = new Float32Array(word.buffer);

/** A float as the word that it is. */
function floatBits(value: number): number {
  float[0] = value;
  return word[0]!;
}

/** All but launches and buffers, which are compared by identity, and the values of scalars. */
function described(parts: GpuWorkParts): unknown {
  const { dispatches, offsets, scalars, exchanged, meanwhile, meanwhileBytes, runs } = parts;
  const fixed = dispatches.map(({ parameters }) => Array.from(parameters));
  for (const { dispatch, at } of [...offsets, ...scalars]) fixed[dispatch]![at] = 0;
  const kinds = scalars.map(({ value: _, ...kind }) => kind);
  const bound = dispatches.map(({ bound }) => bound);
  return [fixed, offsets, kinds, bound, exchanged, meanwhile, meanwhileBytes, runs];
}

function sameList<T>(
  a: readonly T[],
  b: readonly T[],
  same: (x: T, y: T) => boolean,
): boolean {
  return a.length === b.length && a.every((x, i) => same(x, b[i]!));
}
