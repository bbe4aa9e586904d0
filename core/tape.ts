/**
 * The tape: while a gradient is being recorded, every operation that a watched value reaches leaves
 * an entry. Recording is synchronous, so the stack of open tapes can be the module's.
 *
 * @module
 */

import { GradientError } from "./errors.ts";
import type { Op } from "./op.ts";
import { observed, planOf, replay } from "./replay.ts";
import { Value } from "./storage.ts";
import { Tensor } from "./tensor.ts";

/** What the entries of a tape have in common. */
interface Recording {
  /** Values that came out. */
  readonly outputs: readonly Value[];
  /** Values whose storage the entry keeps alive. */
  readonly retained: readonly Value[];
}

/** One operation that was run, with the values its vjp may read. */
export interface Entry extends Recording {
  /** What ran; its vjp gives the gradient. */
  readonly op: Op<unknown>;
  /** What it ran with, which its vjp sees again. */
  readonly attributes: unknown;
  /** Which inputs depend on a watched value. */
  readonly needsGradient: readonly boolean[];
  /** Values that went in. */
  readonly inputs: readonly Value[];
}

/** A function that was run without entries of its own, and runs again to get them. */
export interface Rerun extends Recording {
  /** Runs the function on the inputs that are retained; what comes out has the order of the outputs. */
  readonly again: () => readonly Value[];
}

/** Operations in the order they ran. */
export class Tape {
  /** Entries from the first operation to the last; a gradient takes them off the end. */
  readonly entries: (Entry | Rerun)[] = [];
  readonly #followed: Set<Value>;
  readonly #around: Tape | undefined;
  readonly #keeps: boolean;

  /**
   * Watches the given values.
   *
   * @param around Tape of which all that it follows is followed here too
   * @param keeps Whether entries keep their values alive
   */
  constructor(watched: readonly Value[], around?: Tape, keeps = true) {
    this.#followed = new Set(watched);
    this.#around = around;
    this.#keeps = keeps;
  }

  /** Whether the value depends on a watched one. */
  follows(value: Value): boolean {
    return this.#followed.has(value) || this.#around?.follows(value) === true;
  }

  /** Adds an entry where the operation is reached. */
  add(op: Op<unknown>, attributes: unknown, inputs: readonly Value[], outputs: readonly Value[]) {
    const needsGradient = new Array<boolean>(inputs.length);
    let reached = false;
    for (let i = 0; i < inputs.length; i++) {
      needsGradient[i] = this.follows(inputs[i]!);
      reached ||= needsGradient[i]!;
    }
    if (!reached) return;
    if (op.vjp === undefined) {
      throw new GradientError(`Cannot record ${op.name} as it has no derivative: use noGrad`);
    }
    for (const value of outputs) this.#followed.add(value);
    const saves = op.saves?.(needsGradient);
    const retained: Value[] = [];
    for (let i = 0; i < inputs.length; i++) {
      if (saves?.inputs[i] ?? true) retained.push(inputs[i]!);
    }
    for (let i = 0; i < outputs.length; i++) {
      if (saves?.outputs[i] ?? true) retained.push(outputs[i]!);
    }
    this.#push({ op, attributes, needsGradient, inputs, outputs, retained });
  }

  /** Adds a function that was run, where `probe` found that an output is reached. */
  addRerun(rerun: Rerun, probe: Tape): void {
    const reached = rerun.outputs.filter((value) => probe.follows(value));
    for (const value of reached) this.#followed.add(value);
    if (reached.length > 0) this.#push(rerun);
  }

  #push(entry: Entry | Rerun): void {
    this.entries.push(entry);
    if (!this.#keeps) return;
    const { retained } = entry;
    for (let i = 0; i < retained.length; i++) retained[i]!.storage.retain();
  }

  /** Takes the last entry off; the caller must {@linkcode release} it. */
  pop(): Entry | Rerun | undefined {
    return this.entries.pop();
  }

  /** The last entry that is left. */
  get last(): Entry | Rerun | undefined {
    return this.entries.at(-1);
  }

  /** Releases all entries that are left. */
  clear(): void {
    for (const entry of this.entries.splice(0)) release(entry);
  }
}

/** Ends an entry's hold on its values. */
export function release({ retained }: Entry | Rerun): void {
  for (let i = 0; i < retained.length; i++) retained[i]!.storage.release();
}

let open: readonly Tape[] = [];

/** Whether a gradient is being recorded. */
export function taped(): boolean {
  return open.length > 0;
}

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
  for (let i = 0; i < open.length; i++) open[i]!.add(op, attributes, inputs, outputs);
}

/**
 * Runs a function so that every open tape has one entry of it, which keeps its inputs alone alive.
 *
 * @param inputs What the entry keeps
 * @param run Runs it the first time
 * @param again Runs it once more, on the inputs
 */
export function recordRerun(
  inputs: readonly Value[],
  run: () => readonly Value[],
  again: () => readonly Value[],
): void {
  const tapes = open;
  const probes = tapes.map((tape) => new Tape([], tape, false));
  let outputs: readonly Value[] = [];
  const steps = observed(() => outputs = withTapes(probes, run));
  tapes.forEach((tape, i) => {
    const plan = planOf(steps, probes[i]!.entries.flatMap((entry) => entry.retained));
    tape.addRerun({ outputs, retained: inputs, again: () => replay(plan, again) }, probes[i]!);
  });
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
