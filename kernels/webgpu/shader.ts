/**
 * What a rendered program is, and how its parameters are laid out: all numbers that vary between
 * runs sit in one uniform array, so that the text depends on structure alone.
 *
 * @module
 */

import { type Dtype, isHalf } from "../../core/dtype.ts";

/** A program as WGSL, with what must be bound and dispatched. */
export interface Shader {
  /** WGSL, with entry point `main`. */
  readonly code: string;
  /** Operands that are bound, in binding order from 1; binding 0 is the parameters. */
  readonly bound: readonly { readonly operand: number; readonly writable: boolean }[];
}

/** Hands out places in the parameter array. */
export class Parameters {
  #count = 0;

  /** Reserves `count` places and returns the first. */
  take(count: number): number {
    const first = this.#count;
    this.#count += count;
    return first;
  }

  /** Words of the uniform array in use. */
  get count(): number {
    return this.#count;
  }

  /** Declaration of the array. */
  declaration(): string {
    const rows = Math.max(1, Math.ceil(this.#count / 4));
    return `@group(0) @binding(0) var<uniform> u: array<vec4<i32>, ${rows}>;`;
  }
}

/** Text of one parameter, as i32. */
export function parameter(place: number): string {
  return `u[${place >> 2}][${place & 3}]`;
}

/** An operand as a program declares it. */
export interface DeclaredOperand {
  /** Its slot: inputs, then outputs. */
  readonly operand: number;
  /** Whether the program stores to it. */
  readonly writable: boolean;
  /** WGSL type of the array's elements. */
  readonly type: string;
}

/** Declarations of the bound operands: operand k is `a{k}`. */
export function bindings(operands: readonly DeclaredOperand[]): string {
  return operands.map(({ operand, writable, type }, i) => {
    const access = writable ? "read_write" : "read";
    return `@group(0) @binding(${i + 1}) var<storage, ${access}> a${operand}: array<${type}>;`;
  }).join("\n");
}

/** Element type of an operand's array: two halves make a word. */
export function elementType(dtype: Dtype): "f32" | "u32" {
  return dtype === "f32" ? "f32" : "u32";
}

/** Text of an operand's element at an index. */
export function elementAt(operand: number, dtype: Dtype, index: string): string {
  return isHalf(dtype) ? `half${operand}(${index})` : `a${operand}[${index}]`;
}

/** Functions that read the halves of the bound operands. */
export function halfReaders(dtypes: readonly Dtype[], bound: Shader["bound"]): string {
  return bound.map(({ operand }) => {
    const dtype = dtypes[operand];
    if (dtype === undefined || !isHalf(dtype)) return "";
    const value = dtype === "f16"
      ? "unpack2x16float(word)[i & 1]"
      : "bitcast<f32>(select(word << 16u, word & 0xffff0000u, (i & 1) == 1))";
    return `fn half${operand}(i: i32) -> f32 {
let word = a${operand}[i >> 1];
return ${value};
}
`;
  }).join("");
}
