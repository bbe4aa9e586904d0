/**
 * The processes that make one run together, and what they do together. A group of one does nothing, so
 * that a run of one process computes what it always did.
 *
 * @module
 */

/** Numbers that processes add up. */
export type Numbers = Float32Array | Float64Array;

/** Processes that make one run; each calls the same operations in the same order. */
export interface Group extends AsyncDisposable {
  /** Number of this process, from 0; process 0 alone writes. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /** What connects them, for the log. */
  readonly name: string;
  /** Name of the machine of this process. */
  readonly host: string;
  /**
   * Replaces numbers by their sums over all processes, added in the order of their ranks, in double
   * precision, and rounded once: the same bits in every process, whatever connects them.
   *
   * @throws {TrainingError} If a process does not answer in time
   */
  sum(values: Numbers): Promise<void>;
  /**
   * The texts of all processes, in the order of their ranks. Nobody has them before all have given theirs.
   *
   * @throws {TrainingError} If a process does not answer in time
   */
  gather(text: string): Promise<string[]>;
  /**
   * Looks whether a process is known to have ended; absent where nobody knows.
   *
   * @throws {TrainingError} If one has: it is named
   */
  requireAll?(): void;
  /**
   * Asks all processes to answer within seconds, as none does otherwise; absent where there is nobody.
   *
   * @throws {TrainingError} If some do not: they are named
   */
  callRoll?(): Promise<void>;
  /** Ends all processes at once, this one too, with an exit code. */
  abort(code: number): void;
}

/** A process by itself. */
export const alone: Group = {
  rank: 0,
  size: 1,
  name: "one process",
  host: "",
  sum: () => Promise.resolve(),
  gather: (text) => Promise.resolve([text]),
  abort: () => {},
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** What messages call a process. */
export function processName(rank: number, { size }: Pick<Group, "size">): string {
  return `process ${rank} of ${size}`;
}
