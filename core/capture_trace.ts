/**
 * What those see who capture the work of a function: where the host decides by numbers that may be
 * others the next time.
 *
 * @module
 */

/** Words that the host looked at. */
export interface SeenWords {
  /** The memory that they lie in, with what the host wrote there. */
  readonly storage: { readonly words: Uint32Array | undefined; readonly released: boolean };
  /** Size of each axis. */
  readonly shape: readonly number[];
  /** Step along each axis. */
  readonly strides: readonly number[];
  /** Element at the origin. */
  readonly offset: number;
}

/** Told of what the host computes meanwhile. */
export interface CaptureTrace {
  /** A key was folded from another one, by a counter of two words. */
  folded(
    from: readonly [number, number],
    counter: readonly [number, number],
    into: readonly [number, number],
  ): void;
  /** Words were compared with a limit. */
  checked(words: SeenWords, limit: number, ignored: number | undefined): void;
}

/** Who is told, if anyone; written by {@linkcode traced} alone. */
export let trace: CaptureTrace | undefined;

/** Runs a function and tells of it. */
export function traced<T>(to: CaptureTrace, run: () => T): T {
  const before = trace;
  trace = to;
  try {
    return run();
  } finally {
    trace = before;
  }
}
