/**
 * Operations that only look at the same storage differently, and the copies that undo them.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { argumentError } from "../arguments.ts";
import { ShapeError } from "../errors.ts";
import { shown } from "../excerpt.ts";
import { joinedWords } from "../indices.ts";
import { checkShape } from "../numbers.ts";
import { copyType, type Op, type SavedValues } from "../op.ts";
import { copyProgram, copyWordProgram } from "../program.ts";
import { axisOf, contiguousStrides, sameShape, sizeOf } from "../shape.ts";
import { Value } from "../storage.ts";
import { shapeOf, type Tensor } from "../tensor.ts";

/** Queues a copy of `from` into the place `to`, which has the same shape. */
export function copyInto(from: Value, to: Value): void {
  from.storage.backend.run(from.dtype === "u32" ? copyWordProgram : copyProgram, {
    space: to.shape,
    inputs: [from.bound(to.shape)],
    outputs: [to.bound()],
    indices: [],
    scalars: [],
  });
}

/** What a view's vjp reads. */
export const nothing: SavedValues = { inputs: [false], outputs: [false] };

const contiguousOp: Op = {
  name: "contiguous",
  launch(device, [x]) {
    const out = Value.allocate(device.backend, copyType(device, [x!], x!.shape), x!.shape);
    copyInto(x!, out);
    out.storage.words = joinedWords([x!], 0);
    return [out];
  },
  vjp: (_, [g]) => [g],
  saves: () => nothing,
};

/** The same elements in row-major order without holes; no copy where they already are. */
export function contiguous(x: Tensor): Tensor {
  shapeOf("contiguous", x);
  return x.value.contiguous ? x : apply(contiguousOp, [x], undefined)[0]!;
}

/** Strides of the same elements in another shape, where one step along each axis suffices. */
function reshapedStrides({ shape, strides }: Value, to: readonly number[]): number[] | undefined {
  const result = new Array<number>(to.length).fill(0);
  let at = to.length - 1;
  for (let axis = shape.length - 1; axis >= 0;) {
    // A run of old axes that are walked evenly, then the new axes that it is cut into.
    let step = strides[axis]!;
    let size = shape[axis--]!;
    if (size === 1) continue;
    while (axis >= 0 && (shape[axis] === 1 || strides[axis] === step * size)) {
      size *= shape[axis--]!;
    }
    while (size > 1 && at >= 0) {
      if (size % to[at]! !== 0) return undefined;
      result[at] = step;
      step *= to[at]!;
      size /= to[at--]!;
    }
    if (size > 1) return undefined;
  }
  return result;
}

/** Another shape, and the strides by which the memory has it. */
interface Reshaped {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

const reshapeOp: Op<Reshaped> = {
  name: "reshape",
  isView: true,
  launch: (_, [x], { shape, strides }) => [new Value(x!.storage, shape, strides, x!.offset)],
  vjp: ({ shapes }, [g]) => [reshape(g!, shapes[0]!)],
  saves: () => nothing,
};

/** The shape with the size that -1 stands for; undefined where there is none. */
function completed(shape: readonly number[], size: number): readonly number[] | undefined {
  const open = shape.indexOf?.(-1) ?? -1;
  if (open < 0) {
    checkShape("reshape", shape);
    return shape;
  }
  const known = shape.toSpliced(open, 1);
  if (known.includes(-1)) {
    throw argumentError("reshape", "shape", "at most one size of -1", shown(shape));
  }
  checkShape("reshape", known);
  const missing = size / sizeOf(known);
  return Number.isInteger(missing) ? shape.with(open, missing) : undefined;
}

/**
 * The same elements in another shape, without a copy where strides can say it; one size may be -1.
 *
 * @throws {ShapeError} If the number of elements differs, or more than one size is -1
 */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  const size = sizeOf(shapeOf("reshape", x));
  const full = completed(shape, size);
  if (full === undefined || sizeOf(full) !== size) {
    throw new ShapeError(
      `Cannot reshape [${x.shape}] to [${shape}] as ${size} elements are required`,
    );
  }
  if (sameShape(full, x.shape)) return x;
  const strides = reshapedStrides(x.value, full);
  return strides === undefined
    ? apply(reshapeOp, [contiguous(x)], { shape: full, strides: contiguousStrides(full) })[0]!
    : apply(reshapeOp, [x], { shape: full, strides })[0]!;
}

const permuteOp: Op<readonly number[]> = {
  name: "permute",
  isView: true,
  launch(_, [x], axes) {
    const { storage, shape, strides, offset } = x!;
    const [sizes, steps] = [new Array<number>(axes.length), new Array<number>(axes.length)];
    for (let i = 0; i < axes.length; i++) {
      sizes[i] = shape[axes[i]!]!;
      steps[i] = strides[axes[i]!]!;
    }
    return [new Value(storage, sizes, steps, offset)];
  },
  vjp: ({ attributes }, [g]) => [
    apply(permuteOp, [g!], attributes.map((_, axis) => attributes.indexOf(axis)))[0]!,
  ],
  saves: () => nothing,
};

/** Axes in another order: axis i of the result is axis `axes[i]` of `x`. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  const rank = shapeOf("permute", x).length;
  const full = axes.map((axis) => axisOf("permute", axis, rank));
  if (full.length !== rank || full.some((axis, i) => full.indexOf(axis) !== i)) {
    throw new ShapeError(`Cannot permute [${x.shape}] by [${axes}] as each axis must occur once`);
  }
  return apply(permuteOp, [x], full)[0]!;
}

/**
 * The last two axes exchanged.
 *
 * @throws {ShapeError} If there are fewer
 */
export function transpose(x: Tensor): Tensor {
  const rank = shapeOf("transpose", x).length;
  if (rank < 2) throw argumentError("transpose", "x", "at least 2 axes", `[${x.shape}]`);
  const axes = x.shape.map((_, axis) => axis < rank - 2 ? axis : 2 * rank - 3 - axis);
  return apply(permuteOp, [x], axes)[0]!;
}

const flipOp: Op<number> = {
  name: "flip",
  isView: true,
  launch(_, [x], axis) {
    const strides = x!.strides.map((step, a) => a === axis ? -step : step);
    const last = (x!.shape[axis]! - 1) * x!.strides[axis]!;
    return [new Value(x!.storage, x!.shape, strides, x!.offset + last)];
  },
  vjp: ({ attributes }, [g]) => [flip(g!, attributes)],
  saves: () => nothing,
};

/** The elements of an axis in reverse order. */
export function flip(x: Tensor, axis: number): Tensor {
  return apply(flipOp, [x], axisOf("flip", axis, shapeOf("flip", x).length))[0]!;
}

/**
 * Without axes of size 1: the named one, or all of them.
 *
 * @throws {ShapeError} If the named axis has another size
 */
export function squeeze(x: Tensor, axis?: number): Tensor {
  const rank = shapeOf("squeeze", x).length;
  const full = axis === undefined ? undefined : axisOf("squeeze", axis, rank);
  if (full !== undefined && x.shape[full] !== 1) {
    throw new ShapeError(
      `Cannot squeeze axis ${axis} as size 1 is required: found ${x.shape[full]}`,
    );
  }
  return reshape(x, x.shape.filter((size, a) => full === undefined ? size !== 1 : a !== full));
}

/** With another axis of size 1, which is axis `axis` of the result. */
export function expandDims(x: Tensor, axis: number): Tensor {
  const full = axisOf("expandDims", axis, shapeOf("expandDims", x).length + 1, "the result");
  return reshape(x, [...x.shape.slice(0, full), 1, ...x.shape.slice(full)]);
}
