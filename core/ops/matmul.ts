/**
 * Batched matrix products with an epilogue. The gradients of the product are by hand, those of the
 * epilogue are derived; the product itself is saved only where the epilogue's gradient reads it.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { ShapeError } from "../errors.ts";
import { type Float, input, scalar } from "../expr.ts";
import { floatOf, type Op } from "../op.ts";
import { matmulProgram } from "../program.ts";
import { broadcast } from "../shape.ts";
import { Value } from "../storage.ts";
import type { Tensor } from "../tensor.ts";
import { add } from "./elementwise.ts";
import { rowwise, sumTo } from "./rowwise.ts";
import { transpose } from "./view.ts";

/** Numbers that the epilogue reads, by slot. */
export interface MatmulAttributes {
  /** Numbers by slot. */
  readonly scalars?: readonly number[];
}

/**
 * Declares `epilogue(A·B, …extras)`.
 *
 * @param extras How many further inputs broadcast to the result
 */
export function contraction(
  name: string,
  extras: number,
  epilogue: (product: Float, ...extras: Float[]) => Float,
): Op<MatmulAttributes> {
  const leaves = Array.from({ length: extras + 1 }, (_, slot) => input(slot, "f32", 3));
  const result = epilogue(leaves[0]!, ...leaves.slice(1));
  const plain = result === leaves[0];
  const after = rowwise(`${name}.epilogue`, leaves.map(() => "f32" as const), [result]);
  const saves = !plain && after.reads!(leaves.map(() => true)).inputs[0]!;
  const kinds = ["f32", "f32", ...leaves.slice(1).map(() => "f32" as const)] as const;
  const program = matmulProgram(kinds, saves ? [result, leaves[0]!] : [result]);
  return {
    name,
    launch(device, inputs, { scalars = [] }) {
      const [a, b] = inputs as readonly [Value, Value];
      const batch = batchOf(name, a.shape, b.shape);
      const [m, k, n] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
      const shape = [...batch, m, n];
      const float = floatOf(name, device, inputs);
      const outs = program.outputs.map(() => Value.allocate(device.backend, float, shape));
      device.backend.run(program, {
        space: [...shape, k],
        inputs: [
          a.bound([...batch, m, k]),
          b.bound([...batch, k, n]),
          ...inputs.slice(2).map((extra) => extra.bound(shape)),
        ],
        outputs: outs.map((out) => out.bound()),
        indices: [],
        scalars,
      });
      return outs;
    },
    vjp(recorded, [g, direct]) {
      const { wanted, shapes, device } = recorded;
      const product = wanted[0]! || wanted[1]!;
      const shape = (g ?? direct)!.shape;
      const [through, ...rest] = plain || g === undefined ? [g] : after.vjp!({
        attributes: recorded.attributes,
        wanted: [product, ...wanted.slice(2)],
        shapes: [shape, ...shapes.slice(2)],
        device,
        input: (i) => i === 0 ? recorded.output(1) : recorded.input(i + 1),
        output: () => recorded.output(0),
      }, [g]);
      // A saved product has a gradient of its own in a second derivative.
      const gp = through !== undefined && direct !== undefined
        ? add(through, direct)
        : through ?? direct;
      const a = () => recorded.input(0);
      const b = () => recorded.input(1);
      return [
        wanted[0] ? sumTo(matmul(gp!, transpose(b())), shapes[0]!) : undefined,
        wanted[1] ? sumTo(matmul(transpose(a()), gp!), shapes[1]!) : undefined,
        ...rest,
      ];
    },
    reads(wanted) {
      const needs = plain
        ? { inputs: [false], outputs: [false] }
        : after.reads!([wanted[0]! || wanted[1]!, ...wanted.slice(2)]);
      return {
        inputs: [wanted[1]!, wanted[0]!, ...needs.inputs.slice(1)],
        outputs: [needs.outputs[0]!, needs.inputs[0]!],
      };
    },
  };
}

function batchOf(name: string, a: readonly number[], b: readonly number[]): number[] {
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) {
    throw new ShapeError(
      `Cannot multiply [${a}] by [${b}] (${name}) as the inner sizes must match: ` +
        `${a.at(-1)} and ${b.at(-2)}`,
    );
  }
  return broadcast(name, [a.slice(0, -2), b.slice(0, -2)]);
}

const plainOp = contraction("matmul", 0, (product) => product);
const addOp = contraction("matmulAdd", 1, (product, extra) => product.add(extra!));
const scaledAddOp = contraction(
  "matmulScaledAdd",
  1,
  (product, extra) => extra!.add(product.mul(scalar(0, "f32"))),
);

/**
 * Matrix product.
 *
 * **Shapes**: `[…batch, m, k] x […batch, k, n] -> […batch, m, n]`; batches broadcast.
 *
 * @throws {ShapeError} If the inner sizes differ
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  return apply(plainOp, [a, b], {})[0]!;
}

/** Matrix product plus `extra`, which broadcasts to the result (a bias or a residual). */
export function matmulAdd(a: Tensor, b: Tensor, extra: Tensor): Tensor {
  return apply(addOp, [a, b, extra], {})[0]!;
}

/** `extra + factor · A·B`: how LoRA's up-projection lands in the base product's output. */
export function matmulScaledAdd(a: Tensor, b: Tensor, extra: Tensor, factor: number): Tensor {
  return apply(scaledAddOp, [a, b, extra], { scalars: [factor] })[0]!;
}
