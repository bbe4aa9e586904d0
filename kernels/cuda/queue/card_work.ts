/**
 * Work of a card that can be queued again: graphs of all launches, in whose parameters the addresses
 * of what is exchanged are written anew.
 *
 * @module
 */

import type { CapturedWork, MemoryPlace } from "../../../core/backend.ts";
import { DeviceError } from "../../../core/errors.ts";
import type { CardBuffer, CardMemory } from "../memory/card_memory.ts";
import type { Graph, Graphs } from "./graphs.ts";
import { type Launches, placesOf } from "./segment.ts";

/** Launches of the first segment; each that follows has twice as many, up to so many. */
const [shortest, longest] = [16, 128];

/** Addresses among the parameters that are not always the same. */
export interface AddressList {
  /** Their first words. */
  readonly words: readonly number[];
  /** What each lies in: an exchanged place by its number, or the memory used meanwhile, which is last. */
  readonly slots: readonly number[];
  /** Bytes from the beginning of that. */
  readonly offsets: readonly number[];
}

/** Scalars among the parameters. */
export interface ScalarList {
  /** Numbers. */
  readonly values: readonly number[];
  /** Their words. */
  readonly words: readonly number[];
  /** Whether each is a float. */
  readonly floats: readonly boolean[];
}

/** What was queued. */
export interface WorkParts extends Launches {
  readonly words: Uint32Array<ArrayBuffer>;
  readonly addresses: AddressList;
  readonly scalars: ScalarList;
  /** Places that are exchanged. */
  readonly exchanged: number;
  /** Bytes of the memory used meanwhile. */
  readonly meanwhileBytes: number;
  /** All other buffers. */
  readonly others: readonly CardBuffer[];
  /** Programs that were queued. */
  readonly runs: number;
}

/** The backend, as far as it matters here. */
export interface WorkHost {
  /** Whether launches wait for those alone that they need. */
  readonly parallel: boolean;
  readonly memory: CardMemory;
  readonly graphs: Graphs;
  /** Tells that a work is about to be queued again. */
  readonly used: (work: CardWork) => void;
  /** Sends what was queued before. */
  readonly flush: () => void;
  /** Tells of programs that were queued by so many launches, and of memory that was used for them. */
  readonly count: (runs: number, launches: number, bytes: number) => void;
}

/** Work that was captured. */
export class CardWork implements CapturedWork {
  /** Scalars of all programs. */
  readonly scalars: readonly number[];
  readonly #floats: Float32Array;
  /** Where each slot is now; nowhere at first. */
  readonly #bases: Float64Array;
  /** Parts of it, which go to the card one after the other. */
  readonly #segments: readonly Launches[];
  /** Their graphs, as far as there are some. */
  readonly #graphs: Graph[] = [];

  /**
   * @param host Runs it
   * @param parts What was queued
   */
  constructor(readonly host: WorkHost, readonly parts: WorkParts) {
    const { words, scalars, exchanged } = parts;
    this.scalars = scalars.values;
    this.#floats = new Float32Array(words.buffer);
    this.#segments = segmentsOf(parts);
    this.#bases = new Float64Array(exchanged + 1).fill(-1);
  }

  equals(other: CapturedWork): boolean {
    if (!(other instanceof CardWork)) return false;
    const [a, b] = [this.parts, other.parts];
    const fixed = (parts: WorkParts) => {
      const words = parts.words.slice(0, parts.used);
      for (const at of parts.addresses.words) words.fill(0, at, at + 2);
      for (const at of parts.scalars.words) words[at] = 0;
      return words;
    };
    return sameNumbers(a.launches.map(({ id }) => id), b.launches.map(({ id }) => id)) &&
      sameNumbers(a.addresses.words, b.addresses.words) &&
      sameNumbers(a.addresses.slots, b.addresses.slots) &&
      sameNumbers(a.addresses.offsets, b.addresses.offsets) &&
      sameNumbers(a.scalars.words, b.scalars.words) && sameNumbers(fixed(a), fixed(b)) &&
      a.meanwhileBytes === b.meanwhileBytes;
  }

  queue(places: readonly MemoryPlace[], scalars: readonly number[]): boolean {
    const { host, parts } = this;
    const { launches, others, meanwhileBytes, runs } = parts;
    if (others.some(({ released }) => released)) return false;
    const meanwhile = takenFrom(host.memory, meanwhileBytes);
    if (meanwhile === undefined) return false;
    this.#place([...places, { buffer: meanwhile, start: 0 }]);
    this.#write(scalars);
    host.flush();
    host.used(this);
    const { graphs } = host;
    // The card runs the first while the host makes the next.
    this.#segments.forEach((segment, i) =>
      graphs.runGraph(this.#graphs[i] ??= graphs.build(segment), segment)
    );
    host.count(runs, launches.length, meanwhileBytes);
    return true;
  }

  /** Writes the addresses of what lies elsewhere than before. */
  #place(places: readonly MemoryPlace[]): void {
    const { words, addresses } = this.parts;
    const bases = places.map(({ buffer, start }) => (buffer as CardBuffer).address + start);
    const moved = bases.map((base, slot) => base !== this.#bases[slot]);
    if (!moved.includes(true)) return;
    for (let i = 0; i < addresses.words.length; i++) {
      const slot = addresses.slots[i]!;
      if (!moved[slot]) continue;
      const address = bases[slot]! + addresses.offsets[i]!;
      words[addresses.words[i]!] = address;
      words[addresses.words[i]! + 1] = address / 2 ** 32;
    }
    this.#bases.set(bases);
  }

  #write(scalars: readonly number[]): void {
    const { words, scalars: { words: places, floats } } = this.parts;
    for (let i = 0; i < places.length; i++) {
      (floats[i] ? this.#floats : words)[places[i]!] = scalars[i]!;
    }
  }

  /** Ends its graphs, which are made anew where it is queued again. */
  endGraphs(): void {
    for (const graph of this.#graphs.splice(0)) this.host.graphs.end(graph);
  }
}

/**
 * Launches as graphs take them: the first are few, so that the card begins while the host queues those
 * that follow.
 */
function segmentsOf({ launches, words, after }: Launches): Launches[] {
  const segments: Launches[] = [];
  let [first, start, length] = [0, 0, shortest];
  while (first < launches.length) {
    const part = launches.slice(first, first + length);
    const size = part.reduce((sum, launch) => sum + placesOf(launch), 0);
    const [begin, end] = [first, first + length];
    segments.push({
      launches: part,
      words: words.subarray(start, start + size),
      used: size,
      // Segments run one after the other.
      after: after?.slice(begin, end).map((each) =>
        each.filter((other) => other >= begin).map((other) => other - begin)
      ),
    });
    first += length;
    start += size;
    length = Math.min(longest, 2 * length);
  }
  return segments;
}

/** Memory for what is used meanwhile; nothing where the card has too little in one piece. */
function takenFrom(memory: CardMemory, bytes: number): CardBuffer | undefined {
  try {
    return memory.takeAgain(bytes);
  } catch (error) {
    if (error instanceof DeviceError) return undefined;
    throw error;
  }
}

function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
