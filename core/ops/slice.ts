/**
 * Parts of an axis: slices, their inverse, and joining tensors.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { widened } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import { filled } from "../expr.ts";
import type { Op } from "../op.ts";
import { rowProgram } from "../program.ts";
import { axisOf } from "../shape.ts";
import { Value } from "../storage.ts";
import type { Tensor } from "../tensor.ts";
import { copyInto, nothing } from "./view.ts";

interface Part {
  readonly axis: number;
  readonly start: number;
  readonly size: number;
}

const zero = rowProgram([], [filled(0)]);

/** The part of `value`, as a view. */
function partOf(value: Value, { axis, start, size }: Part): Value {
  const shape = value.shape.map((s, a) => a === axis ? size : s);
  return new Value(
    value.storage,
    shape,
    value.strides,
    value.offset + start * value.strides[axis]!,
  );
}

const sliceOp: Op<Part> = {
  name: "slice",
  launch: (_, [x], part) => [partOf(x!, part)],
  vjp: ({ attributes: { axis, start }, shapes }, [g]) => [
    apply(padOp, [g!], { axis, start, size: shapes[0]![axis]! })[0],
  ],
  reads: () => nothing,
};

/** Zeros with the input at `start`; `size` is that of the result. */
const padOp: Op<Part> = {
  name: "pad",
  launch(device, [x], { axis, start, size }) {
    const shape = x!.shape.map((s, a) => a === axis ? size : s);
    const out = Value.allocate(device.backend, widened(x!.dtype, device.float), shape);
    const binding = { inputs: [], outputs: [out.bound()], indices: [], scalars: [] };
    device.backend.run(zero, { space: shape, ...binding });
    copyInto(x!, partOf(out, { axis, start, size: x!.shape[axis]! }));
    return [out];
  },
  vjp: ({ attributes: { axis, start }, shapes }, [g]) => [
    slice(g!, axis, start, start + shapes[0]![axis]!),
  ],
  reads: () => nothing,
};

/**
 * Elements `start` (included) to `end` (excluded) of an axis, without a copy.
 *
 * @throws {ShapeError} If the range leaves the axis
 */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const full = axisOf("slice", axis, x.shape.length);
  const size = x.shape[full]!;
  if (!(0 <= start && start <= end && end <= size)) {
    throw new ShapeError(`Cannot slice ${start} to ${end} of axis ${axis} as its size is ${size}`);
  }
  if (start === 0 && end === size) return x;
  return apply(sliceOp, [x], { axis: full, start, size: end - start })[0]!;
}

const concatenateOp: Op<number> = {
  name: "concatenate",
  launch(device, inputs, axis) {
    const size = inputs.reduce((sum, x) => sum + x.shape[axis]!, 0);
    const shape = inputs[0]!.shape.map((s, a) => a === axis ? size : s);
    const out = Value.allocate(device.backend, widened(inputs[0]!.dtype, device.float), shape);
    let start = 0;
    for (const x of inputs) {
      copyInto(x, partOf(out, { axis, start, size: x.shape[axis]! }));
      start += x.shape[axis]!;
    }
    return [out];
  },
  vjp({ attributes: axis, shapes }, [g]) {
    let start = 0;
    return shapes.map((shape) => slice(g!, axis, start, start += shape[axis]!));
  },
  reads: (wanted) => ({ inputs: wanted.map(() => false), outputs: [false] }),
};

/**
 * Joins tensors along an axis; the other sizes must agree.
 *
 * @throws {ShapeError} If they do not
 */
export function concatenate(parts: readonly Tensor[], axis: number): Tensor {
  const first = parts[0];
  if (first === undefined) throw new ShapeError("Cannot concatenate as there is no tensor");
  const full = axisOf("concatenate", axis, first.shape.length);
  for (const { shape } of parts) {
    const fits = shape.length === first.shape.length &&
      shape.every((size, a) => a === full || size === first.shape[a]);
    if (!fits) {
      throw new ShapeError(
        `Cannot concatenate [${first.shape}] and [${shape}] as all other axes must agree`,
      );
    }
  }
  return apply(concatenateOp, parts, full)[0]!;
}
