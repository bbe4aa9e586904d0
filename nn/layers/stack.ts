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
import type { PrefixStates } from "./shared_prefix.ts";
import { visibleTokens } from "./visible_tokens.ts";

/** What some models need of the way through their layers. */
export interface LayerOptions<Layer, Shared extends readonly Tensor[]> {
  /**
   * Computes what all layers need. They must read it as they are given it: a layer that is computed
   * again finds no other tensor of the pass.
   */
  readonly shared?: () => readonly [...Shared];
  /**
   * Last step of a layer, such as its norm. It is computed again with the layer that comes next, so
   * that what it needs is kept once and the product before it need not run again.
   */
  readonly finish?: (layer: Layer, x: Tensor) => Tensor;
}

/**
 * Runs layers one after the other, with input dropout before the first; tokens that it hides are
 * attended to in no layer. What the context shares with an earlier pass is not run again.
 *
 * @param embed Computes the embeddings, `[batch, tokens, width]`
 * @param forward Runs one layer in the context that it is given, `[batch, tokens, width]` unchanged
 * @returns Hidden states of the last layer; the context's trace gets those before each layer
 */
export function runLayers<Layer, Shared extends readonly Tensor[] = []>(
  layers: readonly Layer[],
  embed: () => Tensor,
  context: ForwardContext,
  forward: (layer: Layer, x: Tensor, context: ForwardContext, shared: Shared) => Tensor,
  options: LayerOptions<Layer, Shared> = {},
): Tensor {
  const { finish = (_, x) => x, shared: share = () => [] } = options;
  const guided = context.dropout?.plan.sites.some(({ start }) => start === "attention");
  const contextOf = (mask: Tensor | undefined): ForwardContext => ({
    ...context,
    ...(mask && { batch: { ...context.batch, mask } }),
    ...(guided && { spanStarts: [] }),
  });
  const recomputes = context.gradientCheckpointing === true && context.cache === undefined;
  const through = (some: readonly Layer[], { hidden, shared }: PrefixStates, visible?: Tensor) => {
    const given = [...shared, ...visible === undefined ? [] : [visible]];
    let x = hidden;
    let enter = (x: Tensor) => x;
    for (const layer of some) {
      const before = enter;
      context.trace?.push(before(x));
      const run = (x: Tensor, ...given: readonly Tensor[]) => {
        const mask = visible && given.at(-1);
        const own = given.slice(0, shared.length) as readonly Tensor[] as Shared;
        return forward(layer, before(x), contextOf(mask), own);
      };
      // The backward pass begins with the last layer: it would be computed twice in a row.
      if (recomputes && layer !== layers.at(-1)) {
        x = checkpoint([x, ...given], run);
        enter = (x) => finish(layer, x);
      } else {
        // What a layer made and no tape holds serves the next one: it stays in the GPU's cache.
        x = x.device.within("layer", () => finish(layer, run(x, ...given)));
        enter = (x) => x;
      }
    }
    return enter(x);
  };
  const common = context.sharedPrefix?.layers ?? 0;
  const begin = (): PrefixStates => {
    const shared = share();
    return { hidden: through(layers.slice(0, common), { hidden: embed(), shared }), shared };
  };
  const { hidden, shared } = context.sharedPrefix?.once(begin) ?? begin();
  const active = siteAt(context, "input", { path: "embeddings", layers: layers.length });
  const visible = visibleTokens(context.batch, active);
  return through(layers.slice(common), { hidden: dropWhere(hidden, active), shared }, visible);
}
