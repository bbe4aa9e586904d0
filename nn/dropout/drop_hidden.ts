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
  type Word,
  word,
} from "../../core/expr.ts";
import { type RowOp, rowwise } from "../../core/ops/rowwise.ts";
import { reshape } from "../../core/ops/view.ts";
import { contiguousStrides, sizeOf } from "../../core/shape.ts";
import { shapeOf, type Tensor } from "../../core/tensor.ts";
import {
  dropped,
  inExample,
  maskNumbers,
  maskScalars,
  passOf,
  spanSize,
  survivorFactor,
} from "./mask.ts";
import type { Structure } from "./plan.ts";
import type { ActiveSite, DropoutContext } from "./site.ts";

/** Zeros where a mask drops, survivors times a factor. */
function zeroing(name: string, taken: Inputs, drop: Bool): RowOp {
  const factor = select(drop, float(0), scalar(maskScalars, "f32"));
  return rowwise(name, taken, [input(0, "f32", 3).mul(factor)]);
}

/** Coordinate inside the example; the slot is that of offsets, where examples share rows. */
function placeOf(packed: boolean, slot: number): Word {
  const place = index(0, 3);
  if (!packed) return place;
  return inExample(place, input(slot, "u32", 1), scalar(maskScalars + 1, "u32"));
}

/** By words drawn in the program; one mask for each example, or for all of them. */
function drawing(span: boolean, shared: boolean, packed = false): RowOp {
  const counter = input(1, "u32", 1);
  const example = shared ? passOf(counter) : counter;
  const [length, position] = [input(2, "u32", 1), placeOf(packed, span ? 3 : 2)];
  const drop = dropped(span, { example, length, position, run: word(0), slot: 0 });
  const taken: Inputs = {
    x: "f32",
    examples: "u32",
    ...(span && { lengths: "u32" }),
    ...(packed && { offsets: "u32" }),
  };
  return zeroing(span ? "dropSpan" : "drop", taken, drop);
}

/** Zeros at independent places, survivors times a factor. */
export const dropElementsOp: RowOp = drawing(false, false);
/** Zeros at one run of tokens. */
export const dropSpanOp: RowOp = drawing(true, false);

/** Zeros at the run that begins at a given token and ends with the text at the latest. */
function droppingFrom(packed: boolean): RowOp {
  const [start, length, position] = [input(1, "u32", 1), input(2, "u32", 1), placeOf(packed, 3)];
  const inside = subtractWords(position, start).compare("lt", spanSize(0, length));
  const drop = inside.and(position.compare("lt", length));
  const own = { x: "f32", starts: "u32", lengths: "u32" } as const;
  return zeroing("dropFrom", packed ? { ...own, offsets: "u32" } : own, drop);
}

/** Of single numbers, spans, both with one mask for all examples, and spans from given tokens. */
const operations = [
  [dropElementsOp, dropSpanOp, drawing(false, true), drawing(true, true), droppingFrom(false)],
  [
    drawing(false, false, true),
    drawing(true, false, true),
    drawing(false, true, true),
    drawing(true, true, true),
    droppingFrom(true),
  ],
] as const;

/**
 * Drops from a hidden representation.
 *
 * **Shapes**: `[batch, tokens, width]` or `[batch, width]`, unchanged. A representation
 * without tokens stands at the first one: a column is the whole of it, and so is a span that begins
 * there.
 *
 * @param starts First token of each span, of the shape of `lengths`, where attention chooses it
 * @throws {OptionError} If the site is none, or attention is to choose and chose nothing
 * @throws {ShapeError} If there is no axis of examples, or another number of them
 */
export function dropHidden(x: Tensor, active: ActiveSite, starts?: Tensor): Tensor {
  const { site, dropout: { examples, lengths, offsets } } = active;
  const shape = shapeOf("dropHidden", x);
  checkExamples(shape, active.dropout);
  const guided = site.start === "attention";
  if (guided && starts === undefined) {
    throw new OptionError(
      "Cannot begin spans where attention points as first tokens are required: found none",
    );
  }
  const span = site.structure === "span";
  const which = guided ? 4 : (site.perExample === false ? 2 : 0) + (span ? 1 : 0);
  const op = operations[offsets === undefined ? 0 : 1][which]!;
  const rows = [shape[0]!, ...shape.slice(1).map(() => 1)];
  const words = [
    guided ? starts! : examples,
    ...span ? [lengths] : [],
    ...offsets ? [offsets] : [],
  ];
  const perWord = offsets === undefined ? rows : rows.with(1, shape[1]!);
  const strides = stridesOf(site.structure, shape);
  const position: Affine = { offset: 0, strides };
  return apply(op, [x, ...words.map((list) => reshape(list, perWord))], {
    scalars: [...maskNumbers(active), survivorFactor(site), strides[1]!],
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

function checkExamples(
  shape: readonly number[],
  { examples, lengths, offsets }: DropoutContext,
): void {
  const axes = offsets === undefined ? 1 : 2;
  if (shape.length < 2 || shape.length === axes) {
    const required = "[batch, tokens, width]" + (axes === 1 ? " or [batch, width]" : "");
    throw argumentError("dropHidden", "x", required, `[${shape}]`);
  }
  const count = sizeOf(shape.slice(0, axes));
  for (const [name, list] of [["examples", examples], ["lengths", lengths]] as const) {
    if (sizeOf(list.shape) === count) continue;
    const required = `${count} elements, one a ${axes === 1 ? "row" : "token"} of x`;
    throw argumentError("dropHidden", name, required, `[${list.shape}]`);
  }
}

/** Drops where a site is active. */
export function dropWhere(x: Tensor, active: ActiveSite | undefined): Tensor {
  return active === undefined ? x : dropHidden(x, active);
}
