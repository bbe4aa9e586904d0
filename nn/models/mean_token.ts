/**
 * The mean of a text's tokens.
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import { float, input, select, toFloat } from "../../core/expr.ts";
import { matmul } from "../../core/ops/matmul.ts";
import { rowwise } from "../../core/ops/rowwise.ts";
import { reshape } from "../../core/ops/view.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ForwardContext } from "../layers/forward_context.ts";

/** Weights of the tokens in the mean of a text: 0 where one is padding. */
const meanWeights = rowwise("meanWeights", { mask: "u32", lengths: "u32" }, [
  select(input(0, "u32", 3).compare("eq", 1), float(1).div(toFloat(input(1, "u32", 1))), float(0)),
]);

/** Weights of the tokens in the mean where all are real. */
const evenWeights = rowwise("evenWeights", { positions: "u32", lengths: "u32" }, [
  select(
    input(0, "u32", 3).compare("lt", input(1, "u32", 1)),
    float(1).div(toFloat(input(1, "u32", 1))),
    float(0),
  ),
]);

/** Mean of a text's hidden states, `[batch, tokens, width] -> [batch, width]`. */
export function meanToken(hidden: Tensor, { batch }: ForwardContext): Tensor {
  const [size, tokens, width] = hidden.shape as [number, number, number];
  const lengths = reshape(batch.lengths, [size, 1]);
  const weights = batch.mask === undefined
    ? apply(evenWeights, [batch.positions, lengths], {})[0]!
    : apply(meanWeights, [batch.mask, lengths], {})[0]!;
  return reshape(matmul(reshape(weights, [size, 1, tokens]), hidden), [size, width]);
}
