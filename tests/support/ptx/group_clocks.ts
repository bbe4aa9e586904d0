// What groups of 128 threads know of each other by barriers. A label is the time of a group, counted
// from barrier to barrier, and the thread in it.

/** Bits of a label that name a thread; all of them stand for several of its group. */
export const several = 1023;

const groups = [0, 1, 2, 3, 4, 5, 6, 7];
const size = 128;
/** A time that is not counted further. */
const latest = 2 ** 20;

/** What a group knew when it came to a barrier. */
export type Knowledge = readonly number[];

/** The clocks of one block. */
export class GroupClocks {
  /** Numbers of groups. */
  readonly groups: readonly number[] = groups;
  #times: number[] = [];
  /** Times of each group before which all is known, by the group that knows. */
  #known: number[][] = [];

  /** Begins a block. */
  begin(): void {
    this.#times = groups.map(() => 1);
    this.#known = groups.map(() => groups.map(() => 1));
  }

  /** Group of a thread. */
  groupOf(thread: number): number {
    return Math.floor(thread / size);
  }

  /** Label of an access now. */
  label(thread: number): number {
    return this.#times[this.groupOf(thread)]! * (several + 1) + thread;
  }

  /** Whether two labels of one group have the same time. */
  together(a: number, b: number): boolean {
    return a >> 10 === b >> 10;
  }

  /**
   * Whether an access was before what a thread does now: its own, or known by barriers.
   *
   * @param group Its group, where the label stands for several threads
   */
  before(label: number, thread: number, group = this.groupOf(label & several)): boolean {
    return label === this.label(thread) || this.#knows(label, thread, group);
  }

  /** Whether all of a thread's group knows of an access by barriers. */
  known(label: number, thread: number): boolean {
    return this.#knows(label, thread, this.groupOf(label & several));
  }

  #knows(label: number, thread: number, group: number): boolean {
    return label >> 10 < this.#known[this.groupOf(thread)]![group]!;
  }

  /** All threads of the block meet. */
  meet(): void {
    this.#times = this.#times.map((time) => time + 1);
    this.#known = groups.map(() => this.#times.slice());
    if (this.#times.some((time) => time > latest)) throw new RangeError("Too many barriers");
  }

  /** A group comes to a barrier: what it did before is told there. */
  come(group: number): Knowledge {
    const told = this.#known[group]!.slice();
    told[group] = ++this.#times[group]!;
    return told;
  }

  /** A group leaves a barrier that others have come to. */
  leave(group: number, told: readonly Knowledge[]): void {
    const own = this.#known[group]!;
    groups.forEach((other) =>
      own[other] = Math.max(own[other]!, ...told.map((each) => each[other]!))
    );
  }
}
