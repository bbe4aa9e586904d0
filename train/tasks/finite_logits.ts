/**
 * Logits on the host, held to be finite: no prediction is made of NaN.
 *
 * @module
 */

import { NumericError } from "../../core/errors.ts";
import { firstNonFinite } from "../../core/finite.ts";
import type { Device } from "../../core/device.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ForwardContext } from "../../nn/layers/forward_context.ts";
import type { Model } from "../../nn/models/model.ts";

type Floats = Float32Array | Float64Array;

/**
 * Logits of a batch, row-major.
 *
 * @param name What messages call an example, by its place in the batch
 * @throws {NumericError} If one is NaN or infinite
 */
export async function finiteLogits(
  model: Model,
  device: Device,
  context: ForwardContext,
  name: (row: number) => string,
): Promise<Floats> {
  const logits = await model.forward(context).logits.read() as Floats;
  const at = firstNonFinite(logits);
  if (at < 0) return logits;
  const row = Math.floor(at / (logits.length / context.batch.size));
  throw new NumericError(
    `Cannot use the logits of ${name(row)} as they must be finite: found ${logits[at]}, ` +
      `which begins in ${await whereNonFinite(model, device, context)}`,
  );
}

/** The first part of a model whose hidden states are not finite, in words. */
export async function whereNonFinite(
  model: Model,
  device: Device,
  context: ForwardContext,
): Promise<string> {
  using _scope = device.scope("where");
  const trace: Tensor[] = [];
  model.forward({ ...context, trace });
  for (const [place, hidden] of trace.entries()) {
    if (firstNonFinite(await hidden.read() as Floats) < 0) continue;
    return place === 0 ? "the embeddings" : `layer ${place - 1}`;
  }
  return "the head";
}
