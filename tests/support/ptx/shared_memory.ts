// Shared memory of one block, and which accesses to it no barrier puts in order.
import { GroupClocks, several } from "./group_clocks.ts";

/** The most that a block can have, in words. */
const words = 2 ** 16;
/** A word that a copy is on its way to. */
const onItsWay = 2 ** 31 - 1;

/** A program whose result depends on which thread comes first. */
export class SharedMemoryRace extends Error {}

/** Blocks run one after another, so that all share this. */
export class SharedMemory {
  readonly words: Int32Array = new Int32Array(words);
  readonly halves: Uint16Array = new Uint16Array(this.words.buffer);
  /** What barriers have told. */
  readonly clocks: GroupClocks = new GroupClocks();
  /** When each word was last written, and read by each group. */
  readonly #written = new Int32Array(words);
  readonly #read = this.clocks.groups.map(() => new Int32Array(words));
  /** Products in whose time a word must stay. */
  readonly #borrowed = new Uint16Array(words);
  /** Thread, counted from 1, that wrote a word which products do not see yet; its words. */
  readonly #unseen = new Int32Array(words);
  #shown: number[][] | undefined;
  /** Bytes that the block has. */
  end = 0;

  /**
   * Begins a block: nothing of the block before is seen.
   *
   * @param products Whether products of warp groups read it
   */
  begin(bytes: number, threads: number, products: boolean): void {
    this.end = bytes;
    const count = bytes / 4;
    this.words.fill(-1, 0, count);
    for (const marks of [this.#written, ...this.#read, this.#borrowed, this.#unseen]) {
      marks.fill(0, 0, count);
    }
    this.#shown = products ? Array.from({ length: threads }, () => []) : undefined;
    this.clocks.begin();
  }

  /** A thread reads a word. */
  read(word: number, thread: number): void {
    const { clocks } = this;
    const writer = this.#written[word]!;
    if (writer === onItsWay || !clocks.before(writer, thread)) {
      this.#race("reads", word, thread, writer);
    }
    const marks = this.#read[clocks.groupOf(thread)]!;
    const [own, reader] = [clocks.label(thread), marks[word]!];
    if (reader !== own) marks[word] = clocks.together(reader, own) ? own | several : own;
  }

  /** A thread writes a word, or learns that its copy has come. */
  write(word: number, thread: number): void {
    const { clocks } = this;
    clocks.groups.forEach((group) => {
      const reader = this.#read[group]![word]!;
      if (!clocks.before(reader, thread, group)) this.#race("writes", word, thread, reader);
    });
    const writer = this.#written[word]!;
    if (writer === onItsWay) this.#race("writes", word, thread, onItsWay);
    if (this.#borrowed[word]! > 0) {
      throw new SharedMemoryRace(
        `Thread ${thread} writes word ${word} of shared memory in the time of a product`,
      );
    }
    this.#wrote(word, thread);
  }

  /** A copy to a word begins. */
  send(word: number, thread: number): void {
    this.write(word, thread);
    this.#written[word] = onItsWay;
  }

  /** A copy to a word has come. */
  arrive(word: number, thread: number): void {
    this.#wrote(word, thread);
  }

  #wrote(word: number, thread: number): void {
    this.#written[word] = this.clocks.label(thread);
    if (this.#shown === undefined) return;
    this.#unseen[word] = thread + 1;
    this.#shown[thread]!.push(word);
  }

  /** What a thread wrote before can be seen by products after the next barrier. */
  show(thread: number): void {
    for (const word of this.#shown?.[thread]?.splice(0) ?? []) {
      if (this.#unseen[word] === thread + 1) this.#unseen[word] = 0;
    }
  }

  /** A product of several warps begins to read a word. */
  borrow(word: number, thread: number): void {
    if (this.#unseen[word] !== 0) {
      throw new SharedMemoryRace(
        `A product reads word ${word} of shared memory, for which thread ` +
          `${this.#unseen[word]! - 1} had no fence`,
      );
    }
    const writer = this.#written[word]!;
    if (writer === onItsWay || !this.clocks.known(writer, thread)) {
      this.#race("reads", word, thread, writer);
    }
    this.#borrowed[word]!++;
  }

  /** It has read it, by then. */
  giveBack(word: number, thread: number): void {
    const { clocks } = this;
    this.#borrowed[word]!--;
    this.#read[clocks.groupOf(thread)]![word] = clocks.label(thread) | several;
  }

  #race(what: string, word: number, thread: number, other: number): never {
    const who = other === onItsWay
      ? "a copy is on its way to"
      : (other & several) === several
      ? "several threads meet"
      : `thread ${other & several} meets`;
    throw new SharedMemoryRace(
      `Thread ${thread} ${what} word ${word} of shared memory which ${who} before the next barrier`,
    );
  }
}
