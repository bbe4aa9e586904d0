// What one row of the tables of wrong arguments is.
import type { Device } from "../../core/device.ts";
import type { Tensor } from "../../core/tensor.ts";

/** Whatever JavaScript can call a function with. */
// deno-lint-ignore no-explicit-any
export type Anything = any;

/** What a call is made of. */
export interface Made {
  readonly device: Device;
  /** Zeros, but for the first element, which is 1. */
  readonly x: (...shape: number[]) => Tensor;
  readonly words: (...data: number[]) => Tensor;
}

/** How an argument is handed on, and values that it must not have. */
export interface ArgumentRow {
  /** Function and argument; the error names the argument. */
  readonly name: `${string} ${string}`;
  readonly call: (made: Made, given: Anything) => unknown;
  readonly wrong: readonly unknown[];
  /** What the error says instead of the argument's name. */
  readonly says?: RegExp;
}

/** No whole number from 0. */
export const noSize = [-1, 0.5, NaN, Infinity, "2", null, [[1]], 2n];
/** No axis of two. */
export const noAxis = [2, -3, 0.5, NaN, "x", Infinity];
/** No tensor. */
export const noTensor = [[1, 2], [[1], [2]], new Float32Array(2), "x", null, 3n];
/** No shape. */
export const noShape = [[-1], [0.5], [NaN], [[2]], 3, ["2"], [2 ** 30, 2 ** 30], null];
export const noNumber = ["1", null, [1], 1n, undefined];
