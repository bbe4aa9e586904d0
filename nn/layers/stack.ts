/**
 * The way of hidden states through the layers of a model.
 *
 * @module
 */

import { checkpoint } from "../../core/checkpoint.ts";
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
 * @param shared What this pass computed for all layers: they must read it as `forward` is given it, as
 * a layer that is computed again finds no other tensor of the pass
 * @returns Hidden states of the last layer; the context's trace gets those before each layer
 */
export function runLayers<Layer, Shared extends readonly Tensor[] = []>(
  layers: readonly Layer[],
  embedded: Tensor,
  context: ForwardContext,
  forward: (layer: Layer, x: Tensor, context: ForwardContext, shared: Shared) => Tensor,
  shared: readonly [...Shared] = [] as readonly Tensor[] as Shared,
): Tensor {
  const place = { path: "embeddings", layers: layers.length };
  const active = siteAt(context, "input", place);
  let x = dropWhere(embedded, active);
  const visible = visibleTokens(context.batch, active);
  const guided = context.dropout?.plan.sites.some(({ start }) => start === "attention");
  const contextOf = (mask: Tensor | undefined): ForwardContext => ({
    ...context,
    ...(mask && { batch: { ...context.batch, mask } }),
    ...(guided && { spanStarts: [] }),
  });
  const masks = visible === undefined ? [] : [visible];
  const recomputes = context.gradientCheckpointing === true && context.cache === undefined;
  for (const layer of layers) {
    context.trace?.push(x);
    const run = (x: Tensor, ...rest: readonly Tensor[]) => {
      const inner = contextOf(visible && rest.at(-1));
      return forward(layer, x, inner, rest.slice(0, shared.length) as readonly Tensor[] as Shared);
    };
    // What a layer made and no tape holds serves the next one: it stays in the GPU's cache.
    x = recomputes
      ? checkpoint([x, ...shared, ...masks], run)
      : x.device.within("layer", () => run(x, ...shared, ...masks));
  }
  return x;
}
