/**
 * `apply`: the only door through which an operation runs.
 *
 * @module
 */

import type { Op } from "./op.ts";
import type { Device } from "./device.ts";
import { record } from "./tape.ts";
import { Tensor } from "./tensor.ts";

/** Runs the operation, records it and returns its outputs. */
export function apply<A>(
  op: Op<A>,
  inputs: readonly Tensor[],
  attributes: A,
  device: Device = deviceOf(inputs),
): Tensor[] {
  const values = inputs.map((t) => t.valueFor(op.name));
  const outputs = op.launch(device, values, attributes);
  const handles = outputs.map((value) => new Tensor(value, device));
  record(op as Op<unknown>, attributes, values, outputs);
  return handles;
}

/**
 * The handle that owns results: a fork where one of the inputs came from it, else the root.
 *
 * @throws {TypeError} If two inputs belong to different forks or backends
 */
export function deviceOf(inputs: readonly Tensor[]): Device {
  let found: Device | undefined;
  for (const { device } of inputs) {
    if (found === undefined || found === device || found === device.root) found = device;
    else if (device !== found.root) {
      throw new TypeError("Cannot combine tensors as they must share a device: found two");
    }
  }
  if (found === undefined) throw new TypeError("Cannot choose a device as there is no input");
  return found;
}
