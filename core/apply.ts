/**
 * `apply`: the only door through which an operation runs.
 *
 * @module
 */

import { argumentError, checkArguments } from "./arguments.ts";
import { isQuantised } from "./dtype.ts";
import { ShapeError } from "./errors.ts";
import { shown } from "./excerpt.ts";
import { floatOf, type Op } from "./op.ts";
import type { Device } from "./device.ts";
import { observe, unread } from "./replay.ts";
import { record } from "./tape.ts";
import { allOrNothing, type Value } from "./storage.ts";
import { Tensor } from "./tensor.ts";

/**
 * Runs the operation, records it and returns its outputs.
 *
 * @throws {ShapeError} If an input is no tensor, or one of another element type than the operation
 * takes
 */
export function apply<A>(
  op: Op<A>,
  inputs: readonly Tensor[],
  attributes: A,
  given?: Device,
): Tensor[] {
  const values = valuesOf(op as Op<unknown>, inputs);
  const device = given ?? deviceOf(inputs);
  const outputs = unread(op as Op<unknown>) ??
    allOrNothing(() => launched(op, device, values, attributes));
  observe(op as Op<unknown>, values, outputs);
  const handles = new Array<Tensor>(outputs.length);
  for (let i = 0; i < outputs.length; i++) handles[i] = new Tensor(outputs[i]!, device);
  record(op as Op<unknown>, attributes, values, outputs);
  return handles;
}

const holdsCodes = ({ dtype }: Value) => isQuantised(dtype);

/** Launches an operation; what reads codes is given their numbers, which end with it. */
function launched<A>(
  op: Op<A>,
  device: Device,
  values: readonly Value[],
  attributes: A,
): Value[] {
  if (op.isView === true || !values.some(holdsCodes)) {
    return op.launch(device, values, attributes);
  }
  const float = device.activations ?? floatOf(device, values);
  const made: Value[] = [];
  try {
    const read = values.map((value) => {
      if (!isQuantised(value.dtype)) return value;
      const numbers = value.unpacked(float);
      made.push(numbers);
      return numbers;
    });
    return op.launch(device, read, attributes);
  } finally {
    for (const { storage } of made) storage.release();
  }
}

function valuesOf({ name, takes }: Op<unknown>, inputs: readonly Tensor[]): Value[] {
  if (takes !== undefined && takes.length !== inputs.length) {
    throw new ShapeError(
      `Cannot apply ${name} as ${takes.length} tensors are required: found ${inputs.length}`,
    );
  }
  const values = new Array<Value>(inputs.length);
  for (let i = 0; i < inputs.length; i++) {
    const x = inputs[i]!;
    if (!(x instanceof Tensor)) {
      throw argumentError(name, takes?.[i]?.name ?? `input ${i + 1}`, "a tensor", shown(x));
    }
    values[i] = x.valueFor(name);
  }
  if (takes !== undefined) checkArguments(name, takes, values);
  return values;
}

/**
 * The handle that owns results: a fork where one of the inputs came from it, else the root.
 *
 * @throws {TypeError} If two inputs belong to different forks or backends
 */
export function deviceOf(inputs: readonly Tensor[]): Device {
  let found: Device | undefined;
  for (let i = 0; i < inputs.length; i++) {
    const { device } = inputs[i]!;
    if (found === undefined || found === device || found === device.root) found = device;
    else if (device !== found.root) {
      throw new TypeError("Cannot combine tensors as they must share a device: found two");
    }
  }
  if (found === undefined) {
    throw new TypeError("Cannot choose a device as there is no input tensor");
  }
  return found;
}
