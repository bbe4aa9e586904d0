/**
 * Activations, and the places inside a feed-forward module where HiddenCut acts.
 *
 * @module
 */

import { gelu, geluTanh, relu, silu } from "../core/ops/elementwise.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Activation } from "./config.ts";
import { dropWhere } from "./drop.ts";
import { type Pass, siteAt } from "./pass.ts";

const table: Record<Activation, (x: Tensor) => Tensor> = {
  gelu,
  gelu_new: geluTanh,
  silu,
  relu,
};

/** Applies an activation by its name in config.json. */
export function activate(name: Activation, x: Tensor): Tensor {
  return table[name](x);
}

/** HiddenCut, where it is active at this point of this layer. */
export function hiddenCut(
  x: Tensor,
  point: "inner" | "output",
  pass: Pass,
  layer: number,
  layers: number,
): Tensor {
  const active = siteAt(pass, "hidden", `layer.${layer}`, layer, layers);
  return (active?.site.point ?? "output") === point ? dropWhere(x, active) : x;
}
