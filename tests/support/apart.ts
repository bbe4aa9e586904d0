import type { ForwardContext } from "../../nn/layers/forward_context.ts";
import type { Model } from "../../nn/models/model.ts";

/** A model whose passes have nothing in common: each runs all of it. */
export function apart(model: Model): Model {
  return Object.assign(Object.create(model) as Model, {
    forward({ sharedPrefix: _, ...context }: ForwardContext) {
      return model.forward(context);
    },
  });
}
