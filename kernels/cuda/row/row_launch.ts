/**
 * The launch of a row program over operands in memory.
 *
 * @module
 */

import type { Affine, Bound } from "../../../core/backend.ts";
import { bytesPerElement } from "../../../core/dtype.ts";
import type { RowProgram } from "../../../core/program.ts";
import { walkOf } from "../../plan/row_walk.ts";
import { slotsOf } from "../../plan/slots.ts";
import { byteSteps, type CardLaunch, checkCount, makeCardLaunch } from "../queue/launch.ts";
import type { Modules } from "../queue/modules.ts";
import { renderRow } from "./row.ts";
import { blocksOf, chooseSpread, spreadKey } from "./row_shape.ts";

/** What a row program runs over. */
export interface CardRowOperands {
  /** Size of each axis. */
  readonly space: readonly number[];
  /** Inputs and outputs. */
  readonly bound: readonly Bound[];
  /** Operands that are computed. */
  readonly indices: readonly Affine[];
}

/** Chooses the kernel of a row program, and lays its parameters out. */
export function rowLaunch(
  program: RowProgram,
  { space, bound, indices }: CardRowOperands,
  modules: Modules,
): CardLaunch {
  const used = slotsOf(program);
  const walked: Affine[] = [...bound, ...indices.slice(0, used.indices)];
  const walk = walkOf(program, space, walked);
  const shape = chooseSpread(program, walk, bound);
  const kernel = modules.compile(
    `${program.key}/${spreadKey(shape)}`,
    `row program ${program.key}`,
    () => renderRow(program, shape),
  );
  const { count, blocks } = blocksOf(shape, walk.space);
  if (shape.kind === "map") checkCount("elements", walk.space.reduce((a, b) => a * b, 1));
  const strides = walk.strides.flatMap((steps, k) =>
    k < bound.length ? byteSteps(walk.space, steps, bytesPerElement(bound[k]!.dtype)) : steps
  );
  const words = [...walk.space, count, ...strides];
  const { scalars } = used;
  return makeCardLaunch({
    kernel,
    blocks,
    dtypes: bound.map(({ dtype }) => dtype),
    results: program.outputs.length,
    indices: used.indices,
    words,
    scalars,
  });
}
