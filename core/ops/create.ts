/**
 * Tensors from nothing: constants, ranges and random numbers. What is random is made on the host, so
 * a key gives the same numbers on every backend.
 *
 * @module
 */

import type { Device } from "../device.ts";
import { checkDtype } from "../arguments.ts";
import { type Dtype, dtypes, isHalf } from "../dtype.ts";
import { OptionError } from "../errors.ts";
import { shown } from "../excerpt.ts";
import { checkNumber, checkShape } from "../numbers.ts";
import { type Key, normal, uniform } from "../random.ts";
import { reserve } from "../reserve.ts";
import { sizeOf } from "../shape.ts";
import { type Tensor, tensor } from "../tensor.ts";
import { expand } from "./rowwise.ts";
import { contiguous } from "./view.ts";

/** Types whose numbers are what they mean: those of halves are their bits. */
const whole = dtypes.filter((dtype) => !isHalf(dtype));

/**
 * A number in every place.
 *
 * @throws {ShapeError} If the shape is none, or the dtype a half or one that cannot hold the number
 */
export function full(
  device: Device,
  shape: readonly number[],
  value: number,
  dtype: Dtype = device.float,
): Tensor {
  checkShape("full", shape);
  checkDtype("full", dtype, whole);
  checkNumber("full", "value", value);
  return contiguous(expand(tensor(device, [value], [], dtype), shape));
}

/** 0 in every place. */
export function zeros(device: Device, shape: readonly number[], dtype?: Dtype): Tensor {
  return full(device, shape, 0, dtype);
}

/** 1 in every place. */
export function ones(device: Device, shape: readonly number[], dtype?: Dtype): Tensor {
  return full(device, shape, 1, dtype);
}

/**
 * `start`, `start + step`, … as long as they lie before `stop`: `[⌈(stop - start) / step⌉]`. With one
 * number that is `stop`, and `start` is 0.
 *
 * @throws {OptionError} If the step is 0, a bound is not finite or there are 2^32 numbers or more
 * @throws {ShapeError} If the dtype is a half, or words cannot hold the numbers
 */
export function arange(
  device: Device,
  start: number,
  stop?: number,
  step = 1,
  dtype: Dtype = device.float,
): Tensor {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (![from, to, step].every(Number.isFinite) || !(length < 2 ** 32)) {
    throw new OptionError(
      `Cannot make a range from ${shown(from)} to ${shown(to)} by ${shown(step)} as finite ` +
        "bounds, a step other than 0 and fewer than 2^32 numbers are required",
    );
  }
  checkDtype("arange", dtype, whole);
  const numbers = reserve(length * 8, () => new Float64Array(length));
  for (let i = 0; i < length; i++) numbers[i] = from + i * step;
  return tensor(device, numbers, [length], dtype);
}

/**
 * Uniform numbers in `[low, high)`, made of 24 random bits each so that 32-bit floats hold
 * them.
 *
 * @throws {OptionError} If the key is none, or the bounds are not finite and in order
 * @throws {ShapeError} If the shape is none
 */
export function randomUniform(
  device: Device,
  key: Key,
  shape: readonly number[],
  [low, high]: readonly [number, number] = [0, 1],
): Tensor {
  checkShape("randomUniform", shape);
  if (!(Number.isFinite(low) && Number.isFinite(high) && low <= high)) {
    throw new OptionError(
      "Cannot draw uniform numbers as two finite bounds are required, the lower one first: found " +
        `${shown(low)} and ${shown(high)}`,
    );
  }
  const data = uniform(key, sizeOf(shape));
  return tensor(
    device,
    data.map((u) => low + Math.floor(u * 2 ** 24) / 2 ** 24 * (high - low)),
    shape,
  );
}

/**
 * Normal numbers with mean 0 and deviation 1.
 *
 * @throws {OptionError} If the key is none
 * @throws {ShapeError} If the shape is none
 */
export function randomNormal(device: Device, key: Key, shape: readonly number[]): Tensor {
  checkShape("randomNormal", shape);
  return tensor(device, normal(key, sizeOf(shape)), shape);
}

/**
 * A mask of words: 1 with the given probability, otherwise 0.
 *
 * @throws {OptionError} If the key is none, or the probability lies outside [0, 1]
 * @throws {ShapeError} If the shape is none
 */
export function randomBernoulli(
  device: Device,
  key: Key,
  shape: readonly number[],
  probability = 0.5,
): Tensor {
  checkShape("randomBernoulli", shape);
  if (!(probability >= 0 && probability <= 1)) {
    throw new OptionError(
      `Cannot draw a mask as probability must lie in [0, 1]: found ${shown(probability)}`,
    );
  }
  const data = uniform(key, sizeOf(shape)).map((u) => Number(u < probability));
  return tensor(device, data, shape, "u32");
}
