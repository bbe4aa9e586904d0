/**
 * The tape: while a gradient is being recorded, every operation that a watched value reaches leaves
 * an entry. Recording is synchronous, so the stack of open tapes can be the module's.
 *
 * @module
 */

import { GradientError } from "./errors.ts";
import type { Op } from "./op.ts";
import { Value } from "./storage.ts";
import { Tensor } from "./tensor.ts";

/** One operation that was run, with the values its vjp may read. */
export interface Entry {
  /** What ran; its vjp gives the gradient. */
  readonly op: Op<unknown>;
  /** What it ran with, which its vjp sees again. */
  readonly attributes: unknown;
  /** Which inputs depend on a watched value. */
  readonly needsGradient: readonly boolean[];
  /** Values that went in. */
  readonly inputs: readonly Value[];
  /** Values that came out. */
  readonly outputs: readonly Value[];
  /** Values whose storage the entry keeps alive. */
  readonly retained: readonly Value[];
}

/** Operations in the order they ran. */
export class Tape {
  /** Entries from the first operation to the last; a gradient takes them off the end. */
  readonly entries: Entry[] = [];
  readonly #followed: Set<Value>;

  /** Watches the given values. */
  constructor(watched: readonly Value[]) {
    this.#followed = new Set(watched);
  }

  /** Whether the value depends on a watched one. */
  follows(value: Value): boolean {
    return this.#followed.has(value);
  }

  /** Adds an entry where the operation is reached. */
  add(op: Op<unknown>, attributes: unknown, inputs: readonly Value[], outputs: readonly Value[]) {
    const needsGradient = inputs.map((value) => this.#followed.has(value));
    if (!needsGradient.includes(true)) return;
    if (op.vjp === undefined) {
      throw new GradientError(`Cannot record ${op.name} as it has no derivative: use noGrad`);
    }
    const saves = op.saves?.(needsGradient);
    const retained = [
      ...inputs.filter((_, i) => saves?.inputs[i] ?? true),
      ...outputs.filter((_, i) => saves?.outputs[i] ?? true),
    ];
    for (const value of retained) value.storage.retain();
    for (const value of outputs) this.#followed.add(value);
    this.entries.push({ op, attributes, needsGradient, inputs, outputs, retained });
  }

  /** Takes the last entry off; the caller must {@linkcode release} of it. */
  pop(): Entry | undefined {
    return this.entries.pop();
  }
}

/** Ends an entry's hold on its values. */
export function release(entry: Entry): void {
  for (const value of entry.retained) value.storage.release();
}

let open: readonly Tape[] = [];

/** Runs `fn` with exactly these tapes open. */
function withTapes<T>(tapes: readonly Tape[], fn: () => T): T {
  const before = open;
  open = tapes;
  try {
    return fn();
  } finally {
    open = before;
  }
}

/** Runs `fn` while `tape` and those already open record. */
export function recording<T>(tape: Tape, fn: () => T): T {
  return withTapes([...open, tape], fn);
}

/** Tells every open tape of an operation. */
export function record(
  op: Op<unknown>,
  attributes: unknown,
  inputs: readonly Value[],
  outputs: readonly Value[],
): void {
  for (const tape of open) tape.add(op, attributes, inputs, outputs);
}

/** Runs `fn` without recording: the region form of {@linkcode noGrad}. */
export function untracked<T>(fn: () => T): T {
  return withTapes([], fn);
}

/**
 * The paper's NoGrad operator: the same numbers, through which no gradient flows. A new handle on
 * the same storage, without a kernel or a copy (elsewhere: stop_gradient, detach).
 *
 * **Source**: Eq. 1-2 of "LoRA Meets Dropout under a Unified Framework".
 */
export function noGrad(x: Tensor): Tensor {
  const { storage, shape, strides, offset } = x.value;
  return new Tensor(new Value(storage, shape, strides, offset), x.device);
}
