/**
 * The parts of a feed-forward module: activations, fused with products where that can be, and
 * HiddenCut.
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import type { Float } from "../../core/expr.ts";
import { geluOf, geluTanhOf, reluOf, siluOf } from "../../core/activations.ts";
import { add, gelu, geluTanh, mul, relu, silu } from "../../core/ops/elementwise.ts";
import { fusedMatmul } from "../../core/ops/matmul.ts";
import type { Tensor } from "../../core/tensor.ts";
import { dropHidden } from "../dropout/drop_hidden.ts";
import { type LayerPlace, siteAt } from "../dropout/site.ts";
import { Linear, type Projection } from "./linear.ts";
import type { ForwardContext } from "./forward_context.ts";

/** Activation of the feed-forward module. */
export type Activation = "gelu" | "gelu_new" | "silu" | "relu";

/** Activations by the names that config.json may give them. */
export const activationNames: Readonly<Record<string, Activation>> = {
  gelu: "gelu",
  gelu_new: "gelu_new",
  gelu_pytorch_tanh: "gelu_new",
  silu: "silu",
  swish: "silu",
  relu: "relu",
};

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

/** The programs of each activation. */
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

/**
 * The output of the module without the residual, with HiddenCut behind it, or before its last layer, where
 * it is active.
 *
 * @param project Runs the last layer, and what belongs to it
 */
export function dropOutput(
  project: (inner: Tensor) => Tensor,
  inner: Tensor,
  context: ForwardContext,
  place: LayerPlace,
): Tensor {
  const active = siteAt(context, "hidden", place);
  if (active === undefined) return project(inner);
  const drop = (x: Tensor) => dropHidden(x, active, context.spanStarts?.[place.layer!]);
  return active.site.point === "inner" ? project(drop(inner)) : drop(project(inner));
}

/**
 * The last linear layer of the module and the residual, with HiddenCut between them, or before the
 * layer, where it is active.
 *
 * **Shapes**: inner `[batch, tokens, intermediate]`, residual `[batch, tokens, width]`, unchanged.
 */
export function downProject(
  output: Projection,
  inner: Tensor,
  residual: Tensor,
  context: ForwardContext,
  place: LayerPlace,
): Tensor {
  const active = siteAt(context, "hidden", place);
  const isBehind = active !== undefined && active.site.point !== "inner";
  return isBehind
    ? add(dropOutput((x) => output.forward(x, context), inner, context, place), residual)
    : dropOutput((x) => output.forward(x, context, residual), inner, context, place);
}
