/**
 * What an operation is: data with a name, a way to launch it on values, and a vjp made of other
 * operations, so that derivatives can be differentiated again.
 *
 * @module
 */

import type { Argument } from "./arguments.ts";
import { type Dtype, isHalf, isQuantised, type StoredFloat, type StoredType } from "./dtype.ts";
import type { Device } from "./device.ts";
import { Value } from "./storage.ts";
import type { Tensor } from "./tensor.ts";

/** What a vjp sees of the forward run. */
export interface Recorded<A> {
  /** Attributes of the operation. */
  readonly attributes: A;
  /** Which inputs need a gradient. */
  readonly needsGradient: readonly boolean[];
  /** Shape of each input. */
  readonly shapes: readonly (readonly number[])[];
  /** Axes of an input in the order of memory, the slowest first. */
  order(position: number): readonly number[];
  /** Element type of an input's gradient, as {@linkcode gradientType} has it. */
  dtype(position: number): StoredFloat;
  /**
   * The gradient that an input has so far, from operations that ran later. A vjp that asks for it
   * must add it to what it returns; whoever does not ask leaves the addition to the tape.
   */
  accumulateInto(position: number): Tensor | undefined;
  /**
   * Memory that an input's gradient may be written to where nothing is added to it, with the shape of
   * the input; whoever asks must write there.
   */
  destination(position: number): Value | undefined;
  /**
   * How a product ends that is an input's gradient and added to nothing, where the operation before
   * goes on from there; whoever asks must end it so.
   */
  ending(position: number): ProductEnding | undefined;
  /** Whether the first output's cotangent has gone through {@linkcode Op.ending} already. */
  readonly isEnded: boolean;
  /** Handle that owns the results. */
  readonly device: Device;
  /** An input that {@linkcode Op.saves} names. */
  input(position: number): Tensor;
  /** An output that {@linkcode Op.saves} names. */
  output(position: number): Tensor;
}

/** Gradients, one place an input; places not wanted may be empty. */
export type Gradients = readonly (Tensor | undefined)[];

/** A product of two matrices, and what it ends in. */
export interface ProductEnding {
  /** Takes the two matrices, then the extras. */
  readonly op: Op<MatmulAttributes>;
  /** What the end reads beside the product. */
  readonly extras: readonly Tensor[];
  /** Numbers that it reads, by slot. */
  readonly scalars: readonly number[];
}

/** What varies between two runs of the same product. */
export interface MatmulAttributes {
  /** Numbers that the epilogue reads, by slot. */
  readonly scalars?: readonly number[];
  /** Axes of the result in the order of memory, the slowest first; row-major where absent. */
  readonly order?: readonly number[] | undefined;
  /** Element type of the result, which is an activation where absent. */
  readonly dtype?: StoredFloat | undefined;
  /** Where the result is written; memory of its own where absent. */
  readonly into?: Value | undefined;
}

/** Which inputs and outputs a vjp reads: the tape lets go of the others. */
export interface SavedValues {
  /** By position of the input. */
  readonly inputs: readonly boolean[];
  /** By position of the output. */
  readonly outputs: readonly boolean[];
}

/** An operation on tensors with attributes of type `A`. */
export interface Op<A = undefined> {
  /** Name for messages and tests. */
  readonly name: string;
  /** Its tensors, which `apply` checks; absent where any number of any type will do. */
  readonly takes?: readonly Argument[];
  /** Whether its results only look at the inputs' memory, which nothing reads. */
  readonly isView?: boolean;
  /** Checks shapes, runs programs and returns the outputs. */
  launch(device: Device, inputs: readonly Value[], attributes: A): Value[];
  /** Gradients of the inputs, given those of the outputs; an operation without one ends in an error. */
  readonly vjp?: (recorded: Recorded<A>, cotangents: Gradients) => Gradients;
  /** What the vjp reads, given which inputs need a gradient; everything where absent. */
  readonly saves?: (needsGradient: readonly boolean[]) => SavedValues;
  /**
   * What a product can end in that gives the first output's cotangent, so that the vjp begins behind the
   * first step of its own; absent where there is no such step.
   */
  readonly ending?: (recorded: Recorded<A>) => ProductEnding | undefined;
}

/**
 * The float of an operation's results: that of its inputs, which `apply` has found to be one, or the
 * device's where all are halves, codes or words.
 */
export function floatOf(device: Device, values: readonly Value[]): "f32" | "f64" {
  for (const { dtype } of values) {
    if (dtype !== "u32" && !isHalf(dtype) && !isQuantised(dtype)) return dtype;
  }
  return device.float;
}

/**
 * The element type in which a result of floats is stored. What is computed of activations is an
 * activation itself; what has one element a row (sums, losses, statistics), and what is computed of
 * floats alone, keeps its float.
 *
 * @param shape Of the result
 * @param given Type of a result that is an activation, or none, for reasons of its own
 */
export function resultType(
  device: Device,
  values: readonly Value[],
  shape: readonly number[],
  given?: StoredFloat,
): StoredFloat {
  const float = floatOf(device, values);
  const { activations } = device.backend;
  if (activations === undefined || float === "f64" || (shape.at(-1) ?? 1) === 1) return float;
  if (given !== undefined) return given;
  return values.some(({ dtype }) => dtype === activations) ? activations : float;
}

/** The element type of a copy of words, or of floats. */
export function copyType(
  device: Device,
  values: readonly Value[],
  shape: readonly number[],
): Dtype {
  return values[0]!.dtype === "u32" ? "u32" : resultType(device, values, shape);
}

/** Elements from which on rows of activations are padded. */
const longRow = 1024;

/**
 * Memory for a result. Long rows of halves begin at multiples of 16 bytes, so that whatever reads them
 * can take as many at once: vocabularies have odd sizes.
 */
export function allocateResult(
  { backend }: Device,
  dtype: Dtype,
  shape: readonly number[],
  order?: readonly number[],
): Value {
  const length = shape.at(-1)!;
  if (!(isHalf(dtype) && length >= longRow)) return Value.allocate(backend, dtype, shape, order);
  const padded = shape.with(-1, 8 * Math.ceil(length / 8));
  const { storage, strides } = Value.allocate(backend, dtype, padded, order);
  return new Value(storage, shape, strides);
}

/** The element type of a gradient: that of the value it belongs to, where programs write it. */
export function gradientType({ backend, float }: Device, dtype: StoredType): StoredFloat {
  if (dtype === "u32" || isQuantised(dtype)) return float;
  return isHalf(dtype) && dtype !== backend.activations ? float : dtype;
}
