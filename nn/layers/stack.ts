/**
 * The way of hidden states through the layers of a model.
 *
 * @module
 */

import type { Tensor } from "../../core/tensor.ts";
import { dropWhere } from "../dropout/mask.ts";
import { siteAt } from "../dropout/site.ts";
import type { ForwardContext } from "./forward_context.ts";

/**
 * Runs layers one after the other, with input dropout before the first.
 *
 * @param embedded `[batch, tokens, width]`
 * @param forward Runs one layer, `[batch, tokens, width]` unchanged
 * @returns Hidden states of the last layer; the context's trace gets those before each layer
 */
export function runLayers<Layer>(
  layers: readonly Layer[],
  embedded: Tensor,
  context: ForwardContext,
  forward: (layer: Layer, x: Tensor) => Tensor,
): Tensor {
  const place = { path: "embeddings", layers: layers.length };
  let x = dropWhere(embedded, siteAt(context, "input", place));
  for (const layer of layers) {
    context.trace?.push(x);
    // What a layer made and no tape holds serves the next one: it stays in the GPU's cache.
    x = x.device.within("layer", () => forward(layer, x));
  }
  return x;
}
