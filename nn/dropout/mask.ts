/**
 * Masks as expressions, drawn inside the kernels that use them. A mask's word is a function of the
 * site's key, the example's number and the coordinates, padded axes strided by the model's maximum.
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import { argumentError, type Inputs } from "../../core/arguments.ts";
import type { Affine } from "../../core/backend.ts";
import {
  addWords,
  type Bool,
  draw,
  float,
  index,
  input,
  multiplyWords,
  scalar,
  select,
  shiftRight,
  subtractWords,
  type Word,
  word,
} from "../../core/expr.ts";
import { type RowOp, rowwise } from "../../core/ops/rowwise.ts";
import { reshape } from "../../core/ops/view.ts";
import { checkKey, threshold } from "../../core/random.ts";
import { contiguousStrides, sizeOf } from "../../core/shape.ts";
import { shapeOf, type Tensor } from "../../core/tensor.ts";
import type { Batch } from "../layers/batch.ts";
import { checkSite } from "./check_site.ts";
import type { Site, Structure } from "./plan.ts";
import type { ActiveSite, DropoutContext } from "./site.ts";

/** Scalars that a mask takes: two key words, threshold or rate, and the fixed span length. */
export const maskScalars = 4;

/**
 * Numbers for the scalar slots of a mask.
 *
 * @throws {OptionError} If the site is none
 */
export function maskNumbers({ site, key }: ActiveSite): number[] {
  checkSite(site);
  checkKey(key);
  const amount = site.structure === "span" ? Math.ceil(site.rate * 65536) : threshold(site.rate);
  return [key[0], key[1], amount, site.spanLength ?? 0];
}

/** Where a mask expression finds its words. */
export interface MaskLeaves {
  /** Counter of the example (see `DropoutContext.examples`). */
  readonly example: Word;
  /** Real tokens of the example. */
  readonly length: Word;
  /** Coordinate inside the example: for a span, of the token alone. */
  readonly position: Word;
  /** For a span: coordinate of the run inside the example (its head). */
  readonly run: Word;
  /** First of {@linkcode maskScalars} scalar slots. */
  readonly slot: number;
}

/** Whether the element is dropped. */
export function dropped(span: boolean, leaves: MaskLeaves): Bool {
  const { example, length, position, run, slot } = leaves;
  const number = (offset: number) => scalar(slot + offset, "u32");
  const key = [number(0), number(1)] as const;
  if (!span) return draw(key, example, position).compare("lt", number(2));
  // Integers only, so that every backend finds the same run: round(rate x length), at least 1 and
  // within the row.
  const share = shiftRight(addWords(multiplyWords(length, number(2)), word(32768)), 16);
  const least = select(share.compare("eq", 0), word(1), share);
  const wanted = select(number(3).compare("eq", 0), least, number(3));
  const size = select(length.compare("lt", wanted), length, wanted);
  const choices = addWords(subtractWords(length, size), word(1));
  const drawn = shiftRight(draw(key, example, run), 16);
  const start = shiftRight(multiplyWords(drawn, choices), 16);
  return subtractWords(position, start).compare("lt", size);
}

const x = input(0, "f32", 3);

function dropOp(span: boolean): RowOp {
  const leaves: MaskLeaves = {
    example: input(1, "u32", 1),
    length: input(2, "u32", 1),
    position: index(0, 3),
    run: word(0),
    slot: 0,
  };
  const factor = select(dropped(span, leaves), float(0), scalar(maskScalars, "f32"));
  const taken: Inputs = { x: "f32", examples: "u32", ...(span && { lengths: "u32" }) };
  return rowwise(span ? "dropSpan" : "drop", taken, [x.mul(factor)]);
}

/** Zeros at independent places, survivors times a factor. */
export const dropElementsOp: RowOp = dropOp(false);
/** Zeros at one run of tokens. */
export const dropSpanOp: RowOp = dropOp(true);

/** Factor of what survives: 1, or 1/(1 - rate) where the site rescales. */
export function survivorFactor(site: Site): number {
  const rescale = site.rescale ?? site.structure === "element";
  return rescale ? 1 / (1 - site.rate) : 1;
}

/**
 * Drops from a hidden representation.
 *
 * **Shapes**: `[batch, tokens, width]` or `[batch, width]`, unchanged. A column or span of a
 * representation without tokens is the whole of it.
 *
 * @throws {OptionError} If the site is none
 * @throws {ShapeError} If there is no axis of examples, or another number of them
 */
export function dropHidden(x: Tensor, active: ActiveSite): Tensor {
  const { site, dropout } = active;
  const shape = shapeOf("dropHidden", x);
  checkExamples(shape, dropout);
  const position: Affine = { offset: 0, strides: stridesOf(site.structure, shape) };
  const perExample = [shape[0]!, ...shape.slice(1).map(() => 1)];
  const span = site.structure === "span";
  const inputs = [x, reshape(dropout.examples, perExample)];
  if (span) inputs.push(reshape(dropout.lengths, perExample));
  return apply(span ? dropSpanOp : dropElementsOp, inputs, {
    scalars: [...maskNumbers(active), survivorFactor(site)],
    indices: [position],
  })[0]!;
}

/** Strides of the coordinate that a mask follows inside an example. */
function stridesOf(structure: Structure, shape: readonly number[]): number[] {
  const last = shape.length - 1;
  const strides = {
    element: contiguousStrides(shape),
    column: shape.map((_, axis) => axis === 1 && last > 1 ? 1 : 0),
    feature: shape.map((_, axis) => axis === last ? 1 : 0),
  };
  return strides[structure === "span" ? "column" : structure].map((step, axis) =>
    axis === 0 ? 0 : step
  );
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

function visibleOp(masked: boolean, span: boolean): RowOp {
  const first = masked ? 1 : 0;
  const leaves: MaskLeaves = {
    example: input(first, "u32", 1),
    length: input(first + 1, "u32", 1),
    position: index(0, 3),
    run: word(0),
    slot: 0,
  };
  const taken: Inputs = {
    ...(masked && { mask: "u32" }),
    examples: "u32",
    ...(span && { lengths: "u32" }),
  };
  const visible = masked ? input(0, "u32", 3) : word(1);
  return rowwise("visibleTokens", taken, [select(dropped(span, leaves), word(0), visible)]);
}

const visibleOps = [false, true].map((masked) =>
  [false, true].map((span) => visibleOp(masked, span))
);

/**
 * Which tokens are attended to where a site drops whole ones of the input and hides them: 1 for each,
 * `[batch, tokens]`; undefined where it hides none.
 */
export function visibleTokens(
  { size, width, mask }: Pick<Batch, "size" | "width" | "mask">,
  active: ActiveSite | undefined,
): Tensor | undefined {
  if (active === undefined) return undefined;
  const { site: { structure, hide = true }, dropout } = active;
  if (!hide || (structure !== "column" && structure !== "span")) return undefined;
  const span = structure === "span";
  const inputs = mask === undefined ? [] : [mask];
  inputs.push(reshape(dropout.examples, [size, 1]));
  if (span) inputs.push(reshape(dropout.lengths, [size, 1]));
  return apply(visibleOps[Number(mask !== undefined)]![Number(span)]!, inputs, {
    space: [size, width],
    scalars: maskNumbers(active),
    indices: [{ offset: 0, strides: [0, 1] }],
  })[0]!;
}

/** Drops where a site is active. */
export function dropWhere(x: Tensor, active: ActiveSite | undefined): Tensor {
  return active === undefined ? x : dropHidden(x, active);
}
