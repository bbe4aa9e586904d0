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

/** Weights of the tokens in the mean of a text: 0 of padding, which stands behind it. */
const meanWeights = rowwise("meanWeights", { positions: "u32", lengths: "u32" }, [
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
  const weights = apply(meanWeights, [batch.positions, lengths], {})[0]!;
  return reshape(matmul(reshape(weights, [size, 1, tokens]), hidden), [size, width]);
}
