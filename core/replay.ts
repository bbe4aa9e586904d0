/**
 * Running a function a second time for what a gradient reads of it: operations whose results nobody
 * reads then are not launched again.
 *
 * @module
 */

import type { Backend, Buffer } from "./backend.ts";
import { GradientError } from "./errors.ts";
import type { Op } from "./op.ts";
import { Storage, Value } from "./storage.ts";

/** An operation that a function applied. */
interface Step {
  readonly op: Op<unknown>;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** A value as those see it who do not read it. */
type Outline = Pick<Value, "dtype" | "shape" | "strides" | "offset">;

/** How an operation is met when it comes again. */
interface Planned {
  readonly op: Op<unknown>;
  /** Its results where it is not to run. */
  readonly unread: readonly Outline[] | undefined;
}

/** What to run of a function that is run again, in its order. */
export type Plan = readonly Planned[];

let observers: readonly Step[][] = [];
let replayed: Iterator<Planned> | undefined;

/** Runs a function and lists the operations that it applied. */
export function observed(fn: () => void): readonly Step[] {
  const steps: Step[] = [];
  const before = observers;
  observers = [...before, steps];
  try {
    fn();
  } finally {
    observers = before;
  }
  return steps;
}

/**
 * What has to run again where a gradient reads some values. Another gradient around it, which sees the
 * second run, reads no more: it comes to what these values were computed from, and to nothing else.
 */
export function planOf(steps: readonly Step[], saved: readonly Value[]): Plan {
  const read = new Set(saved.map(({ storage }) => storage));
  const plan = steps.toReversed().map(({ op, inputs, outputs }): Planned => {
    // Views share a storage, and so does what hides a value from the gradient.
    if (!outputs.some(({ storage }) => read.has(storage))) {
      return { op, unread: outputs.map(outlineOf) };
    }
    for (const { storage } of inputs) read.add(storage);
    return { op, unread: undefined };
  });
  return plan.reverse();
}

/**
 * Runs a function by its plan; within another one by the other's, of which it is a part.
 *
 * @throws {GradientError} If it applies other operations than the first time
 */
export function replay<T>(plan: Plan, fn: () => T): T {
  if (replayed !== undefined) return fn();
  const steps = replayed = plan.values();
  try {
    const result = fn();
    if (steps.next().done !== true) throw changed("fewer");
    return result;
  } finally {
    replayed = undefined;
  }
}

/**
 * Results of an operation that comes again and is not to run, as nobody reads them; undefined where
 * it is to run.
 */
export function unread(op: Op<unknown>): Value[] | undefined {
  if (replayed === undefined) return undefined;
  const { value } = replayed.next();
  if (value?.op !== op) throw changed(op.name);
  return value.unread?.map(nowhere);
}

/** Tells those who list operations of one. */
export function observe(
  op: Op<unknown>,
  inputs: readonly Value[],
  outputs: readonly Value[],
): void {
  for (let i = 0; i < observers.length; i++) observers[i]!.push({ op, inputs, outputs });
}

function changed(found: string): GradientError {
  return new GradientError(
    `Cannot run a checkpoint again as it must apply the operations of its first run: found ${found}`,
  );
}

function outlineOf({ dtype, shape, strides, offset }: Value): Outline {
  return { dtype, shape, strides, offset };
}

/** Memory that nobody reads or writes. */
const none = {
  supports: () => true,
  allocate: () => ({}) as Buffer,
  release() {},
} as unknown as Backend;

/** A value without memory, of which the shape alone is asked for. */
function nowhere({ dtype, shape, strides, offset }: Outline): Value {
  return new Value(new Storage(none, dtype, shape), shape, strides, offset);
}
