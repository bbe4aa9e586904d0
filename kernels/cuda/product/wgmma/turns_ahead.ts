/**
 * Turns of a factor on their way from memory: into registers, or a few turns ahead into places of shared
 * memory that are each thread's own.
 *
 * @module
 */

import type { PtxText } from "../../ptx/text.ts";

/** What can be read so. */
export interface Readable {
  /** Reads the next turn into registers. */
  read(rest: string, even: boolean): void;
  /** Sends the next turn on its way to shared memory. */
  copy(base: string, rest: string, even: boolean): void;
  /** Takes a turn that has come into registers. */
  take(base: string): void;
}

/** Where the turns lie, and how many there are. */
export interface Way {
  readonly thread: string;
  /** Register of the inner elements of the block. */
  readonly depth: string;
  /** Register of where the ring begins. */
  readonly base: string;
  /** Bytes of a turn. */
  readonly bytes: number;
  /** Turns of the ring; 0 where the next turn is read into registers. */
  readonly count: number;
  /** Inner elements of a turn, and whether each turn is whole. */
  readonly k: number;
  readonly even: boolean;
}

/** The turns of one factor. */
export class TurnsAhead {
  /** Inner elements that are left to read. */
  readonly #rest: string;
  readonly #first: string;
  readonly #end: string;
  /** The thread's first place in the turn that is taken next; it is sent again at once. */
  readonly #at: string;

  /** Writes what stands before the loop. */
  constructor(
    readonly text: PtxText,
    readonly factor: Readable,
    readonly way: Way,
  ) {
    const { depth, thread, base, bytes, count } = way;
    this.#rest = text.into("b32", "mov.u32", depth);
    this.#first = text.into("b32", "mad.lo.u32", thread, 16, base);
    this.#end = text.into("b32", "add.u32", this.#first, bytes * count);
    this.#at = text.into("b32", "mov.u32", this.#first);
  }

  #less(): void {
    this.text.add(`sub.s32 ${this.#rest}, ${this.#rest}, ${this.way.k}`);
  }

  /** Reads the next turn into registers, before any is sent. */
  read(): void {
    this.factor.read(this.#rest, this.way.even);
    this.#less();
  }

  /** Sends the next turn on its way: to the place of the one that was taken last, or to registers. */
  send(): void {
    const { text, way: { bytes, count } } = this;
    if (count === 0) return this.read();
    this.factor.copy(this.#at, this.#rest, this.way.even);
    text.add("cp.async.commit_group");
    this.#less();
    text.add(`add.u32 ${this.#at}, ${this.#at}, ${bytes}`);
    const beyond = text.into("pred", "setp.ge.u32", this.#at, this.#end);
    text.add(`selp.b32 ${this.#at}, ${this.#first}, ${this.#at}, ${beyond}`);
  }

  /** Takes the turn that was sent first into registers; turns of both factors are sent by turns. */
  take(): void {
    const { count } = this.way;
    if (count === 0) return;
    this.text.add(`cp.async.wait_group ${2 * count - 1}`);
    this.factor.take(this.#at);
  }
}
