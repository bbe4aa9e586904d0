/**
 * Batched matrix products with an epilogue. The gradients of the product are by hand, those of the
 * epilogue are derived; the product itself is saved only where the epilogue's gradient reads it.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { argumentError, argumentsOf } from "../arguments.ts";
import { shown } from "../excerpt.ts";
import { type Float, input, scalar } from "../expr.ts";
import type { Device } from "../device.ts";
import { type StoredFloat, viewAs } from "../dtype.ts";
import { byFlags } from "../flags.ts";
import {
  allocateResult,
  floatOf,
  type MatmulAttributes,
  type Op,
  type Recorded,
  resultType,
} from "../op.ts";
import { type MatmulProgram, matmulProgram } from "../program.ts";
import { checkInteger } from "../numbers.ts";
import { sameShape } from "../shape.ts";
import { Value } from "../storage.ts";
import { shapeOf, type Tensor } from "../tensor.ts";
import { add } from "./elementwise.ts";
import { type PlannedEnding, productEndingOf } from "./product_ending.ts";
import { checkEpilogue, matmulShape } from "../matmul_shape.ts";
import { type RowAttributes, rowwise, sumTo } from "./rowwise.ts";
import { reshape, transpose } from "./view.ts";

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
  return declared(name, extras, epilogue, true);
}

/** The same; what does not store the product computes it again for its gradient. */
function declared(
  name: string,
  extras: number,
  epilogue: (product: Float, ...extras: Float[]) => Float,
  stores: boolean,
): Op<MatmulAttributes> {
  const leaves = Array.from({ length: extras + 1 }, (_, slot) => input(slot, "f32", 3));
  const result = epilogue(leaves[0]!, ...leaves.slice(1));
  const plain = result === leaves[0];
  // A factor of the product is one of its gradients too.
  const scaled = result === leaves[0]!.mul(scalar(0, "f32"));
  const after = rowwise(`${name}.epilogue`, leaves.map(() => "f32" as const), [result]);
  const saves = !plain && after.saves!(leaves.map(() => true)).inputs[0]!;
  let ending: Ending | undefined;
  const kinds = ["f32", "f32", ...leaves.slice(1).map(() => "f32" as const)] as const;
  const program = matmulProgram(kinds, saves && stores ? [result, leaves[0]!] : [result]);
  return {
    name,
    takes: argumentsOf(kinds),
    launch: (device, inputs, attributes) => launch(name, program, device, inputs, attributes),
    vjp(recorded, [g, direct]) {
      const { needsGradient } = recorded;
      const shape = (g ?? direct)!.shape;
      const product = () =>
        stores ? recorded.output(1) : matmul(recorded.input(0), recorded.input(1));
      const [through, ...rest] = plain || scaled || g === undefined || recorded.isEnded
        ? [g]
        : after.vjp!(epilogueRecord(recorded, shape, g.dtype as StoredFloat, product), [g]);
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
      const again = needs.inputs[0]! && !stores;
      return {
        inputs: [needsGradient[1]! || again, needsGradient[0]! || again, ...needs.inputs.slice(1)],
        outputs: [needs.outputs[0]!, needs.inputs[0]!],
      };
    }),
    ending(recorded) {
      const { needsGradient, attributes: { scalars = [] } } = recorded;
      if (plain || scaled || !stores || needsGradient.slice(2).includes(true)) return undefined;
      const { op, reads } = ending ??= endingOn(name, leaves.length, result);
      const extras = reads.map((i) => i === 0 ? recorded.output(1) : recorded.input(i + 1));
      return { op, extras, scalars };
    },
  };
}

/** How a product ends in the gradient of an epilogue, and what of it that reads. */
interface Ending extends Pick<PlannedEnding, "reads"> {
  readonly op: Op<MatmulAttributes>;
}

function endingOn(name: string, inputs: number, result: Float): Ending {
  const { reads, epilogue } = productEndingOf(inputs, result);
  return { reads, op: declared(`${name}.ending`, reads.length, epilogue, false) };
}

/** Runs the program on a batch of products; its extras are all inputs behind the first two. */
function launch(
  name: string,
  program: MatmulProgram,
  device: Device,
  inputs: readonly Value[],
  { scalars = [], order, dtype = device.backend.activations, into }: MatmulAttributes,
): Value[] {
  const shape = matmulShape(name, inputs[0]!.shape, inputs[1]!.shape);
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

/**
 * The epilogue's part of a record: its first input is the product, of which B is no input.
 *
 * @param dtype Element type of the product's gradient
 * @param product Gives the product
 */
function epilogueRecord(
  recorded: Recorded<MatmulAttributes>,
  shape: readonly number[],
  dtype: StoredFloat,
  product: () => Tensor,
): Recorded<RowAttributes> {
  const { needsGradient, shapes, device, attributes } = recorded;
  return {
    attributes: { scalars: attributes.scalars ?? [] },
    needsGradient: [needsGradient[0]! || needsGradient[1]!, ...needsGradient.slice(2)],
    shapes: [shape, ...shapes.slice(2)],
    order: (i) => recorded.order(i === 0 ? 0 : i + 1),
    dtype: (i) => i === 0 ? dtype : recorded.dtype(i + 1),
    accumulateInto: (i) => i === 0 ? undefined : recorded.accumulateInto(i + 1),
    destination: () => undefined,
    ending: () => undefined,
    isEnded: false,
    device,
    input: (i) => i === 0 ? product() : recorded.input(i + 1),
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
  const fits = sameShape(matmulShape("matmul", a.shape, b.shape), shape);
  const scalars = attributes.scalars ?? [];
  const before = fits ? accumulateInto(position) : undefined;
  const end = fits && !scaled && before === undefined ? recorded.ending(position) : undefined;
  if (end !== undefined) {
    const { op, extras, scalars } = end;
    return apply(op, [a, b, ...extras], { scalars, order: order(position), dtype })[0]!;
  }
  const inputs = before === undefined ? [a, b] : [a, b, before];
  const op = scaled ? scaledOps[inputs.length - 2]! : sumOps[inputs.length - 2]!;
  if (!fits) return sumTo(apply(op, inputs, { scalars, dtype })[0]!, shape);
  const into = before === undefined ? destination(position) : undefined;
  return apply(op, inputs, { scalars, order: order(position), dtype, into })[0]!;
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
