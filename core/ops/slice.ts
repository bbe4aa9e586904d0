/**
 * Parts of an axis: slices, their inverse, and joining tensors.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { argumentError, checkArguments, floats as allFloats, words } from "../arguments.ts";
import { ShapeError } from "../errors.ts";
import { shown } from "../excerpt.ts";
import { filled, type Float, float, index, input, select, word } from "../expr.ts";
import { joinedWords } from "../indices.ts";
import { checkInteger } from "../numbers.ts";
import { copyType, type Op } from "../op.ts";
import { rowProgram } from "../program.ts";
import { axisOf, sameShape } from "../shape.ts";
import { Value } from "../storage.ts";
import { shapeOf, type Tensor } from "../tensor.ts";
import { rowwise } from "./rowwise.ts";
import { copyInto, expandDims, nothing } from "./view.ts";

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
  isView: true,
  launch: (_, [x], part) => [partOf(x!, part)],
  vjp: ({ attributes: { axis, start }, shapes }, [g]) => [
    apply(padOp, [g!], { axis, start, size: shapes[0]![axis]! })[0],
  ],
  saves: () => nothing,
};

/** Zeros with the input at `start`; `size` is that of the result. */
const padOp: Op<Part> = {
  name: "pad",
  launch(device, [x], { axis, start, size }) {
    const shape = x!.shape.map((s, a) => a === axis ? size : s);
    const out = Value.allocate(device.backend, copyType(device, [x!], shape), shape);
    const binding = { inputs: [], outputs: [out.bound()], indices: [], scalars: [] };
    device.backend.run(zero, { space: shape, ...binding });
    copyInto(x!, partOf(out, { axis, start, size: x!.shape[axis]! }));
    return [out];
  },
  vjp: ({ attributes: { axis, start }, shapes }, [g]) => [
    slice(g!, axis, start, start + shapes[0]![axis]!),
  ],
  saves: () => nothing,
};

/**
 * Elements `start` (included) to `end` (excluded) of an axis, without a copy.
 *
 * @throws {ShapeError} If the range leaves the axis
 */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const full = axisOf("slice", axis, shapeOf("slice", x).length);
  const size = x.shape[full]!;
  checkInteger("slice", "start", start, 0, size);
  checkInteger("slice", "end", end, 0, size);
  if (start > end) {
    throw new ShapeError(
      `Cannot slice ${start} to ${end} of axis ${axis} as the end must not lie before the start`,
    );
  }
  if (start === 0 && end === size) return x;
  return apply(sliceOp, [x], { axis: full, start, size: end - start })[0]!;
}

/** Most parts that one program joins. */
const joined = 4;

/** Joins parts of equal size: the space has an axis for the number of the part. */
const joins = Array.from({ length: joined + 1 }, (_, count) => {
  const parts = Array.from({ length: count }, (_, slot) => input(slot, "f32", 3));
  const chosen = parts.reduceRight<Float>(
    (rest, part, slot) => slot === count - 1 ? part : select(isPart(slot), part, rest),
    float(0),
  );
  return rowProgram(parts.map(() => "f32"), [chosen]);
});

function isPart(slot: number) {
  return index(0, 3).compare("eq", word(slot));
}

function joinEqual(out: Value, inputs: readonly Value[], axis: number): void {
  const { shape } = inputs[0]!;
  const among = (list: readonly number[], one: number) => [
    ...list.slice(0, axis),
    one,
    ...list.slice(axis),
  ];
  const target = out.bound();
  out.storage.backend.run(joins[inputs.length]!, {
    space: among(shape, inputs.length),
    inputs: inputs.map((x) => {
      const bound = x.bound();
      return { ...bound, strides: among(bound.strides, 0) };
    }),
    outputs: [{
      ...target,
      strides: among(target.strides, target.strides[axis]! * shape[axis]!),
    }],
    indices: [{ offset: 0, strides: among(shape.map(() => 0), 1) }],
    scalars: [],
  });
}

const concatenateOp: Op<number> = {
  name: "concatenate",
  launch(device, inputs, axis) {
    const size = inputs.reduce((sum, x) => sum + x.shape[axis]!, 0);
    const shape = inputs[0]!.shape.map((s, a) => a === axis ? size : s);
    const dtype = copyType(device, inputs, shape);
    const out = Value.allocate(device.backend, dtype, shape);
    const equal = inputs.every((x) => x.shape[axis] === inputs[0]!.shape[axis]);
    if (equal && inputs.length <= joined && inputs[0]!.dtype !== "u32") {
      joinEqual(out, inputs, axis);
      return [out];
    }
    if (dtype === "u32") out.storage.words = joinedWords(inputs, axis);
    let start = 0;
    for (const x of inputs) {
      copyInto(x, partOf(out, { axis, start, size: x.shape[axis]! }));
      start += x.shape[axis]!;
    }
    return [out];
  },
  vjp: ({ attributes: axis, shapes }, [g]) => split(g!, axis, shapes.map((shape) => shape[axis]!)),
  saves: (needsGradient) => ({ inputs: needsGradient.map(() => false), outputs: [false] }),
};

/**
 * Joins tensors along an axis; the other sizes must agree.
 *
 * @throws {ShapeError} If they do not, some are words and others floats, or the floats differ
 */
export function concatenate(parts: readonly Tensor[], axis: number): Tensor {
  if (parts.length === 0) {
    throw argumentError("concatenate", "parts", "a list of at least 1 tensor", shown(parts));
  }
  const first = parts[0]!;
  const full = axisOf("concatenate", axis, shapeOf("concatenate", first, "part 0").length);
  checkOneType("concatenate", parts);
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

/** Words are not joined to floats, nor floats of two widths; halves become floats. */
function checkOneType(operation: string, parts: readonly Tensor[]): void {
  for (let i = 0; i < parts.length; i++) shapeOf(operation, parts[i]!, `part ${i}`);
  const { dtype } = parts[0]!;
  if (parts.every((part) => part.dtype === dtype)) return;
  const taken = parts.map((_, i) => ({
    name: `part ${i}`,
    dtypes: dtype === "u32" ? words : allFloats,
  }));
  checkArguments(operation, taken, parts.map((part) => part.value));
}

const zerosOp = rowwise("zeros", [], [filled(0)]);

const splitOp: Op<{ readonly axis: number; readonly sizes: readonly number[] }> = {
  name: "split",
  isView: true,
  launch(_, [x], { axis, sizes }) {
    let start = 0;
    return sizes.map((size) => {
      const part = partOf(x!, { axis, start, size });
      start += size;
      return part;
    });
  },
  vjp({ attributes: { axis, sizes }, shapes, device }, cotangents) {
    const parts = sizes.map((size, i) => {
      const space = shapes[0]!.map((s, a) => a === axis ? size : s);
      return cotangents[i] ?? apply(zerosOp, [], { space }, device)[0]!;
    });
    return [concatenate(parts, axis)];
  },
  saves: () => nothing,
};

/**
 * Joins tensors of the same shape along a new axis, which is axis `axis` of the result.
 *
 * @throws {ShapeError} If the shapes differ, some are words and others floats, or the floats differ
 */
export function stack(parts: readonly Tensor[], axis = 0): Tensor {
  if (parts.length === 0) {
    throw argumentError("stack", "parts", "a list of at least 1 tensor", shown(parts));
  }
  const shape = shapeOf("stack", parts[0]!, "part 0");
  checkOneType("stack", parts);
  const other = parts.find((part) => !sameShape(part.shape, shape));
  if (other !== undefined) {
    throw new ShapeError(`Cannot stack [${shape}] and [${other.shape}] as the shapes must agree`);
  }
  return concatenate(parts.map((part) => expandDims(part, axis)), axis);
}

/**
 * Cuts an axis into parts of the given sizes, or into a number of equal parts, without a copy.
 *
 * @throws {ShapeError} If the sizes do not add up to that of the axis
 */
export function split(x: Tensor, axis: number, parts: number | readonly number[]): Tensor[] {
  const full = axisOf("split", axis, shapeOf("split", x).length);
  if (typeof parts === "number") {
    checkInteger("split", "parts", parts, 1, Math.max(1, x.shape[full]!));
  } else if (parts.length === 0) throw argumentError("split", "parts", "at least 1 size", "none");
  const sizes = typeof parts === "number"
    ? new Array<number>(parts).fill(x.shape[full]! / parts)
    : parts;
  const sum = sizes.reduce((total, size) => total + size, 0);
  if (sum !== x.shape[full] || sizes.some((size) => !(Number.isInteger(size) && size >= 0))) {
    throw new ShapeError(
      `Cannot split axis ${axis} into [${sizes}] as the sizes must add up to ${x.shape[full]}`,
    );
  }
  return sizes.length === 1 ? [x] : apply(splitOp, [x], { axis: full, sizes });
}
