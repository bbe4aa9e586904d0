/**
 * `gradient`: runs a function while recording, then walks the tape backwards.
 *
 * @module
 */

import { type Destination, noDestination } from "./destination.ts";
import { widened } from "./dtype.ts";
import { GradientError } from "./errors.ts";
import { shown } from "./excerpt.ts";
import { filled } from "./expr.ts";
import { type Gradients, gradientType, type ProductEnding, type Recorded } from "./op.ts";
import { elementwise } from "./ops/elementwise.ts";
import { rowProgram } from "./program.ts";
import type { Device } from "./device.ts";
import { sizeOf } from "./shape.ts";
import { Value } from "./storage.ts";
import { type Entry, recording, release, type Rerun, Tape } from "./tape.ts";
import { apply, deviceOf } from "./apply.ts";
import { Tensor } from "./tensor.ts";

/** What {@linkcode gradient} returns. All tensors belong to the scope that was open before. */
export interface Gradient<R> {
  /** What the function returned. */
  readonly result: R;
  /** One gradient a parameter, in their order; `undefined` where the loss does not reach it. */
  readonly gradients: readonly (Tensor | undefined)[];
  /** Positions of the parameters that the loss does not reach. */
  readonly unused: readonly number[];
}

const one = rowProgram([], [filled(1)]);
const addOp = elementwise("add", 2, (a, b) => a!.add(b!));

/**
 * Gradient of a loss with respect to parameters. `run` is synchronous: it queues work and must not
 * return a promise. It returns the loss, or a record with the loss and whatever else is of interest.
 *
 * @param run Computes the loss, a tensor of one element
 * @param parameters Tensors to differentiate by
 * @param device Handle that owns the results; by default the parameters'
 * @throws {GradientError} If the loss is not one number, or an operation has no derivative
 */
export function gradient<R extends Tensor | { readonly loss: Tensor }>(
  run: () => R,
  parameters: readonly Tensor[],
  device: Device = deviceOf(parameters),
): Gradient<R> {
  return gradientInto(noDestination, run, parameters, device);
}

/**
 * {@linkcode gradient}, of which operations may write their part to memory that is there already: a
 * gradient of one part then lies in it.
 */
export function gradientInto<R extends Tensor | { readonly loss: Tensor }>(
  destination: Destination,
  run: () => R,
  parameters: readonly Tensor[],
  device: Device,
): Gradient<R> {
  const tape = new Tape(parameters.map((p) => p.value));
  const forward = device.scope("gradient");
  let result: R;
  let loss: Tensor;
  try {
    result = recording(tape, run);
    if (result instanceof Promise) {
      throw new GradientError("Cannot record an asynchronous function: found a promise");
    }
    loss = result instanceof Tensor ? result : result?.loss;
    if (!(loss instanceof Tensor)) {
      throw new GradientError(
        `Cannot differentiate as loss requires a tensor: found ${shown(loss)}`,
      );
    }
    if (sizeOf(loss.shape) !== 1) {
      throw new GradientError(
        `Cannot differentiate as loss requires one number: found shape [${loss.shape}]`,
      );
    }
    if (loss.dtype === "u32") {
      throw new GradientError("Cannot differentiate as loss requires a float: found u32");
    }
    for (const t of result instanceof Tensor ? [result] : Object.values(result)) {
      if (t instanceof Tensor && t.scope === forward) forward.keep(t);
    }
  } catch (error) {
    tape.clear();
    throw error;
  } finally {
    forward[Symbol.dispose]();
  }
  const gradients = backward(tape, loss, parameters, { device, destination, ended: new Set() });
  const unused = parameters.flatMap((_, i) => gradients[i] === undefined ? [i] : []);
  return { result, gradients, unused };
}

/** What a backward pass is told. */
interface Backward {
  /** Handle that owns the gradients. */
  readonly device: Device;
  readonly destination: Destination;
  /** Values whose cotangents have gone through the end of their operation. */
  readonly ended: Set<Value>;
}

function backward(
  tape: Tape,
  loss: Tensor,
  parameters: readonly Tensor[],
  pass: Backward,
): (Tensor | undefined)[] {
  const { device } = pass;
  return device.inside("backward", (scope) => {
    const cotangents = new Map<Value, Tensor>();
    try {
      if (tape.follows(loss.value)) cotangents.set(loss.value, ones(loss, device));
      walk(tape, cotangents, pass);
    } finally {
      tape.clear();
    }
    return parameters.map((p) => {
      const g = cotangents.get(p.value);
      return g === undefined ? undefined : scope.keep(g);
    });
  });
}

/** Goes through the entries from the last to the first, and takes them off the tape. */
function walk(tape: Tape, cotangents: Map<Value, Tensor>, pass: Backward): void {
  for (let entry = tape.pop(); entry !== undefined; entry = tape.pop()) {
    try {
      const given = entry.outputs.map((value) => cotangents.get(value));
      if (given.every((g) => g === undefined)) continue;
      if ("again" in entry) rerun(entry, tape, cotangents, pass);
      else step(entry, given, { tape, cotangents, pass });
    } finally {
      release(entry);
    }
  }
}

/**
 * Runs a function again and goes through the entries that it leaves now. They add to the same
 * cotangents in the order in which they would have stood on the tape: every sum is the same to the
 * bit.
 */
function rerun(entry: Rerun, tape: Tape, cotangents: Map<Value, Tensor>, pass: Backward): void {
  const fresh = new Tape([], tape);
  try {
    const outputs = recording(fresh, entry.again);
    entry.outputs.forEach((before, i) => {
      const g = cotangents.get(before);
      if (g === undefined) return;
      cotangents.delete(before);
      cotangents.set(outputs[i]!, g);
    });
    walk(fresh, cotangents, pass);
  } finally {
    fresh.clear();
  }
}

/** Where a backward pass is. */
interface Walk {
  /** What is left of it. */
  readonly tape: Tape;
  readonly cotangents: Map<Value, Tensor>;
  readonly pass: Backward;
}

/** Takes the outputs' cotangents of one entry, `given`, and adds those of its inputs. */
function step(entry: Entry, given: Gradients, at: Walk): void {
  const { cotangents, pass } = at;
  const { device } = pass;
  // Not `using`: engines do not optimise a function that has it, and every entry passes here.
  const scope = device.scope(`backward of ${entry.op.name}`);
  try {
    const carried: Tensor[] = [];
    const gradients = entry.op.vjp!(
      recorded(entry, at, (position) => {
        const value = entry.inputs[position]!;
        const before = cotangents.get(value);
        if (before === undefined) return undefined;
        cotangents.delete(value);
        carried.push(before);
        return before;
      }),
      given,
    );
    for (let i = 0; i < entry.inputs.length; i++) {
      const g = entry.needsGradient[i] ? gradients[i] : undefined;
      if (g === undefined) continue;
      const value = entry.inputs[i]!;
      const before = cotangents.get(value);
      // A vjp may pass a cotangent on: the same value needs a handle of its own.
      const own = before !== undefined
        ? apply(addOp, [before, g], { dtypes: [gradientType(device, value.dtype)] })[0]!
        : g.scope === scope
        ? g
        : new Tensor(g.value, device);
      cotangents.set(value, scope.keep(own));
      before?.[Symbol.dispose]();
    }
    for (const before of carried) before[Symbol.dispose]();
    for (let i = 0; i < given.length; i++) {
      given[i]?.[Symbol.dispose]();
      cotangents.delete(entry.outputs[i]!);
    }
  } finally {
    scope.close();
  }
}

/** What an entry's vjp sees. */
function recorded(
  entry: Entry,
  at: Walk,
  accumulateInto: Recorded<unknown>["accumulateInto"],
): Recorded<unknown> {
  const { op, attributes, needsGradient, inputs, outputs, retained } = entry;
  const { device, destination, ended } = at.pass;
  const handle = (value: Value) => {
    if (retained.includes(value)) return new Tensor(value, device);
    throw new GradientError(`Cannot read a value that ${op.name} did not ask to keep`);
  };
  return {
    attributes,
    needsGradient,
    shapes: inputs.map((value) => value.shape),
    order: (position) => inputs[position]!.order,
    dtype: (position) => gradientType(device, inputs[position]!.dtype),
    accumulateInto,
    destination: (position) => destination(inputs[position]!),
    ending: (position) => endingFor(entry, position, at),
    isEnded: ended.has(outputs[0]!),
    device,
    input: (position) => handle(inputs[position]!),
    output: (position) => handle(outputs[position]!),
  };
}

/**
 * How the gradient of an input ends on behalf of the operation that made it: the one right before, so that
 * no other adds to it.
 */
function endingFor(entry: Entry, position: number, at: Walk): ProductEnding | undefined {
  const { tape, pass } = at;
  const maker = tape.last;
  const value = entry.inputs[position]!;
  // Where activations are halves, libraries know few ends.
  if (maker === undefined || "again" in maker || pass.device.activations !== undefined) return;
  const isOnly = maker.outputs[0] === value && entry.inputs.filter((x) => x === value).length === 1;
  if (!isOnly) return;
  const ending = maker.op.ending?.(recorded(maker, at, () => undefined));
  if (ending !== undefined) pass.ended.add(value);
  return ending;
}

function ones(like: Tensor, device: Device): Tensor {
  const value = Value.allocate(device.backend, widened(like.dtype, device.float), like.shape);
  // A handle of the scope first, which ends it where the program cannot run.
  const made = new Tensor(value, device);
  const binding = { inputs: [], outputs: [value.bound()], indices: [], scalars: [] };
  device.backend.run(one, { space: like.shape, ...binding });
  return made;
}
