/**
 * The way of hidden states through the layers of a model.
 *
 * @module
 */

import type { Tensor } from "../../core/tensor.ts";
import { dropWhere } from "../dropout/drop_hidden.ts";
import { siteAt } from "../dropout/site.ts";
import type { ForwardContext } from "./forward_context.ts";
import { visibleTokens } from "./visible_tokens.ts";

/**
 * Runs layers one after the other, with input dropout before the first; tokens that it hides are
 * attended to in no layer.
 *
 * @param embedded `[batch, tokens, width]`
 * @param forward Runs one layer in the context that it is given, `[batch, tokens, width]` unchanged
 * @returns Hidden states of the last layer; the context's trace gets those before each layer
 */
export function runLayers<Layer>(
  layers: readonly Layer[],
  embedded: Tensor,
  context: ForwardContext,
  forward: (layer: Layer, x: Tensor, context: ForwardContext) => Tensor,
): Tensor {
  const place = { path: "embeddings", layers: layers.length };
  const active = siteAt(context, "input", place);
  let x = dropWhere(embedded, active);
  const mask = visibleTokens(context.batch, active);
  const guided = context.dropout?.plan.sites.some(({ start }) => start === "attention");
  const inner: ForwardContext = {
    ...context,
    ...(mask && { batch: { ...context.batch, mask } }),
    ...(guided && { spanStarts: [] }),
  };
  for (const layer of layers) {
    context.trace?.push(x);
    // What a layer made and no tape holds serves the next one: it stays in the GPU's cache.
    x = x.device.within("layer", () => forward(layer, x, inner));
  }
  return x;
}
