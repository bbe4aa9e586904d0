// Shared memory of one block, and who reads and writes it between two barriers.

/** The most that a block can have, in words. */
const words = 2 ** 16;
/** Threads are counted below this; the last number stands for several of them. */
const most = 1024;
/** A word that a copy is on its way to. */
const onItsWay = 2 ** 31 - 1;

/** A program whose result depends on which thread comes first. */
export class SharedMemoryRace extends Error {}

/** Blocks run one after another, so that all share this. */
export class SharedMemory {
  readonly words: Int32Array = new Int32Array(words);
  readonly halves: Uint16Array = new Uint16Array(this.words.buffer);
  /** Last writer and reader of each word: their number added to the epoch. */
  readonly #written = new Int32Array(words);
  readonly #read = new Int32Array(words);
  /** Products in whose time a word must stay. */
  readonly #borrowed = new Uint16Array(words);
  /** Thread, counted from 1, that wrote a word which products do not see yet. */
  readonly #unseen = new Int32Array(words);
  #epoch = most;
  /** Bytes that the block has. */
  end = 0;

  /** Begins a block: nothing of the block before is seen. */
  begin(bytes: number): void {
    this.end = bytes;
    this.words.fill(-1, 0, bytes / 4);
    this.#written.fill(0, 0, bytes / 4);
    this.#borrowed.fill(0, 0, bytes / 4);
    this.#unseen.fill(0, 0, bytes / 4);
    this.barrier();
  }

  /** All threads have met. */
  barrier(): void {
    this.#epoch += most;
    if (this.#epoch < onItsWay - 2 * most) return;
    this.#epoch = most;
    this.#written.fill(0);
    this.#read.fill(0);
  }

  /** A thread reads a word. */
  read(word: number, thread: number): void {
    const own = this.#epoch + thread;
    const writer = this.#written[word]!;
    if (writer >= this.#epoch && writer !== own) this.#race("reads", word, thread, writer);
    const reader = this.#read[word]!;
    if (reader < this.#epoch) this.#read[word] = own;
    else if (reader !== own) this.#read[word] = this.#epoch + most - 1;
  }

  /** A thread writes a word, or learns that its copy has come. */
  write(word: number, thread: number): void {
    const own = this.#epoch + thread;
    const reader = this.#read[word]!;
    if (reader >= this.#epoch && reader !== own) this.#race("writes", word, thread, reader);
    if (this.#written[word] === onItsWay) this.#race("writes", word, thread, onItsWay);
    if (this.#borrowed[word]! > 0) {
      throw new SharedMemoryRace(
        `Thread ${thread} writes word ${word} of shared memory in the time of a product`,
      );
    }
    this.#written[word] = own;
    this.#unseen[word] = thread + 1;
  }

  /** A copy to a word begins. */
  send(word: number, thread: number): void {
    this.write(word, thread);
    this.#written[word] = onItsWay;
  }

  /** A copy to a word has come. */
  arrive(word: number, thread: number): void {
    this.#written[word] = this.#epoch + thread;
    this.#unseen[word] = thread + 1;
  }

  /** What a thread wrote before can be seen by products after the next barrier. */
  show(thread: number): void {
    for (let word = 0; word < this.end / 4; word++) {
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
    if (writer >= this.#epoch) this.#race("reads", word, thread, writer);
    this.#borrowed[word]!++;
  }

  /** It has read it, by then. */
  giveBack(word: number): void {
    this.#borrowed[word]!--;
    this.#read[word] = this.#epoch + most - 1;
  }

  #race(what: string, word: number, thread: number, other: number): never {
    const who = other === onItsWay
      ? "a copy is on its way to"
      : other % most === most - 1
      ? "several threads meet"
      : `thread ${other % most} meets`;
    throw new SharedMemoryRace(
      `Thread ${thread} ${what} word ${word} of shared memory which ${who} before the next barrier`,
    );
  }
}
