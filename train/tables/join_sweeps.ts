/**
 * Several sweeps as one: tasks that were planned apart stand in common tables, with averages over
 * all of them.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { Collected } from "../sweep/collect.ts";
import type { SweepHead, SweepResult } from "../sweep/sweep_result.ts";
import { modelName } from "./arms.ts";

/** What came of a sweep, and how messages call it. */
export interface NamedSweep extends Collected {
  /** Its folder or file. */
  readonly path: string;
}

/**
 * Joins sweeps of one model and one baseline that tuned the same options, each on tasks of its own.
 *
 * @throws {OptionError} If they differ in one of these, or share a task, with their paths
 */
export function joinSweeps([first, ...others]: readonly [NamedSweep, ...NamedSweep[]]): Collected {
  if (others.length === 0) return first;
  const sweeps = [first, ...others];
  for (const other of others) requireLike(first, other);
  requireOwnTasks(sweeps);
  const heads = sweeps.map(({ head }) => head);
  return {
    head: {
      name: joined(heads, "name"),
      plan: joined(heads, "plan"),
      baseline: first.head.baseline,
      tuned: joinedValues(heads),
      version: joined(heads, "version"),
    },
    results: sweeps.flatMap(({ results }) => results),
  };
}

/** What sweeps have to have in common to be compared in one table, in words. */
function requireLike(first: NamedSweep, other: NamedSweep): void {
  const common: readonly (readonly [what: string, of: (sweep: NamedSweep) => string])[] = [
    ["baseline", ({ head }) => head.baseline],
    ["model", ({ results }) => namesOf(results, ({ settings }) => modelName(settings))],
    ["set of tuned options", ({ head }) => Object.keys(head.tuned).sort().join(", ")],
  ];
  for (const [what, of] of common) {
    const [one, two] = [of(first), of(other)];
    if (one === two) continue;
    const found = `${one || "none"} in ${first.path} and ${two || "none"} in ${other.path}`;
    throw new OptionError(`Cannot join sweeps as one ${what} is required: found ${found}`);
  }
}

function requireOwnTasks(sweeps: readonly NamedSweep[]): void {
  const pathOf = new Map<string, string>();
  for (const { path, results } of sweeps) {
    for (const task of new Set(results.map(({ arm }) => arm.task))) {
      const before = pathOf.get(task);
      if (before !== undefined) {
        throw new OptionError(
          `Cannot join sweeps as tasks of its own are required of each: found ${task} in ${before} and ${path}`,
        );
      }
      pathOf.set(task, path);
    }
  }
}

/** Every name once, in the order of the results. */
function namesOf(results: readonly SweepResult[], of: (result: SweepResult) => string): string {
  return [...new Set(results.map(of))].sort().join(", ");
}

/** What heads say, each text once. */
function joined(heads: readonly SweepHead[], field: "name" | "plan" | "version"): string {
  return [...new Set(heads.map((head) => head[field]))].join(", ");
}

/** All values that were tried of each option, in order. */
function joinedValues(heads: readonly SweepHead[]): SweepHead["tuned"] {
  const names = Object.keys(heads[0]!.tuned);
  return Object.fromEntries(names.map((name) => {
    const values = new Set(heads.flatMap(({ tuned }) => tuned[name]!));
    return [name, [...values].sort((a, b) => a - b)];
  }));
}
