/**
 * What decides the masks of a pass over a batch: of all of its tokens, or of those that alone reach the
 * output layer.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { split } from "../../core/ops/slice.ts";
import { reshape } from "../../core/ops/view.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Batch } from "../layers/batch.ts";
import type { DropoutContext } from "./site.ts";

/**
 * What decides the masks of a pass over a batch.
 *
 * @param pass Which of the two passes that a step may compare
 * @throws {OptionError} If the examples of the batch have no numbers
 */
export function dropoutOf(
  { examples, lengths, offsets, rowTokens }: Batch,
  { plan, key }: Pick<DropoutContext, "plan" | "key">,
  pass: 0 | 1 = 0,
): DropoutContext {
  if (examples === undefined) {
    throw new OptionError("Cannot drop from a batch without the numbers of its examples");
  }
  return { plan, key, examples: examples[pass], lengths, offsets, rowTokens: rowTokens?.[pass] };
}

/**
 * What decides the masks of the tokens that reach the output layer, as rows of one token each: they are
 * those that the tokens would have among all of their example.
 *
 * @throws {OptionError} If the tokens are not numbered
 */
export function ofRowTokens({ plan, key, rowTokens }: DropoutContext): DropoutContext {
  if (rowTokens === undefined) {
    throw new OptionError(
      "Cannot drop in an output layer without rowTokens",
    );
  }
  const [examples, lengths, offsets] = split(rowTokens, 0, [1, 1, 1])
    .map((words) => reshape(words, [-1, 1])) as [Tensor, Tensor, Tensor];
  return { plan, key, examples, lengths, offsets };
}
