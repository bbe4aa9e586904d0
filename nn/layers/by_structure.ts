/**
 * Operations that exist in several structures, such as with and without a mask.
 *
 * @module
 */

import type { RowOp } from "../../core/ops/rowwise.ts";

/**
 * An operation for each structure, built when it is first asked for.
 *
 * @param build Declares the operation; what it is told has no numbers that vary between runs
 */
export function byStructure<S extends object>(
  build: (structure: S) => RowOp,
): (structure: S) => RowOp {
  const operations = new Map<string, RowOp>();
  return (structure) => {
    const key = JSON.stringify(structure);
    let op = operations.get(key);
    if (op === undefined) operations.set(key, op = build(structure));
    return op;
  };
}
