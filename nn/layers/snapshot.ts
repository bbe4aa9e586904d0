/**
 * What a model is made of at a moment, to tell whether it still is.
 *
 * @module
 */

import type { Value } from "../../core/storage.ts";
import { Module, Parameter } from "./module.ts";

/**
 * Remembers all fields of a module and of what it holds: modules, lists, settings, and which numbers its
 * parameters have. Gives a test whether each is the same.
 */
export function snapshot(module: Module): () => boolean {
  const held = new Map<object, readonly unknown[]>();
  const values: [Parameter, Value | undefined][] = [];
  const visit = (holder: unknown) => {
    if (!isRemembered(holder) || held.has(holder)) return;
    if (holder instanceof Parameter) values.push([holder, valueOf(holder)]);
    const fields = Object.values(holder);
    held.set(holder, fields);
    fields.forEach(visit);
    // Some hold modules where only they themselves see them.
    if (holder instanceof Module) { for (const [, member] of holder.members()) visit(member); }
  };
  visit(module);
  const holders = [...held];
  return () => {
    for (const [parameter, value] of values) if (valueOf(parameter) !== value) return false;
    for (const [holder, before] of holders) {
      if (!sameItems(Object.values(holder), before)) return false;
    }
    return true;
  };
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

function isRemembered(holder: unknown): holder is object {
  if (typeof holder !== "object" || holder === null) return false;
  return holder instanceof Module || holder instanceof Parameter || Array.isArray(holder) ||
    Object.getPrototypeOf(holder) === Object.prototype;
}

function valueOf(parameter: Parameter): Value | undefined {
  return parameter.filled ? parameter.value.value : undefined;
}
