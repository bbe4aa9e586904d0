/**
 * Drops from hidden representations: single numbers, tokens, runs of tokens or features.
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import { argumentError, type Inputs } from "../../core/arguments.ts";
import type { Affine } from "../../core/backend.ts";
import { OptionError } from "../../core/errors.ts";
import {
  type Bool,
  float,
  index,
  input,
  scalar,
  select,
  subtractWords,
  word,
} from "../../core/expr.ts";
import { type RowOp, rowwise } from "../../core/ops/rowwise.ts";
import { reshape } from "../../core/ops/view.ts";
import { contiguousStrides, sizeOf } from "../../core/shape.ts";
import { shapeOf, type Tensor } from "../../core/tensor.ts";
import { dropped, maskNumbers, maskScalars, passOf, spanSize, survivorFactor } from "./mask.ts";
import type { Structure } from "./plan.ts";
import type { ActiveSite, DropoutContext } from "./site.ts";

/** Zeros where a mask drops, survivors times a factor. */
function zeroing(name: string, taken: Inputs, drop: Bool): RowOp {
  const factor = select(drop, float(0), scalar(maskScalars, "f32"));
  return rowwise(name, taken, [input(0, "f32", 3).mul(factor)]);
}

/** By words drawn in the program; one mask for each example, or for all of them. */
function drawing(span: boolean, shared: boolean): RowOp {
  const counter = input(1, "u32", 1);
  const example = shared ? passOf(counter) : counter;
  const [length, position] = [input(2, "u32", 1), index(0, 3)];
  const drop = dropped(span, { example, length, position, run: word(0), slot: 0 });
  const taken: Inputs = { x: "f32", examples: "u32", ...(span && { lengths: "u32" }) };
  return zeroing(span ? "dropSpan" : "drop", taken, drop);
}

/** Zeros at independent places, survivors times a factor. */
export const dropElementsOp: RowOp = drawing(false, false);
/** Zeros at one run of tokens. */
export const dropSpanOp: RowOp = drawing(true, false);
const sharedOps = [drawing(false, true), drawing(true, true)] as const;

/** Zeros at the run that begins at a given token and ends with the text at the latest. */
const dropFromOp = (() => {
  const [start, length, position] = [input(1, "u32", 1), input(2, "u32", 1), index(0, 3)];
  const inside = subtractWords(position, start).compare("lt", spanSize(0, length));
  const drop = inside.and(position.compare("lt", length));
  return zeroing("dropFrom", { x: "f32", starts: "u32", lengths: "u32" }, drop);
})();

/**
 * Drops from a hidden representation.
 *
 * **Shapes**: `[batch, tokens, width]` or `[batch, width]`, unchanged. A representation
 * without tokens stands at the first one: a column is the whole of it, and so is a span that begins
 * there.
 *
 * @param starts First token of each span, `[batch]`, where attention chooses it
 * @throws {OptionError} If the site is none, or attention is to choose and chose nothing
 * @throws {ShapeError} If there is no axis of examples, or another number of them
 */
export function dropHidden(x: Tensor, active: ActiveSite, starts?: Tensor): Tensor {
  const { site, dropout: { examples, lengths } } = active;
  const shape = shapeOf("dropHidden", x);
  checkExamples(shape, active.dropout);
  const guided = site.start === "attention";
  if (guided && starts === undefined) {
    throw new OptionError(
      "Cannot begin spans where attention points as first tokens are required: found none",
    );
  }
  const span = site.structure === "span";
  const op = guided
    ? dropFromOp
    : site.perExample === false
    ? sharedOps[span ? 1 : 0]
    : span
    ? dropSpanOp
    : dropElementsOp;
  const perExample = [shape[0]!, ...shape.slice(1).map(() => 1)];
  const words = [guided ? starts! : examples, ...span ? [lengths] : []];
  const position: Affine = { offset: 0, strides: stridesOf(site.structure, shape) };
  return apply(op, [x, ...words.map((list) => reshape(list, perExample))], {
    scalars: [...maskNumbers(active), survivorFactor(site)],
    indices: [position],
  })[0]!;
}

/** Strides of the coordinate that a mask follows inside an example. */
function stridesOf(structure: Structure, shape: readonly number[]): number[] {
  const last = shape.length - 1;
  if (structure === "element") return contiguousStrides(shape).with(0, 0);
  const followed = structure === "feature" ? last : last > 1 ? 1 : undefined;
  return shape.map((_, axis) => axis === followed ? 1 : 0);
}

function checkExamples(shape: readonly number[], { examples, lengths }: DropoutContext): void {
  if (shape.length < 2) {
    throw argumentError(
      "dropHidden",
      "x",
      "[batch, tokens, width] or [batch, width]",
      `[${shape}]`,
    );
  }
  for (const [name, list] of [["examples", examples], ["lengths", lengths]] as const) {
    if (sizeOf(list.shape) === shape[0]) continue;
    const required = `${shape[0]} elements, one a row of x`;
    throw argumentError("dropHidden", name, required, `[${list.shape}]`);
  }
}

/** Drops where a site is active. */
export function dropWhere(x: Tensor, active: ActiveSite | undefined): Tensor {
  return active === undefined ? x : dropHidden(x, active);
}
