/**
 * Tensors from nothing: constants, ranges and random numbers. What is random is made on the host, so
 * a key gives the same numbers on every backend.
 *
 * @module
 */

import type { Device } from "../device.ts";
import type { Dtype } from "../dtype.ts";
import { OptionError } from "../errors.ts";
import { type Key, normal, uniform } from "../random.ts";
import { sizeOf } from "../shape.ts";
import { type Tensor, tensor } from "../tensor.ts";
import { expand } from "./rowwise.ts";
import { contiguous } from "./view.ts";

/** A number in every place. */
export function full(
  device: Device,
  shape: readonly number[],
  value: number,
  dtype: Dtype = device.float,
): Tensor {
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
 * @throws {OptionError} If the step is 0 or a bound is not finite
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
  if (!Number.isSafeInteger(length)) {
    throw new OptionError(
      `Cannot make a range from ${from} to ${to} by ${step} as finite bounds and a step other ` +
        "than 0 are required",
    );
  }
  return tensor(device, Array.from({ length }, (_, i) => from + i * step), [length], dtype);
}

/** Uniform numbers in `[low, high)`, made of 24 random bits each so that 32-bit floats hold them. */
export function randomUniform(
  device: Device,
  key: Key,
  shape: readonly number[],
  [low, high]: readonly [number, number] = [0, 1],
): Tensor {
  const data = uniform(key, sizeOf(shape));
  return tensor(
    device,
    data.map((u) => low + Math.floor(u * 2 ** 24) / 2 ** 24 * (high - low)),
    shape,
  );
}

/** Normal numbers with mean 0 and deviation 1. */
export function randomNormal(device: Device, key: Key, shape: readonly number[]): Tensor {
  return tensor(device, normal(key, sizeOf(shape)), shape);
}

/** A mask of words: 1 with the given probability, otherwise 0. */
export function randomBernoulli(
  device: Device,
  key: Key,
  shape: readonly number[],
  probability = 0.5,
): Tensor {
  const data = uniform(key, sizeOf(shape)).map((u) => Number(u < probability));
  return tensor(device, data, shape, "u32");
}
