/**
 * Attention weights: masked softmax with DropKey before it and DropAttention after it, as one
 * operation. Rows without a visible key give zeros, with gradient zero; no infinity ever arises.
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import { argumentError, type Inputs } from "../../core/arguments.ts";
import type { Affine } from "../../core/backend.ts";
import {
  addWords,
  type Bool,
  type Expr,
  float,
  index,
  input,
  rowMax,
  rowSum,
  scalar,
  select,
  stop,
  type Word,
  word,
} from "../../core/expr.ts";
import { type RowOp, rowwise } from "../../core/ops/rowwise.ts";
import { maskedSoftmaxOf } from "../../core/ops/softmax.ts";
import { reshape } from "../../core/ops/view.ts";
import { sameShape } from "../../core/shape.ts";
import { shapeOf, type Tensor } from "../../core/tensor.ts";
import { dropped, inExample, maskNumbers, maskScalars, survivorFactor } from "../dropout/mask.ts";
import type { ActiveSite } from "../dropout/site.ts";
import { byStructure } from "./by_structure.ts";

/** Which program: everything here is structure, no number. */
export interface AttentionStructure {
  /** Whether keys after the query are invisible. */
  readonly causal: boolean;
  /** Whether keys far from the query are invisible. */
  readonly windowed?: boolean;
  /** Whether a mask of visible keys is given. */
  readonly masked: boolean;
  /** DropKey: none, independent keys or a run of them. */
  readonly logits: "none" | "independent" | "span";
  /** DropAttention: the same. */
  readonly weights: "none" | "independent" | "span";
  /** Whether DropAttention's denominator is kept from the gradient; where it is scaled, ignored. */
  readonly noGrad: boolean;
  /** Whether DropAttention multiplies by a factor instead of dividing by what is kept. */
  readonly scaled?: boolean;
  /** Whether several examples share a row. */
  readonly packed?: boolean;
}

/**
 * Slot of the factor of DropAttention; the steps of both masks from token to token follow, then the
 * reach of a window.
 */
const factorSlot = 1 + 2 * maskScalars;
const reachSlot = factorSlot + 3;

/**
 * The operation of a structure. Its inputs are the scores and, where they are read, visible keys, where
 * the examples of queries and of keys begin, example numbers and lengths.
 */
export const attentionWeightsOp: (structure: AttentionStructure) => RowOp = byStructure(build);

function build(structure: AttentionStructure): RowOp {
  const { causal, masked, logits, weights, noGrad, scaled } = structure;
  const { packed = false, windowed = false } = structure;
  const own = masked ? 2 : 1;
  const example = packed ? own + 2 : own;
  const kinds: Inputs = {
    scores: "f32",
    ...(masked && { mask: "u32" }),
    ...(packed && { queryOffsets: "u32", keyOffsets: "u32" }),
    ...((logits !== "none" || weights !== "none") && { examples: "u32" }),
    ...((logits === "span" || weights === "span") && { lengths: "u32" }),
  };
  const scores = input(0, "f32", 3).mul(scalar(0, "f32"));
  const offset = input(own, "u32", 1);
  const [query, key, reach] = [index(0, 1), index(1, 2), scalar(reachSlot, "u32")];
  const visible = [
    masked ? input(1, "u32", 3).compare("eq", 1) : undefined,
    packed ? input(own + 1, "u32", 3).compare("eq", offset) : undefined,
    causal ? key.compare("le", query) : undefined,
    windowed ? query.compare("lt", addWords(key, reach)) : undefined,
    windowed && !causal ? key.compare("lt", addWords(query, reach)) : undefined,
  ].reduce(and);
  // A key that is seen is one of the query's own example.
  const placed = (coordinate: Word, stride: Word) =>
    packed ? inExample(coordinate, offset, stride) : coordinate;
  const mask = (kind: "independent" | "span", site: 0 | 1): Bool =>
    dropped(kind === "span", {
      example: input(example, "u32", 1),
      length: input(example + 1, "u32", 1),
      position: kind === "span"
        ? placed(index(1, 2), word(1))
        : placed(index(2 + 2 * site, 3), scalar(factorSlot + 1 + site, "u32")),
      run: index(3 + 2 * site, 1),
      slot: 1 + site * maskScalars,
    });
  const keep = logits === "none" ? visible : fallback(visible, mask(logits, 0));
  if (scaled === true && weights !== "none") {
    // No row falls back: one whose keys are all dropped is zero, as in ordinary dropout.
    const drop = mask(weights, 1);
    const factor = select(drop, float(0), scalar(factorSlot, "f32"));
    return rowwise("attentionWeights", kinds, [maskedSoftmaxOf(scores, keep).softmax.mul(factor)]);
  }
  const remaining = weights === "none" ? keep : fallback(keep, mask(weights, 1));
  const dropping = maskedSoftmaxOf(scores, remaining);
  if (weights === "none" || !noGrad) {
    // Derivation would repeat the exponentials; this reads the result alone.
    return rowwise("attentionWeights", kinds, [dropping.softmax], ([g], [y]) => {
      return [y!.mul(g!.sub(rowSum(g!.mul(y!)))).mul(scalar(0, "f32"))];
    });
  }
  // Eq. 2 divides by a sum that may underflow. The same function and the same gradient,
  // w'(1 + log w - NoGrad(log w)), divides by nothing small: its factor is exactly 1.
  const before = maskedSoftmaxOf(scores, keep);
  const result = stop(dropping.softmax).mul(before.log.sub(stop(before.log)).add(1));
  const saved = [dropping.peak, dropping.total, before.peak, before.total];
  return rowwise("attentionWeights", kinds, [result, ...saved]);
}

/** Keys that stay; a row that would lose all its visible keys ignores the drop. */
function fallback(visible: Bool | undefined, drop: Bool): Bool {
  const keep = visible === undefined ? drop.not() : visible.and(drop.not());
  const any = float(0).compare("lt", rowMax(select(keep, float(1), float(0))));
  const all: Expr<"bool"> = visible ?? float(0).compare("lt", 1);
  return select(any, keep, all);
}

function and(a: Bool | undefined, b: Bool | undefined): Bool | undefined {
  return a === undefined || b === undefined ? a ?? b : a.and(b);
}

/** What {@linkcode attentionWeights} needs beside the scores. */
export interface AttentionOptions {
  /** Factor of the scores, usually 1/√size. */
  readonly scale: number;
  /** Whether keys after the query are invisible. */
  readonly causal: boolean;
  /** Tokens from which on a key is too far from the query to be seen; absent where none is. */
  readonly window?: number | undefined;
  /** 1 for each visible key, `[batch, keys]` or `[batch, queries, keys]`. */
  readonly mask?: Tensor | undefined;
  /**
   * Place in its row at which the example of each token begins, `[batch, tokens]`: a query sees the keys
   * of its own example alone. Absent where each row is one example.
   */
  readonly offsets?: Tensor | undefined;
  /** DropKey: what is dropped of the scores. */
  readonly logits?: ActiveSite | undefined;
  /** DropAttention: what is dropped of the weights. */
  readonly weights?: ActiveSite | undefined;
  /** Longest sequence of the model: the stride of padded axes in a mask. */
  readonly maximum: number;
}

/**
 * Attention weights of a batch.
 *
 * **Shapes**: scores `[batch, keyHeads, group, queries, keys]`, unchanged.
 * **Source**: Eq. 1-3 of "LoRA Meets Dropout under a Unified Framework".
 *
 * @throws {ShapeError} If the scores have other than five axes, or the mask does not fit them
 */
export function attentionWeights(scores: Tensor, options: AttentionOptions): Tensor {
  const [batch, , group, queries, keys] = scores.shape as [number, number, number, number, number];
  const { scale, causal, mask, offsets, logits, weights, maximum, window = 0 } = options;
  checkAttention(shapeOf("attentionWeights", scores, "scores"), mask);
  const op = attentionWeightsOp({
    causal: causal && queries > 1,
    masked: mask !== undefined,
    logits: structureOf(logits),
    weights: structureOf(weights),
    noGrad: weights?.site.nograd ?? true,
    scaled: weights?.site.rescale !== undefined,
    packed: offsets !== undefined,
    windowed: narrows(options, keys),
  });
  const inputs = [scores];
  const drawing = (logits ?? weights)?.dropout;
  const spans = [logits, weights].some((active) => active?.site.structure === "span");
  const ofQueries = [batch, 1, 1, offsets === undefined ? 1 : queries, 1];
  if (mask !== undefined) {
    inputs.push(reshape(mask, [batch, 1, 1, mask.shape.length === 2 ? 1 : queries, keys]));
  }
  if (offsets !== undefined) {
    inputs.push(reshape(offsets, ofQueries), reshape(offsets, [batch, 1, 1, 1, keys]));
  }
  if (drawing !== undefined) inputs.push(reshape(drawing.examples, ofQueries));
  if (drawing !== undefined && spans) inputs.push(reshape(drawing.lengths, ofQueries));
  const factor = weights?.site.rescale === undefined ? 1 : survivorFactor(weights.site);
  const sites = [siteCoordinates(logits, group, maximum), siteCoordinates(weights, group, maximum)];
  const steps = sites.map(([{ strides }]) => strides[3]! + strides[4]!);
  return apply(op, inputs, {
    space: scores.shape,
    scalars: [scale, ...siteNumbers(logits), ...siteNumbers(weights), factor, ...steps, window],
    indices: [
      { offset: keys - queries, strides: [0, 0, 0, 1, 0] },
      { offset: 0, strides: [0, 0, 0, 0, 1] },
      ...sites.flat(),
    ],
  })[0]!;
}

/** Whether a window hides some of so many keys. */
export function narrows({ window }: Pick<AttentionOptions, "window">, keys: number): boolean {
  return window !== undefined && window < keys;
}

/**
 * Checks the shape of scores, and that a mask of visible keys fits them.
 *
 * @throws {ShapeError} If they have other than five axes, or it does not
 */
export function checkAttention(shape: readonly number[], mask: Tensor | undefined): void {
  const [batch, , , queries, keys] = shape;
  if (shape.length !== 5) {
    const required = "5 axes, [batch, keyHeads, group, queries, keys]";
    throw argumentError("attentionWeights", "scores", required, `[${shape}]`);
  }
  if (mask === undefined) return;
  const found = shapeOf("attentionWeights", mask, "mask");
  const fits = [[batch!, keys!], [batch!, queries!, keys!]].some((fit) => sameShape(found, fit));
  if (fits) return;
  const required = `[${batch},${keys}] or [${batch},${queries},${keys}]`;
  throw argumentError("attentionWeights", "mask", required, `[${found}]`);
}

function structureOf(active: ActiveSite | undefined): AttentionStructure["logits"] {
  if (active === undefined) return "none";
  return active.site.structure === "span" ? "span" : "independent";
}

/** Scalars of a site's mask, or as many zeros where it is not active. */
export function siteNumbers(active: ActiveSite | undefined): number[] {
  return active === undefined ? new Array<number>(maskScalars).fill(0) : maskNumbers(active);
}

/**
 * Coordinates of a mask element, and of its head, over `[batch, keyHeads, group, queries, keys]`.
 *
 * @param maximum Longest sequence of the model
 */
export function siteCoordinates(
  active: ActiveSite | undefined,
  group: number,
  maximum: number,
): readonly [Affine, Affine] {
  const perHead = active?.site.perHead ?? true;
  const element = active?.site.structure === "element";
  const head = (step: number) => perHead ? [0, group * step, step] : [0, 0, 0];
  const position = element ? [...head(maximum * maximum), maximum, 1] : [...head(maximum), 0, 1];
  return [{ offset: 0, strides: position }, { offset: 0, strides: [...head(1), 0, 0] }];
}
