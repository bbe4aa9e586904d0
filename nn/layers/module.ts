/**
 * Modules: plain classes whose fields carry Hugging Face's names, so that a parameter's path in the
 * object is its key in a checkpoint.
 *
 * @module
 */

import { OptionError, ShapeError } from "../../core/errors.ts";
import { sameShape, sizeOf } from "../../core/shape.ts";
import type { Tensor } from "../../core/tensor.ts";

/** How a parameter that no checkpoint holds starts. */
export type Initializer =
  | { readonly kind: "zeros" }
  | { readonly kind: "ones" }
  /** Normal with mean 0. */
  | { readonly kind: "normal"; readonly deviation: number }
  /** Uniform in [-bound, bound). */
  | { readonly kind: "uniform"; readonly bound: number };

/** A named place for a tensor. It knows its shape before it has numbers. */
export class Parameter {
  /** Whether training changes it. */
  trainable = false;
  #tensor: Tensor | undefined;

  /**
   * Makes a place without numbers.
   *
   * @param shape Size of each axis
   * @param initializer Start value where no checkpoint gives one; without it one is required
   */
  constructor(readonly shape: readonly number[], readonly initializer?: Initializer) {}

  /** Number of elements, of all axes together. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Whether a tensor was put in place. */
  get filled(): boolean {
    return this.#tensor !== undefined;
  }

  /**
   * The tensor.
   *
   * @throws {OptionError} If no weights were loaded
   */
  get value(): Tensor {
    if (this.#tensor === undefined) {
      throw new OptionError(
        `Cannot use a parameter of shape [${this.shape}] before its weights are loaded`,
      );
    }
    return this.#tensor;
  }

  /**
   * Puts a tensor in place; the parameter does not own it.
   *
   * @throws {ShapeError} If the shape is another one
   */
  set value(tensor: Tensor) {
    if (!sameShape(tensor.shape, this.shape)) {
      throw new ShapeError(
        `Cannot fill a parameter of shape [${this.shape}] with one of shape [${tensor.shape}]`,
      );
    }
    this.#tensor = tensor;
  }
}

/** Something with parameters: a layer, a part of a model, or a model. */
export abstract class Module {
  /** Direct members: modules, lists of modules and parameters, by field name. */
  *members(): Iterable<[string, Module | Parameter]> {
    for (const [name, member] of Object.entries(this)) {
      if (member instanceof Module || member instanceof Parameter) yield [name, member];
      else if (Array.isArray(member)) {
        for (const [i, item] of member.entries()) {
          if (item instanceof Module) yield [`${name}.${i}`, item];
        }
      }
    }
  }
}

/** Every module below, with its path; the module itself has the path "". */
export function* modules(module: Module, path = ""): Iterable<[string, Module]> {
  yield [path, module];
  for (const [name, member] of module.members()) {
    if (member instanceof Module) yield* modules(member, path === "" ? name : `${path}.${name}`);
  }
}

/** Every parameter below, with its path. */
export function* parameters(module: Module, path = ""): Iterable<[string, Parameter]> {
  for (const [name, member] of module.members()) {
    const full = path === "" ? name : `${path}.${name}`;
    if (member instanceof Parameter) yield [full, member];
    else yield* parameters(member, full);
  }
}

/**
 * Puts another module in the place of one.
 *
 * @throws {OptionError} If there is no module at the path
 */
export function replaceModule(root: Module, path: string, replacement: Module): void {
  const [, parent, name] = /^(?:(.*)\.)?([^.]+)$/.exec(path) ?? [];
  const holder = [...modules(root)].find(([place]) => place === (parent ?? ""))?.[1];
  const fields = holder as Record<string, unknown> | undefined;
  if (name === undefined || !(fields?.[name] instanceof Module)) {
    throw new OptionError(`Cannot find a module at ${path}`);
  }
  fields[name] = replacement;
}
