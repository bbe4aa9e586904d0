/**
 * Numbers of parameters that no checkpoint has.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { OptionError } from "../../core/errors.ts";
import { foldKey, type Key, normal, uniform } from "../../core/random.ts";
import { tensor } from "../../core/tensor.ts";
import type { Parameter } from "../layers/module.ts";

/**
 * Fills one parameter by its initializer, from a stream of its own.
 *
 * @throws {OptionError} If it has none
 */
export function initialize(parameter: Parameter, path: string, device: Device, key: Key): void {
  const { initializer, shape, size } = parameter;
  const stream = foldKey(key, path);
  let data: Float64Array;
  switch (initializer?.kind) {
    case "zeros":
      data = new Float64Array(size);
      break;
    case "ones":
      data = new Float64Array(size).fill(1);
      break;
    case "normal":
      data = normal(stream, size).map((x) => x * initializer.deviation);
      break;
    case "uniform":
      data = uniform(stream, size).map((x) => (2 * x - 1) * initializer.bound);
      break;
    default:
      throw new OptionError(`Cannot initialise ${path} as it has no initializer`);
  }
  parameter.value = tensor(device, data, shape);
}
