/**
 * How far programs reach: which axes they have, how each operand walks along them, and the part of a
 * run that a range of one axis makes.
 *
 * @module
 */

import type { Binding, Bound } from "../../../core/backend.ts";
import { bytesPerElement } from "../../../core/dtype.ts";
import { type Program, readsRow } from "../../../core/program.ts";

/** An operand's steps along all axes of a program; 0 along those that it does not have. */
export interface Reach {
  /** Operand whose elements are reached. */
  readonly bound: Bound;
  /** Its step along each axis. */
  readonly steps: readonly number[];
}

/** The axes of a program, seen by its operands: inputs, then outputs. */
export interface AccessPattern {
  /** Size of each axis. */
  readonly sizes: readonly number[];
  /** Inputs, then outputs. */
  readonly operands: readonly Reach[];
  /** Whether an axis can be divided. */
  readonly divides: (axis: number) => boolean;
}

/** The axes of a run, and its operands along them. */
export function accessPatternOf(
  program: Program,
  { space, inputs, outputs, scalars }: Binding,
): AccessPattern {
  const all = [...inputs, ...outputs];
  switch (program.family) {
    case "row": {
      const columns = readsRow(program) ? space.length - 1 : -1;
      return {
        sizes: space,
        operands: all.map((bound) => ({ bound, steps: bound.strides })),
        divides: (axis) => axis !== columns,
      };
    }
    case "matmul": {
      const operands = all.map((bound, k) => {
        const [y, x] = bound.strides.slice(-2) as [number, number];
        const own = k === 0 ? [y, 0, x] : k === 1 ? [0, x, y] : [y, x, 0];
        return { bound, steps: [...bound.strides.slice(0, -2), ...own] };
      });
      return { sizes: space, operands, divides: () => true };
    }
    case "gather":
    case "scatterAdd": {
      // The axes are those of scatterAdd: count, width, height.
      const [many, rows, out] = all as [Bound, Bound, Bound];
      const [step, unit] = many.strides as [number, number];
      const gather = program.family === "gather";
      const operands = [
        { bound: many, steps: gather ? [0, unit, step] : [step, unit, 0] },
        { bound: rows, steps: [rows.strides[0]!, 0, 0] },
        { bound: out, steps: gather ? [space[1]!, 1, 0] : [0, 1, space[1]!] },
      ];
      const height = space[2] ?? (scalars[1] || heightOf(many, space[1]!));
      return { sizes: [space[0]!, space[1]!, height], operands, divides: (axis) => axis !== 1 };
    }
    default:
      return program satisfies never;
  }
}

/**
 * Turns of the loop in which one invocation goes through an axis by itself, and that axis; a row
 * program is planned so that it has few.
 */
export function loopOf(
  { family }: Program,
  space: readonly number[],
): { readonly axis: number; readonly turns: number } {
  if (family === "matmul") return { axis: space.length - 1, turns: Math.ceil(space.at(-1)! / 4) };
  return { axis: 0, turns: family === "scatterAdd" ? space[0]! : 0 };
}

/** Rows that a table can have: as many as lie in its memory. */
function heightOf({ buffer, dtype, offset, strides }: Bound, width: number): number {
  const [step, unit] = strides as [number, number];
  const length = Math.floor(buffer.bytes / bytesPerElement(dtype));
  const [first, last] = [Math.min(0, unit * (width - 1)), Math.max(0, unit * (width - 1))];
  if (step === 0) return 1;
  const room = step > 0 ? length - 1 - offset - last : offset + first;
  return Math.floor(room / Math.abs(step)) + 1;
}

/** The part of a binding where a coordinate is at least `from`, for `size` steps. */
export function restrict(
  program: Program,
  binding: Binding,
  axis: number,
  from: number,
  size: number,
): Binding {
  const { operands } = accessPatternOf(program, binding);
  const moved = operands.map(({ bound, steps }) => ({
    ...bound,
    offset: bound.offset + from * steps[axis]!,
  }));
  const count = binding.inputs.length;
  let scalars = binding.scalars;
  if (program.family === "gather" && axis === 2) scalars = [(scalars[0] ?? 0) + from, size];
  if (program.family === "scatterAdd") {
    const [first = 0, continued = 0] = scalars;
    scalars = axis === 2 ? [first + from, continued] : [first, from > 0 ? 1 : continued];
  }
  return {
    space: binding.space.map((length, a) => a === axis ? size : length),
    inputs: moved.slice(0, count),
    outputs: moved.slice(count),
    indices: binding.indices.map(({ offset, strides }) => {
      return { offset: offset + from * strides[axis]!, strides };
    }),
    scalars,
  };
}
