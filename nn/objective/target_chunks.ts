/**
 * The output layer of a language model on some target tokens after the other, where the logits of all
 * would need too much memory.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { checkLabels, crossEntropy } from "../../core/ops/losses.ts";
import { concatenate, split } from "../../core/ops/slice.ts";
import { reshape } from "../../core/ops/view.ts";
import { sizeOf } from "../../core/shape.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { LanguageModel } from "../models/decoder.ts";
import type { Model } from "../models/model.ts";

/** How the target tokens of a batch are shared out. */
export interface TargetChunks {
  /** Model whose output layer runs on each chunk. */
  readonly head: LanguageModel;
  /** Target tokens of each chunk, in their order. */
  readonly sizes: readonly number[];
}

/**
 * Chunks of the target tokens of a batch; undefined where the logits of all may be held at once, or the
 * model or the batch has no target tokens.
 *
 * @param mostLogits Most logits that are held at once; one token's are in any case
 * @throws {OptionError} If they are not above 0
 */
export function targetChunks(
  model: Model,
  { batch: { rows, labels } }: ForwardContext,
  mostLogits = 2 ** 26,
): TargetChunks | undefined {
  if (!(mostLogits > 0)) {
    throw new OptionError(
      `Cannot train as mostLogits requires a number above 0: found ${shown(mostLogits)}`,
    );
  }
  if (!(model instanceof LanguageModel) || rows === undefined || labels === undefined) {
    return undefined;
  }
  const targets = sizeOf(rows.shape);
  const most = Math.max(1, Math.floor(mostLogits / model.config.vocabularySize));
  if (targets <= most || sizeOf(labels.shape) !== targets) return undefined;
  const size = Math.ceil(targets / Math.ceil(targets / most));
  const sizes = Array.from({ length: Math.ceil(targets / size) }, (_, i) => {
    return Math.min(size, targets - i * size);
  });
  return { head: model, sizes };
}

/** The context of a chunk, whose tokens the masks of the output layer follow (see `Batch.rowTokens`). */
export function ofChunk(context: ForwardContext, rowTokens: Tensor | undefined): ForwardContext {
  const { dropout } = context;
  return dropout === undefined ? context : { ...context, dropout: { ...dropout, rowTokens } };
}

/**
 * Cross-entropy of each target token of a batch that has labels, `[targets, 1]`. Outside of `gradient`
 * no more than `mostLogits` logits are held at once.
 *
 * @throws {IndexError} If a label is none of the classes
 * @throws {OptionError} If the most logits are not above 0
 */
export function targetLosses(model: Model, context: ForwardContext, mostLogits?: number): Tensor {
  const labels = context.batch.labels!;
  const chunks = targetChunks(model, context, mostLogits);
  if (chunks === undefined) return crossEntropy(model.forward(context).logits, labels);
  const { head, sizes } = chunks;
  checkLabels(labels, head.config.vocabularySize);
  const [states, chosen] = [head.targetStates(context), reshape(labels, [-1])]
    .map((rows) => split(rows, 0, sizes)) as [Tensor[], Tensor[]];
  const tokens = context.dropout?.rowTokens && split(context.dropout.rowTokens, 1, sizes);
  const losses = sizes.map((_, i) =>
    states[i]!.device.within("losses of some tokens", () => {
      const logits = head.outputLayer(states[i]!, ofChunk(context, tokens?.[i]));
      return crossEntropy(logits, chosen[i]!);
    })
  );
  return concatenate(losses, 0);
}
