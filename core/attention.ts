/**
 * Attention as one operation, on backends that run it as one program: weights are computed anew in the
 * backward pass. Derivatives of its gradient are those of the operations it is composed of.
 *
 * @module
 */

import { apply } from "./apply.ts";
import type { Affine, Binding, Bound } from "./backend.ts";
import type { Device } from "./device.ts";
import { byFlags } from "./flags.ts";
import { gradient } from "./gradient.ts";
import { type Gradients, gradientType, type Op, type Recorded, resultType } from "./op.ts";
import { add, mul } from "./ops/elementwise.ts";
import { sum } from "./ops/reduce.ts";
import { contiguous } from "./ops/view.ts";
import { type AttentionMasks, type AttentionProgram, attentionProgram } from "./program.ts";
import { Value } from "./storage.ts";
import type { Tensor } from "./tensor.ts";

/** Passes over the same masks. */
export type AttentionPasses = Readonly<Record<AttentionProgram["pass"], AttentionProgram>>;

/** What varies between two runs. */
export interface AttentionAttributes {
  /** Programs of the masks. */
  readonly passes: AttentionPasses;
  /** Numbers of the masks by slot, the scores' factor among them. */
  readonly scalars: readonly number[];
  /** Indices of the masks by slot, over `[batch, keyHeads, group, queries, keys]`. */
  readonly indices: readonly Affine[];
  /** The same by other operations. */
  readonly composed: (query: Tensor, key: Tensor, value: Tensor) => Tensor;
}

/** Makes the programs of all passes. */
export function attentionPasses(masks: AttentionMasks): AttentionPasses {
  return {
    forward: attentionProgram("forward", masks),
    queries: attentionProgram("queries", masks),
    keys: attentionProgram("keys", masks),
    gradient: attentionProgram("gradient", masks),
  };
}

/** Joined heads copy nothing when they lie like this: batch, queries, key heads, group, size. */
const resultOrder = [0, 3, 1, 2, 4];

/** Size of each axis, `[batch, keyHeads, group, queries, keys, size]`. */
function spaceOf(query: readonly number[], key: readonly number[]): number[] {
  return [...query.slice(0, 4), key[3]!, query[4]!];
}

/** A tensor of queries or keys over the space. */
function headBound(value: Value, rows: 3 | 4): Bound {
  const { strides, shape } = value;
  const [batch, head, group, row, unit] = strides.map((step, axis) => shape[axis] === 1 ? 0 : step);
  const steps = [batch!, head!, group!, rows === 3 ? row! : 0, rows === 4 ? row! : 0];
  return { ...value.bound(), strides: [...steps, shape[4] === 1 ? 1 : unit!] };
}

/** Values of rows, which the backend finds by itself: they lie in one piece. */
function rowBound(value: Value): Bound {
  return { ...value.bound(), strides: [0, 0, 0, 0, 0, 0] };
}

/** What all passes have behind their own operands. */
function masksOf(
  space: readonly number[],
  leaves: readonly Value[],
  { scalars, indices }: AttentionAttributes,
): Pick<Binding, "indices" | "scalars"> & { readonly inputs: readonly Bound[] } {
  const bounds = leaves.map((value) => {
    const bound = value.bound(space.slice(0, 5));
    return { ...bound, strides: [...bound.strides, 0] };
  });
  return { inputs: bounds, scalars, indices };
}

/** Memory for one number a row, or several. */
function rowMemory({ backend }: Device, query: readonly number[], values?: number): Value {
  const rows = query.slice(0, 4);
  return Value.allocate(backend, "f32", values === undefined ? rows : [values, ...rows]);
}

/** The forward pass over values, with where its results go. */
function forwardBinding(
  [query, key, value, ...leaves]: readonly Value[],
  attributes: AttentionAttributes,
  [result, rows]: readonly [Value, Value],
): Binding {
  const space = spaceOf(query!.shape, key!.shape);
  const { inputs, ...rest } = masksOf(space, leaves, attributes);
  return {
    space,
    inputs: [headBound(query!, 3), headBound(key!, 4), headBound(value!, 4), ...inputs],
    outputs: [headBound(result, 3), rowBound(rows)],
    ...rest,
  };
}

/**
 * Queries, keys, values and what masks read -> the result, and values of its rows for the gradient.
 */
const attentionOp: Op<AttentionAttributes> = {
  name: "attention",
  launch(device, values, attributes) {
    const { backend } = device;
    const { forward } = attributes.passes;
    const [query] = values as [Value];
    const stored = resultType(device, values, query.shape, backend.activations);
    const result = Value.allocate(backend, stored, query.shape, resultOrder);
    const rows = rowMemory(device, query.shape, backend.attention!.rowValues(forward));
    const binding = forwardBinding(values, attributes, [result, rows]);
    backend.attention!.run(forward, binding);
    return [result, rows];
  },
  vjp(recorded, [g]) {
    if (g === undefined) return [];
    const { attributes, device, shapes, needsGradient } = recorded;
    const [query, key, value, ...leaves] = shapes.map((_, i) => recorded.input(i));
    const inputs = [query!, key!, value!, g, recorded.output(1), recorded.output(0), ...leaves];
    const given = { ...attributes, orders: [0, 1, 2].map((i) => recorded.order(i)), needsGradient };
    if (!fitsGradient(device, inputs, given)) inputs[3] = contiguous(g);
    return apply(gradientOp, inputs, given, device);
  },
};

/** What the gradient is told beside. */
interface GradientAttributes extends AttentionAttributes {
  /** Axes of queries, keys and values in the order of memory. */
  readonly orders: readonly (readonly number[])[];
  readonly needsGradient: readonly boolean[];
}

/** A pass of the gradient; `beside` is the result, or the products of it and its gradient, if it reads one. */
function gradientBinding(
  values: readonly Value[],
  attributes: AttentionAttributes,
  beside: readonly Bound[],
  outputs: readonly Bound[],
): Binding {
  const [query, key, value, g, rows, , ...leaves] = values as Value[];
  const space = spaceOf(query!.shape, key!.shape);
  const { inputs, ...rest } = masksOf(space, leaves, attributes);
  const own = [headBound(query!, 3), headBound(key!, 4), headBound(value!, 4), headBound(g!, 3)];
  return { space, inputs: [...own, rowBound(rows!), ...beside, ...inputs], outputs, ...rest };
}

/** Whether the gradient runs over the cotangent as it lies in memory. */
function fitsGradient(
  { backend }: Device,
  inputs: readonly Tensor[],
  attributes: AttentionAttributes,
): boolean {
  const values = inputs.map(({ value }) => value);
  const result = headBound(values[5]!, 3);
  const outputs = [headBound(values[0]!, 3), rowBound(values[4]!)];
  const binding = gradientBinding(values, attributes, [result], outputs);
  return backend.attention!.fits(attributes.passes.queries, binding);
}

/**
 * Queries, keys, values, cotangent, row values, result and what masks read -> gradients of the first
 * three. Row values and result are functions of these, and so have no gradient of their own.
 */
const gradientOp: Op<GradientAttributes> = {
  name: "attention.vjp",
  launch(device, values, attributes) {
    const { backend } = device;
    const { passes, orders, needsGradient } = attributes;
    const gradients = [0, 1, 2].map((i) => {
      const { dtype, shape } = values[i]!;
      return Value.allocate(backend, gradientType(device, dtype), shape, orders[i]);
    });
    const [query, key, value] = gradients as [Value, Value, Value];
    const [ofQueries, ofKeys] = [[headBound(query, 3)], [headBound(key, 4), headBound(value, 4)]];
    const ofAll = gradientBinding(values, attributes, [], [...ofQueries, ...ofKeys]);
    const needsKeys = needsGradient[1] || needsGradient[2];
    if (needsKeys && backend.attention!.fits(passes.gradient, ofAll)) {
      backend.attention!.run(passes.gradient, ofAll);
      return gradients;
    }
    const products = rowMemory(device, query.shape);
    products.storage.retain();
    const run = (program: AttentionProgram, beside: Bound, outputs: readonly Bound[]) =>
      backend.attention!.run(program, gradientBinding(values, attributes, [beside], outputs));
    run(passes.queries, headBound(values[5]!, 3), [...ofQueries, rowBound(products)]);
    if (needsKeys) run(passes.keys, rowBound(products), ofKeys);
    products.storage.release();
    return gradients;
  },
  vjp: secondOrder,
  saves: byFlags((needsGradient) => ({
    inputs: needsGradient.map((_, i) => i < 4),
    outputs: [false, false, false],
  })),
};

/** The gradient's gradient, by the operations that attention is composed of. */
function secondOrder(
  { attributes: { composed }, input, device }: Recorded<GradientAttributes>,
  cotangents: Gradients,
): Gradients {
  const own = [0, 1, 2, 3].map((i) => input(i));
  const [query, key, value, g] = own as [Tensor, Tensor, Tensor, Tensor];
  const run = () => {
    const first = gradient(
      () => sum(mul(composed(query, key, value), g)),
      [query, key, value],
      device,
    );
    const parts = first.gradients.flatMap((gradient, i) => {
      const cotangent = cotangents[i];
      return gradient === undefined || cotangent === undefined
        ? []
        : [sum(mul(gradient, cotangent))];
    });
    return parts.reduce((total, part) => add(total, part));
  };
  return gradient(run, own, device).gradients;
}

/** Whether a tensor's backend runs attention as one program, if it fits. */
export function mayFuse(x: Tensor): boolean {
  return x.device.backend.attention !== undefined;
}

/**
 * Attention in one operation, or nothing where the backend does not run it as one.
 *
 * **Shapes**: query `[batch, keyHeads, group, queries, size]`, key and value `[batch, keyHeads, 1, keys,
 * size]` -> the query's. Tensors of masks broadcast to `[batch, keyHeads, group, queries, keys]`.
 *
 * @param leaves What the masks read by `input`, in the order of their slots
 */
export function fusedAttention(
  [query, key, value]: readonly [Tensor, Tensor, Tensor],
  leaves: readonly Tensor[],
  attributes: AttentionAttributes,
): Tensor | undefined {
  const { device } = query;
  const { attention } = device.backend;
  if (attention === undefined) return undefined;
  const inputs = [query, key, value, ...leaves];
  const values = inputs.map((x) => x.valueFor("attention"));
  // The result lies in one piece, as the query may not.
  const likely = { ...headBound(values[0]!, 3), offset: 0 };
  const binding = forwardBinding(values, attributes, [values[0]!, values[0]!]);
  if (!attention.fits(attributes.passes.forward, { ...binding, outputs: [likely, likely] })) {
    return undefined;
  }
  return apply(attentionOp, inputs, attributes)[0]!;
}
