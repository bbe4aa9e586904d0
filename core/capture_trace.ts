/**
 * What those see who capture the work of a function: where the host decides by numbers that may be
 * others the next time.
 *
 * @module
 */

import type { Key } from "./random.ts";
import type { Value } from "./storage.ts";

/** Told of what the host computes meanwhile. */
export interface CaptureTrace {
  /** A key was folded from another one. */
  folded(from: Key, counter: readonly [number, number], into: Key): void;
  /** Words were found to be below a limit. */
  checked(value: Value, limit: number, ignored: number | undefined): void;
  /** Words of the host went into something that the next run would compute from others. */
  spoiled(): void;
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
