/**
 * Activations, and the places inside a feed-forward module where HiddenCut acts.
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import type { Float } from "../../core/expr.ts";
import { geluOf, geluTanhOf, reluOf, siluOf } from "../../core/activations.ts";
import { add, gelu, geluTanh, mul, relu, silu } from "../../core/ops/elementwise.ts";
import { fusedMatmul } from "../../core/ops/matmul.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Activation } from "../models/config.ts";
import { dropWhere } from "../dropout/mask.ts";
import { Linear, type Projection } from "./linear.ts";
import { type ForwardContext, siteAt } from "./forward_context.ts";

/**
 * Of an activation: its operation, those of a product, and a product plus bias, that end in it, and
 * that of a product times the activation of a gate.
 */
const entry = (alone: (x: Tensor) => Tensor, f: (x: Float) => Float) => ({
  alone,
  product: fusedMatmul(`matmul, ${f.name}`, 0, f),
  biased: fusedMatmul(`matmulAdd, ${f.name}`, 1, (product, bias) => f(product.add(bias!))),
  gated: fusedMatmul(`matmul, gated ${f.name}`, 1, (product, gate) => f(gate!).mul(product)),
});

/** By their names in config.json. */
export const activations: Readonly<Record<Activation, ReturnType<typeof entry>>> = {
  gelu: entry(gelu, geluOf),
  gelu_new: entry(geluTanh, geluTanhOf),
  silu: entry(silu, siluOf),
  relu: entry(relu, reluOf),
};

/** A linear layer and its activation: one program where the layer is a plain one. */
export function activated(
  name: Activation,
  layer: Projection,
  x: Tensor,
  context: ForwardContext,
): Tensor {
  const { alone, product, biased } = activations[name];
  if (!(layer instanceof Linear)) return alone(layer.forward(x, context));
  return layer.bias === undefined
    ? apply(product, [x, layer.matrix()], {})[0]!
    : apply(biased, [x, layer.matrix(), layer.bias.value], {})[0]!;
}

/** `activation(gate)` times a linear layer: one program where the layer is a plain one. */
export function gated(
  name: Activation,
  gate: Tensor,
  layer: Projection,
  x: Tensor,
  context: ForwardContext,
): Tensor {
  const { alone, gated } = activations[name];
  return layer instanceof Linear && layer.bias === undefined
    ? apply(gated, [x, layer.matrix(), gate], {})[0]!
    : mul(alone(gate), layer.forward(x, context));
}

/** HiddenCut, where it is active at this point of this layer. */
export function hiddenCut(
  x: Tensor,
  point: "inner" | "output",
  context: ForwardContext,
  layer: number,
  layers: number,
): Tensor {
  const active = cutAt(point, context, layer, layers);
  return active === undefined ? x : dropWhere(x, active);
}

/** The last linear layer of the module, HiddenCut of its result where it is active, the residual. */
export function outputCut(
  output: Projection,
  inner: Tensor,
  residual: Tensor,
  context: ForwardContext,
  layer: number,
  layers: number,
): Tensor {
  const active = cutAt("output", context, layer, layers);
  if (active === undefined) return output.forward(inner, context, residual);
  return add(dropWhere(output.forward(inner, context), active), residual);
}

function cutAt(point: "inner" | "output", context: ForwardContext, layer: number, layers: number) {
  const active = siteAt(context, "hidden", `layer.${layer}`, layer, layers);
  return (active?.site.point ?? "output") === point ? active : undefined;
}
