/**
 * What an operation takes: the name and the element types of each of its tensors. They are checked
 * in one place, `apply`, so that no operation can forget to.
 *
 * @module
 */

import { type Dtype, dtypes, isHalf, isQuantised, type Kind, type StoredType } from "./dtype.ts";
import { ShapeError } from "./errors.ts";
import { shown } from "./excerpt.ts";

/** One tensor of an operation. */
export interface Argument {
  /** Name in messages: that of the function's parameter. */
  readonly name: string;
  /** Element types that it may have. */
  readonly dtypes: readonly Dtype[];
}

/** Kinds of an operation's inputs in their order, or by name. */
export type Inputs = readonly Kind[] | Readonly<Record<string, Kind>>;

/** Floats of any width. */
export const floats: readonly Dtype[] = dtypes.filter((dtype) => dtype !== "u32");
/** Unsigned words of 32 bits. */
export const words: readonly Dtype[] = ["u32"];

/** The kinds of inputs alone. */
export function kindsOf(inputs: Inputs): readonly Kind[] {
  return Array.isArray(inputs) ? inputs : Object.values(inputs);
}

/** Inputs as arguments; where they have no names they are called `x`, or `a`, `b`, … */
export function argumentsOf(inputs: Inputs): readonly Argument[] {
  const kinds = kindsOf(inputs);
  const names = Array.isArray(inputs)
    ? kinds.length === 1 ? ["x"] : kinds.map((_, i) => String.fromCharCode(97 + i))
    : Object.keys(inputs);
  return kinds.map((kind, i) => ({ name: names[i]!, dtypes: kind === "u32" ? words : floats }));
}

/**
 * Checks the tensors of an operation, and that its floats are of one width.
 *
 * @throws {ShapeError} If one has another element type
 */
export function checkArguments(
  operation: string,
  taken: readonly Argument[],
  values: readonly { readonly dtype: StoredType }[],
): void {
  let first = -1;
  for (let i = 0; i < values.length; i++) {
    const { dtype } = values[i]!;
    if (!taken[i]!.dtypes.includes(isQuantised(dtype) ? "f32" : dtype)) {
      throw argumentError(operation, taken[i]!.name, listed(taken[i]!.dtypes), dtype);
    }
    if (dtype === "u32" || isHalf(dtype) || isQuantised(dtype)) continue;
    if (first < 0) first = i;
    else if (values[first]!.dtype !== dtype) {
      const required = `${values[first]!.dtype}, as ${taken[first]!.name} is`;
      throw argumentError(operation, taken[i]!.name, required, dtype);
    }
  }
}

/** The error of an argument that is not what an operation requires. */
export function argumentError(
  operation: string,
  argument: string,
  required: string,
  found: unknown,
): ShapeError {
  return new ShapeError(
    `Cannot apply ${operation} as ${argument} requires ${required}: found ${found}`,
  );
}

/**
 * Checks that a name is that of an element type which is allowed.
 *
 * @throws {ShapeError} If it is not
 */
export function checkDtype(
  operation: string,
  dtype: unknown,
  allowed: readonly Dtype[],
): void {
  if ((allowed as readonly unknown[]).includes(dtype)) return;
  throw argumentError(operation, "dtype", listed(allowed), shown(dtype));
}

/** `f32, f64 or u32`. */
function listed(names: readonly string[]): string {
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}
