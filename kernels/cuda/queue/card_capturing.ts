/**
 * Captures what is queued for a card.
 *
 * @module
 */

import type { Bound, CapturedWork, Capturing, MemoryPlace } from "../../../core/backend.ts";
import { dependenciesOf, type MemoryAccess } from "../../plan/dependencies.ts";
import { exchangeable, placesByBuffer } from "../../plan/exchanged_places.ts";
import { type Lifetime, placeByLifetime } from "../../plan/lifetimes.ts";
import { RecentlyUsed } from "../../plan/recently_used.ts";
import type { CardBuffer, MemoryObserver } from "../memory/card_memory.ts";
import { roundedBytes } from "../memory/ranges.ts";
import { type AddressList, CardWork, type WorkHost } from "./card_work.ts";
import type { CardLaunch } from "./launch.ts";
import { LaunchSegment } from "./segment.ts";

/** Works whose graphs are kept; beyond these the one that was not queued for longest loses them. */
const most = 128;

/** What was queued since the beginning. */
class Log implements MemoryObserver {
  readonly segment = new LaunchSegment();
  readonly buffers: CardBuffer[] = [];
  readonly addressWords: number[] = [];
  readonly values: number[] = [];
  readonly scalarWords: number[] = [];
  readonly floats: boolean[] = [];
  /** Buffers that were taken, and how long each was there. */
  readonly meanwhile = new Map<CardBuffer, Lifetime>();
  #events = 0;
  isSpoiled = false;

  /** @param runsBefore Programs that were queued before */
  constructor(readonly runsBefore: number) {}

  took(buffer: CardBuffer): void {
    const size = roundedBytes(buffer.bytes);
    this.meanwhile.set(buffer, { size, from: this.#events++, to: Infinity });
  }

  gave(buffer: CardBuffer): void {
    const lifetime = this.meanwhile.get(buffer);
    if (lifetime === undefined) this.isSpoiled = true;
    else lifetime.to = this.#events++;
  }
}

/** Captures launches, and the memory that they use. */
export class CardCapturing implements Capturing {
  #log: Log | undefined;
  readonly #works = new RecentlyUsed<CardWork>(most, (work) => work.endGraphs());
  /** Runs what was captured. */
  readonly host: WorkHost;

  /**
   * @param host Runs what was captured
   * @param runs Programs queued so far
   */
  constructor(host: Omit<WorkHost, "used">, readonly runs: () => number) {
    this.host = { ...host, used: (work) => this.#works.use(work) };
  }

  begin(): void {
    this.#log = this.host.memory.observer = new Log(this.runs());
  }

  /** A launch was queued, with its parameters at a place. */
  launched(
    launch: CardLaunch,
    operands: readonly Bound[],
    scalars: readonly number[],
    { words }: LaunchSegment,
    from: number,
  ): void {
    const log = this.#log;
    if (log === undefined) return;
    const { length } = launch.words;
    const at = log.segment.add(launch);
    log.segment.words.set(words.subarray(from, from + length), at);
    operands.forEach(({ buffer }, k) => {
      log.buffers.push(buffer as CardBuffer);
      log.addressWords.push(at + 2 * k);
    });
    const first = at + length - launch.scalars.length;
    launch.scalars.forEach((kind, i) => {
      log.values.push(scalars[i] ?? 0);
      log.scalarWords.push(first + i);
      log.floats.push(kind === "f32");
    });
  }

  /** Something was queued that cannot be captured. */
  spoil(): void {
    if (this.#log !== undefined) this.#log.isSpoiled = true;
  }

  end(given: readonly MemoryPlace[], made: readonly CardBuffer[]): CapturedWork | undefined {
    const log = this.#log!;
    this.#log = this.host.memory.observer = undefined;
    const fits = exchangeable(given, made, log.meanwhile, ({ released }) => !released);
    if (log.isSpoiled || !fits || log.segment.launches.length === 0) return undefined;
    const exchanged = [...given, ...made.map((buffer) => ({ buffer, start: 0 }))];
    // What outlives it lies elsewhere.
    for (const buffer of made) log.meanwhile.delete(buffer);
    const { starts, end } = placeByLifetime([...log.meanwhile.values()]);
    const places = new Map([...log.meanwhile.keys()].map((buffer, i) => [buffer, starts[i]!]));
    const { addresses, others } = addressesOf(log, exchanged, places);
    const { launches, words, used } = log.segment;
    return new CardWork(this.host, {
      launches,
      words,
      used,
      after: this.host.parallel ? dependenciesOf(accessesOf(log, places)) : undefined,
      addresses,
      scalars: { values: log.values, words: log.scalarWords, floats: log.floats },
      exchanged: exchanged.length,
      meanwhileBytes: end,
      others,
      runs: this.runs() - log.runsBefore,
    });
  }

  /** Ends all graphs. */
  close(): void {
    this.#works.clear();
  }
}

/** Memory used meanwhile is counted from here: below all addresses. */
const belowAll = -(2 ** 52);

/** What the library for products uses beside its operands: one of its products runs at a time. */
const libraryMemory: MemoryAccess = { from: -1, to: 0, isWritten: true };

/** What each launch reads and writes; whole buffers, as they lie when the work comes again. */
function accessesOf(
  { segment, buffers }: Log,
  meanwhile: ReadonlyMap<CardBuffer, number>,
): MemoryAccess[][] {
  let first = 0;
  return segment.launches.map(({ elementBytes: { length }, results, foreign }) => {
    const own = buffers.slice(first, first += length).map((buffer, k) => {
      const start = meanwhile.get(buffer);
      const from = start === undefined ? buffer.address : belowAll + start;
      return { from, to: from + buffer.bytes, isWritten: k >= length - results };
    });
    return foreign === undefined ? own : [...own, libraryMemory];
  });
}

/** Where operands lie in what is exchanged and in memory used meanwhile; and all other buffers. */
function addressesOf(
  { buffers, addressWords, segment }: Log,
  exchanged: readonly MemoryPlace[],
  meanwhile: ReadonlyMap<CardBuffer, number>,
): { readonly addresses: AddressList; readonly others: readonly CardBuffer[] } {
  const words: number[] = [];
  const slots: number[] = [];
  const offsets: number[] = [];
  const others = new Set<CardBuffer>();
  const places = placesByBuffer(exchanged);
  buffers.forEach((buffer, i) => {
    const word = addressWords[i]!;
    const within = segment.words[word]! + 2 ** 32 * segment.words[word + 1]! - buffer.address;
    const place = places.get(buffer)?.find(({ start }) => start <= within);
    const start = meanwhile.get(buffer);
    if (place === undefined && start === undefined) {
      others.add(buffer);
      return;
    }
    words.push(word);
    slots.push(place?.slot ?? exchanged.length);
    offsets.push(within - (place?.start ?? -start!));
  });
  return { addresses: { words, slots, offsets }, others: [...others] };
}
