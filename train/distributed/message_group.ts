/**
 * A group over messages. Sums are made in slices: each process adds up one slice of all, in the order of
 * ranks, and sends it to the others. So each number travels twice, whatever the number of processes.
 *
 * @module
 */

import { TrainingError } from "../../core/errors.ts";
import { type Group, type Numbers, processName } from "./group.ts";
import type { Messages, PendingMessage } from "./messages.ts";

/** What tells messages of different use apart. */
const tags = { part: 1, sum: 2, length: 3, text: 4, roll: 5 } as const;

/** Milliseconds in which a message is asked for without a pause, which others need the core for. */
const eager = 4;
/** Seconds in which all answer who wait for each other. */
const rollTime = 5;
/** Milliseconds after which a message is asked for of which nothing was heard. */
const pause = 100;

/** How long a group waits. */
export interface Patience {
  /** Seconds that a process may not answer for, beyond the longest that this one ever worked itself. */
  readonly timeout: number;
  /** A clock, in milliseconds; default `performance.now`. */
  readonly now?: () => number;
}

/** Processes that are connected by messages. */
export class MessageGroup implements Group {
  /** Number of this process. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /** What connects them. */
  readonly name: string;
  /** Name of the machine of this process. */
  readonly host: string;
  readonly #others: readonly number[];
  readonly #now: () => number;
  /** When the last messages were over, and the longest time of work between two, in milliseconds. */
  #over: number;
  #longest = 0;

  /** A group over messages that waits as long as it is told. */
  constructor(private readonly messages: Messages, private readonly patience: Patience) {
    this.rank = messages.rank;
    this.size = messages.size;
    this.name = messages.name;
    this.host = messages.host;
    this.#others = Array.from({ length: this.size }, (_, r) => r).filter((r) => r !== this.rank);
    this.#now = patience.now ?? (() => performance.now());
    this.#over = this.#now();
  }

  /** Replaces numbers by their sums over all processes; see {@linkcode Group}. */
  async sum(values: Numbers): Promise<void> {
    const { rank, size } = this;
    const edge = (slice: number) => Math.floor(values.length * slice / size);
    const sliceOf = (r: number) => values.subarray(edge(r), edge(r + 1));
    const own = sliceOf(rank);
    const parts = Array.from({ length: size }, (_, r) => r === rank ? own : own.slice());
    await this.#exchange(
      tags.part,
      (r) => bytesOf(sliceOf(r)),
      (r) => bytesOf(parts[r]!),
    );
    for (let i = 0; i < own.length; i++) {
      let total = 0;
      for (let r = 0; r < size; r++) total += parts[r]![i]!;
      own[i] = total;
    }
    await this.#exchange(tags.sum, () => bytesOf(own), (r) => bytesOf(sliceOf(r)));
  }

  /** The texts of all processes; see {@linkcode Group}. */
  async gather(text: string): Promise<string[]> {
    const own = new TextEncoder().encode(text);
    const lengths = Array.from({ length: this.size }, () => Float64Array.of(own.length));
    await this.#exchange(
      tags.length,
      () => bytesOf(lengths[this.rank]!),
      (r) => bytesOf(lengths[r]!),
    );
    const texts = lengths.map(([length], r) => r === this.rank ? own : new Uint8Array(length!));
    await this.#exchange(tags.text, () => own, (r) => texts[r]!);
    return texts.map((bytes) => new TextDecoder().decode(bytes));
  }

  /** Requires that no process is known to have ended; see {@linkcode Group}. */
  requireAll(): void {
    const [lost] = this.messages.lost?.() ?? [];
    if (lost !== undefined) throw this.#ended(lost, "its connection closed, as that process ended");
  }

  /** Requires an answer of all processes; see {@linkcode Group}. */
  async callRoll(): Promise<void> {
    const answers = Array.from({ length: this.size }, () => new Uint8Array(1));
    const own = answers[this.rank]!;
    await this.#exchange(tags.roll, () => own, (r) => answers[r]!, 1000 * rollTime);
  }

  /** Ends all processes at once. */
  abort(code: number): void {
    this.messages.abort(code);
  }

  /** Lets go of the others, once all are here. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.gather("");
    this.messages.close();
  }

  /** Sends bytes to each other process and receives some of each. */
  async #exchange(
    tag: number,
    sent: (to: number) => Uint8Array<ArrayBuffer>,
    received: (from: number) => Uint8Array<ArrayBuffer>,
    given?: number,
  ): Promise<void> {
    const from = this.#others.map((r) => this.messages.receive(received(r), r, tag));
    const to = this.#others.map((r) => this.messages.send(sent(r), r, tag));
    const begun = this.#now();
    // Shares may differ by a batch, and a batch may take long.
    this.#longest = Math.max(this.#longest, begun - this.#over);
    const limit = given ?? 1000 * this.patience.timeout + this.#longest;
    let waiting = this.#others.map((rank, i) => ({ rank, messages: [from[i]!, to[i]!] }));
    for (;;) {
      waiting = waiting
        .map(({ rank, messages }) => ({ rank, messages: this.#left(rank, messages) }))
        .filter(({ messages }) => messages.length > 0);
      this.#over = this.#now();
      if (waiting.length === 0) return;
      const waited = this.#over - begun;
      if (waited > limit) throw this.#silent(waiting.map((one) => one.rank), limit);
      if (this.messages.moved !== undefined) await this.messages.moved(pause);
      // Signals and other work have their turn.
      else if (waited > eager) await new Promise((resume) => setTimeout(resume, 0));
    }
  }

  /** The messages that are not done yet. */
  #left(rank: number, messages: readonly PendingMessage[]): PendingMessage[] {
    try {
      return messages.filter((message) => !message.isDone());
    } catch (error) {
      throw this.#ended(rank, error instanceof Error ? error.message : String(error));
    }
  }

  #ended(rank: number, found: string): TrainingError {
    return new TrainingError(
      `Cannot go on as an answer of ${processName(rank, this)} is required: found ${found}`,
    );
  }

  #silent(ranks: readonly number[], limit: number): TrainingError {
    const seconds = Number((limit / 1000).toPrecision(2));
    const names = ranks.map((rank) => processName(rank, this)).join(" and ");
    return new TrainingError(
      `Cannot go on as an answer of ${names} is required within ${seconds} s ` +
        "(--distributed-timeout): found none, it ended, hangs or is too slow",
    );
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Numbers): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
