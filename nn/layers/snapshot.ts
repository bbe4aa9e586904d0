/**
 * What a model is made of at a moment, to tell whether it still is.
 *
 * @module
 */

import { Value } from "../../core/storage.ts";
import { Module, Parameter } from "./module.ts";

/** A field, and what it held. */
type Field = readonly [holder: Record<string, unknown>, name: string, held: unknown];

/**
 * Remembers all fields of a module and of what it holds: modules, lists, settings, and which numbers its
 * parameters have. Gives a test whether each is the same.
 */
export function snapshot(module: Module): () => boolean {
  const fields: Field[] = [];
  const values: [Parameter, Value | undefined][] = [];
  const seen = new Set<unknown>();
  const visit = (holder: unknown) => {
    if (!isRemembered(holder) || seen.has(holder)) return;
    seen.add(holder);
    if (holder instanceof Parameter) values.push([holder, valueOf(holder)]);
    for (const [name, held] of Object.entries(holder)) {
      fields.push([holder, name, held]);
      visit(held);
    }
  };
  visit(module);
  return () => {
    for (const [parameter, value] of values) if (valueOf(parameter) !== value) return false;
    for (const [holder, name, held] of fields) if (!Object.is(holder[name], held)) return false;
    return true;
  };
}

function isRemembered(holder: unknown): holder is Record<string, unknown> {
  if (typeof holder !== "object" || holder === null) return false;
  return holder instanceof Module || holder instanceof Parameter || Array.isArray(holder) ||
    Object.getPrototypeOf(holder) === Object.prototype;
}

function valueOf(parameter: Parameter): Value | undefined {
  return parameter.filled ? parameter.value.value : undefined;
}
