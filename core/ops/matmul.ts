/**
 * Batched matrix products with an epilogue. The gradients of the product are by hand, those of the
 * epilogue are derived; the product itself is saved only where the epilogue's gradient reads it.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { argumentError, argumentsOf } from "../arguments.ts";
import { ShapeError } from "../errors.ts";
import { shown } from "../excerpt.ts";
import { type Float, input, scalar } from "../expr.ts";
import type { Device } from "../device.ts";
import { type StoredFloat, viewAs } from "../dtype.ts";
import { byFlags } from "../flags.ts";
import { allocateResult, floatOf, type Op, type Recorded, resultType } from "../op.ts";
import { type MatmulProgram, matmulProgram } from "../program.ts";
import { checkInteger, checkNumber } from "../numbers.ts";
import { broadcast, broadcastsTo, sameShape } from "../shape.ts";
import { Value } from "../storage.ts";
import { shapeOf, type Tensor } from "../tensor.ts";
import { add } from "./elementwise.ts";
import { type RowAttributes, rowwise, sumTo } from "./rowwise.ts";
import { reshape, transpose } from "./view.ts";

/** What varies between two runs of the same product. */
export interface MatmulAttributes {
  /** Numbers that the epilogue reads, by slot. */
  readonly scalars?: readonly number[];
  /** Axes of the result in the order of memory, the slowest first; row-major where absent. */
  readonly order?: readonly number[] | undefined;
  /** Element type of the result, which is an activation where absent. */
  readonly dtype?: StoredFloat | undefined;
  /** Where the result is written; memory of its own where absent. */
  readonly into?: Value | undefined;
}

/**
 * Declares `epilogue(A·B, …extras)`.
 *
 * @param extras How many further inputs broadcast to the result
 */
export function fusedMatmul(
  name: string,
  extras: number,
  epilogue: (product: Float, ...extras: Float[]) => Float,
): Op<MatmulAttributes> {
  const leaves = Array.from({ length: extras + 1 }, (_, slot) => input(slot, "f32", 3));
  const result = epilogue(leaves[0]!, ...leaves.slice(1));
  const plain = result === leaves[0];
  // A factor of the product is one of its gradients too.
  const scaled = result === leaves[0]!.mul(scalar(0, "f32"));
  const after = rowwise(`${name}.epilogue`, leaves.map(() => "f32" as const), [result]);
  const saves = !plain && after.saves!(leaves.map(() => true)).inputs[0]!;
  const kinds = ["f32", "f32", ...leaves.slice(1).map(() => "f32" as const)] as const;
  const program = matmulProgram(kinds, saves ? [result, leaves[0]!] : [result]);
  return {
    name,
    takes: argumentsOf(kinds),
    launch: (device, inputs, attributes) => launch(name, program, device, inputs, attributes),
    vjp(recorded, [g, direct]) {
      const { needsGradient } = recorded;
      const shape = (g ?? direct)!.shape;
      const [through, ...rest] = plain || scaled || g === undefined
        ? [g]
        : after.vjp!(epilogueRecord(recorded, shape, g.dtype as StoredFloat), [g]);
      // A saved product has a gradient of its own in a second derivative.
      const gp = through !== undefined && direct !== undefined
        ? add(through, direct)
        : through ?? direct;
      return [
        needsGradient[0]
          ? gradientOf(recorded, 0, gp!, transpose(recorded.input(1)), scaled)
          : undefined,
        needsGradient[1] ? gradientOfB(recorded, recorded.input(0), gp!, scaled) : undefined,
        ...rest,
      ];
    },
    saves: byFlags((needsGradient) => {
      const needs = plain || scaled
        ? { inputs: [false], outputs: [false] }
        : after.saves!([needsGradient[0]! || needsGradient[1]!, ...needsGradient.slice(2)]);
      return {
        inputs: [needsGradient[1]!, needsGradient[0]!, ...needs.inputs.slice(1)],
        outputs: [needs.outputs[0]!, needs.inputs[0]!],
      };
    }),
  };
}

/** Runs the program on a batch of products; its extras are all inputs behind the first two. */
function launch(
  name: string,
  program: MatmulProgram,
  device: Device,
  inputs: readonly Value[],
  { scalars = [], order, dtype = device.backend.activations, into }: MatmulAttributes,
): Value[] {
  const shape = productShape(name, inputs[0]!.shape, inputs[1]!.shape);
  checkEpilogue(name, inputs, shape, scalars);
  const stored = resultType(device, inputs, shape, dtype);
  const outs = program.outputs.map((_, i) =>
    i === 0 && into !== undefined ? into : allocateResult(device, stored, shape, order)
  );
  const run = (inputs: readonly Value[], k: number) =>
    device.backend.run(program, {
      space: [...shape, k],
      // A and B broadcast along the batch alone, which stands at the same axes in every operand.
      inputs: inputs.map((value) => value.bound(shape)),
      outputs: outs.map((out) => out.bound()),
      indices: [],
      scalars,
    });
  const k = inputs[0]!.shape.at(-1)!;
  if (k > 0) run(inputs, k);
  else withZero(device, inputs, (zero) => run([zero, zero, ...inputs.slice(2)], 1));
  return outs;
}

/** Lends a matrix of one 0: a sum of no products is that of 0 · 0. */
function withZero(device: Device, inputs: readonly Value[], use: (zero: Value) => void): void {
  const float = floatOf(device, inputs);
  const zero = Value.allocate(device.backend, float, [1, 1]);
  zero.storage.retain();
  device.backend.write(zero.storage.buffer, 0, viewAs(float, new ArrayBuffer(8)).subarray(0, 1));
  use(zero);
  zero.storage.release();
}

/** What a product ends in must fit it: programs read extras by the strides of the result. */
function checkEpilogue(
  name: string,
  inputs: readonly Value[],
  shape: readonly number[],
  scalars: readonly number[],
): void {
  for (let i = 2; i < inputs.length; i++) {
    const own = inputs[i]!.shape;
    if (broadcastsTo(own, shape)) continue;
    const place = String.fromCharCode(97 + i);
    throw argumentError(name, place, `a shape that broadcasts to [${shape}]`, `[${own}]`);
  }
  for (const factor of scalars) checkNumber(name, "factor", factor);
}

/**
 * The epilogue's part of a record: its first input is the product, of which B is no input.
 *
 * @param product Element type of the product's gradient
 */
function epilogueRecord(
  recorded: Recorded<MatmulAttributes>,
  shape: readonly number[],
  product: StoredFloat,
): Recorded<RowAttributes> {
  const { needsGradient, shapes, device, attributes } = recorded;
  return {
    attributes: { scalars: attributes.scalars ?? [] },
    needsGradient: [needsGradient[0]! || needsGradient[1]!, ...needsGradient.slice(2)],
    shapes: [shape, ...shapes.slice(2)],
    order: (i) => recorded.order(i === 0 ? 0 : i + 1),
    dtype: (i) => i === 0 ? product : recorded.dtype(i + 1),
    accumulateInto: (i) => i === 0 ? undefined : recorded.accumulateInto(i + 1),
    destination: () => undefined,
    device,
    input: (i) => i === 0 ? recorded.output(1) : recorded.input(i + 1),
    output: () => recorded.output(0),
  };
}

/** Gradient of B, which batches may share: then their rows are one inner axis. */
function gradientOfB(
  recorded: Recorded<MatmulAttributes>,
  a: Tensor,
  g: Tensor,
  scaled: boolean,
): Tensor {
  const shared = recorded.shapes[1]!.length === 2 && a.shape.length === g.shape.length;
  const rows = (x: Tensor) => shared ? reshape(x, [-1, x.shape.at(-1)!]) : x;
  return gradientOf(recorded, 1, transpose(rows(a)), rows(g), scaled);
}

/**
 * `a·b` as the gradient of an input: added to what came before, or else where it is wanted; in the
 * input's order of memory.
 */
function gradientOf(
  recorded: Recorded<MatmulAttributes>,
  position: number,
  a: Tensor,
  b: Tensor,
  scaled: boolean,
): Tensor {
  const { shapes, order, accumulateInto, destination, attributes } = recorded;
  const shape = shapes[position]!;
  const dtype = recorded.dtype(position);
  const fits = sameShape(productShape("matmul", a.shape, b.shape), shape);
  const scalars = attributes.scalars ?? [];
  const before = fits ? accumulateInto(position) : undefined;
  const inputs = before === undefined ? [a, b] : [a, b, before];
  const op = scaled ? scaledOps[inputs.length - 2]! : sumOps[inputs.length - 2]!;
  if (!fits) return sumTo(apply(op, inputs, { scalars, dtype })[0]!, shape);
  const into = before === undefined ? destination(position) : undefined;
  return apply(op, inputs, { scalars, order: order(position), dtype, into })[0]!;
}

/** Shape of a product, `[…batch, m, n]`. */
function productShape(
  name: string,
  a: readonly number[],
  b: readonly number[],
): readonly number[] {
  if (a.length < 2) throw argumentError(name, "a", "at least 2 axes", `[${a}]`);
  if (b.length < 2) throw argumentError(name, "b", "at least 2 axes", `[${b}]`);
  if (a.at(-1) !== b.at(-2)) {
    throw new ShapeError(
      `Cannot multiply [${a}] by [${b}] (${name}) as the inner sizes must match: ` +
        `${a.at(-1)} and ${b.at(-2)}`,
    );
  }
  const [m, n] = [a.at(-2)!, b.at(-1)!];
  if (b.length === 2) return a.with(-1, n);
  return [...broadcast(name, [a.slice(0, -2), b.slice(0, -2)]), m, n];
}

const plus = (product: Float, extras: readonly Float[]) =>
  extras.reduce((sum, extra) => sum.add(extra), product);
/** By the number of extras. */
const sumOps = ["matmul", "matmulAdd", "matmulAddTwo"].map((name, count) =>
  fusedMatmul(name, count, (product, ...extras) => plus(product, extras))
);
/** The same with a factor of the product. */
const scaledOps = ["matmulScaled", "matmulScaledAdd"].map((name, count) =>
  fusedMatmul(name, count, (product, ...extras) => plus(product.mul(scalar(0, "f32")), extras))
);

/**
 * Matrix product.
 *
 * **Shapes**: `[…batch, m, k] x […batch, k, n] -> […batch, m, n]`; batches broadcast.
 *
 * @param order Axes of the result in the order of memory, the slowest first; default row-major
 * @throws {ShapeError} If a tensor has fewer than two axes, the inner sizes differ, or the order does
 * not name each axis once
 */
export function matmul(a: Tensor, b: Tensor, order?: readonly number[]): Tensor {
  if (order !== undefined) checkOrder(a, b, order);
  return apply(sumOps[0]!, [a, b], { order })[0]!;
}

function checkOrder(a: Tensor, b: Tensor, order: readonly number[]): void {
  const rank = Math.max(shapeOf("matmul", a, "a").length, shapeOf("matmul", b, "b").length);
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  if (order.length === rank && axes.every((axis) => order.includes(axis))) return;
  throw argumentError("matmul", "order", `each of the axes ${axes} once`, shown(order));
}

/**
 * Matrix product plus one or two extras, which broadcast to the result (a bias, a residual).
 *
 * @throws {ShapeError} If they do not, there are none or more, or the inner sizes differ
 */
export function matmulAdd(a: Tensor, b: Tensor, ...extras: [Tensor] | [Tensor, Tensor]): Tensor {
  checkInteger("matmulAdd", "number of extras", extras.length, 1, 2);
  return apply(sumOps[extras.length]!, [a, b, ...extras], {})[0]!;
}

/** `factor · A·B`: LoRA's down-projection, so that the factor meets few numbers. */
export function matmulScaled(a: Tensor, b: Tensor, factor: number): Tensor {
  return apply(scaledOps[0]!, [a, b], { scalars: [factor] })[0]!;
}
