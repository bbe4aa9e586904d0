/**
 * Noise on the word embeddings, drawn inside the kernel that adds it: a function of the step's key,
 * the example's number and the coordinates, as masks are.
 *
 * **Source**: Jain et al. 2023, "NEFTune" (arXiv 2310.05914), and its repository neelsjain/NEFTune.
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import {
  addWords,
  draw,
  float,
  index,
  input,
  multiplyWords,
  scalar,
  select,
  shiftRight,
  toFloat,
  type Word,
  word,
} from "../../core/expr.ts";
import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { type RowOp, rowwise } from "../../core/ops/rowwise.ts";
import { reshape } from "../../core/ops/view.ts";
import { foldKey } from "../../core/random.ts";
import type { Tensor } from "../../core/tensor.ts";
import { inExample } from "./mask.ts";
import type { DropoutContext } from "./site.ts";

function noising(packed: boolean): RowOp {
  const length = input(2, "u32", 1);
  const inRow = (coordinate: Word, stride: Word) =>
    packed ? inExample(coordinate, input(3, "u32", 1), stride) : coordinate;
  const place = inRow(index(0, 3), scalar(3, "u32"));
  const drawn = draw([scalar(0, "u32"), scalar(1, "u32")], input(1, "u32", 1), place);
  // The middles of 2^23 equal parts of (-1, 1), which floats of 32 bits hold exactly.
  const middle = addWords(multiplyWords(shiftRight(drawn, 9), word(2)), word(1));
  const unit = toFloat(middle).mul(2 ** -23).sub(1);
  const noise = unit.mul(scalar(2, "f32").div(toFloat(length).unary("sqrt")));
  const real = inRow(index(1, 1), word(1)).compare("lt", length);
  const noisy = input(0, "f32", 3).add(select(real, noise, float(0)));
  const own = { x: "f32", examples: "u32", lengths: "u32" } as const;
  return rowwise("embeddingNoise", packed ? { ...own, offsets: "u32" } : own, [noisy]);
}
const noiseOps = [noising(false), noising(true)] as const;

/**
 * Checks the strength of the noise.
 *
 * @throws {OptionError} If it is no finite number of at least 0
 */
export function checkNeftuneAlpha(alpha: number | undefined): void {
  if (alpha === undefined || (alpha >= 0 && alpha < Infinity)) return;
  throw new OptionError(
    `Cannot add noise as neftuneAlpha requires a finite number of at least 0: found ${
      shown(alpha)
    }`,
  );
}

/**
 * Adds uniform noise in ±alpha/√(real tokens x width) to the word embeddings of real tokens, where
 * the plan says so. The paper's own training counts and changes real tokens alone; transformers'
 * hook, which has no mask, counts padding too.
 *
 * **Shapes**: `[batch, tokens, width]`, unchanged.
 *
 * @throws {OptionError} If the plan's alpha is no finite number of at least 0
 */
export function addEmbeddingNoise(x: Tensor, dropout: DropoutContext | undefined): Tensor {
  const alpha = dropout?.plan.neftuneAlpha;
  checkNeftuneAlpha(alpha);
  if (dropout === undefined || !alpha) return x;
  const [batch, tokens, width] = x.shape as [number, number, number];
  const { examples, lengths, offsets } = dropout;
  const words = [examples, lengths, ...offsets ? [offsets] : []]
    .map((list) => reshape(list, [batch, offsets ? tokens : 1, 1]));
  return apply(noiseOps[offsets ? 1 : 0], [x, ...words], {
    scalars: [...foldKey(dropout.key, "embeddings/noise"), alpha / Math.sqrt(width), width],
    indices: [{ offset: 0, strides: [0, width, 1] }, { offset: 0, strides: [0, 1, 0] }],
  })[0]!;
}
