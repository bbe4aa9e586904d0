/**
 * Tensors beyond one binding, and loops beyond what the adapter takes to their end. An adapter's
 * buffers may be larger than what a program can bind, so a program over such a buffer binds a window
 * of it, and is halved along the axis on which the operand reaches furthest until every window fits;
 * a loop is divided likewise. Nothing else pays.
 *
 * @module
 */

import type { Binding, Bound } from "../../../core/backend.ts";
import { bytesPerElement } from "../../../core/dtype.ts";
import { DeviceError } from "../../../core/errors.ts";
import {
  copyProgram,
  copyWordProgram,
  type MatmulProgram,
  type Program,
  readsRow,
} from "../../../core/program.ts";
import { accessPatternOf, loopOf, type Reach, restrict } from "./access.ts";
import { GpuBuffer, type Pool, slabOf } from "./buffer_pool.ts";
import { finishBinding, finishProgram, plainProduct } from "../../plan/split_k.ts";

/** Runs programs whose operands may lie in slabs beyond one binding. */
export class Windows {
  /**
   * @param limit Bytes that can be bound at once
   * @param alignment Bytes that a binding's offset is a multiple of
   * @param turns Turns after which a loop ends
   * @param record Records a program that keeps to these limits
   */
  constructor(
    readonly limit: number,
    readonly alignment: number,
    readonly turns: number,
    readonly pool: Pool,
    readonly record: (program: Program, binding: Binding) => void,
  ) {}

  /** Whether an operand lies in a slab that cannot be bound as a whole, or a loop is too long. */
  concerns(program: Program, { space, inputs, outputs }: Binding): boolean {
    if (loopOf(program, space).turns > this.turns) return true;
    for (const bound of inputs) if (slabOf(bound).size > this.limit) return true;
    for (const bound of outputs) if (slabOf(bound).size > this.limit) return true;
    return false;
  }

  /**
   * Runs a program piece by piece.
   *
   * @throws {DeviceError} If an operand cannot be divided far enough
   */
  run(program: Program, binding: Binding): void {
    if (program.family !== "row" || !readsRow(program)) return this.#divide(program, binding);
    this.pool.lending((take) => {
      const inputs = binding.inputs.map((bound) => {
        const step = Math.abs(bound.strides.at(-1)!);
        const bytes = step * binding.space.at(-1)! * bytesPerElement(bound.dtype) + this.alignment;
        return step > 1 && bytes > this.limit ? this.#together(bound, binding.space, take) : bound;
      });
      this.#divide(program, { ...binding, inputs });
    });
  }

  /** A copy of an operand whose rows have their elements far apart, with rows in one piece. */
  #together(bound: Bound, space: readonly number[], take: Pool["take"]): Bound {
    const sizes = space.map((size, axis) => bound.strides[axis] === 0 ? 1 : size);
    const size = sizes.reduce((x, y) => x * y, 1);
    const buffer = take(4 * size, sizes);
    const strides = sizes.map((length, axis) =>
      length === 1 ? 0 : sizes.slice(axis + 1).reduce((x, y) => x * y, 1)
    );
    const [dtype, program] = bound.dtype === "u32"
      ? ["u32", copyWordProgram] as const
      : ["f32", copyProgram] as const;
    const copy: Bound = { buffer, dtype, offset: 0, strides };
    const binding = { inputs: [bound], outputs: [copy], indices: [], scalars: [] };
    this.#divide(program, { space: sizes, ...binding });
    return copy;
  }

  #divide(program: Program, binding: Binding): void {
    const { sizes, operands, divides } = accessPatternOf(program, binding);
    const spans = operands.map((reach) => this.#span(reach, sizes));
    const bytes = spans.map(([start, end]) => end - start);
    const most = Math.max(...bytes);
    const loop = loopOf(program, sizes);
    const fits = most <= this.limit;
    if (fits && loop.turns <= this.turns) {
      return this.record(program, this.#inWindows(binding, spans));
    }
    const { steps } = operands[bytes.indexOf(most)]!;
    const reach = sizes.map((size, axis) =>
      divides(axis) ? (size - 1) * Math.abs(steps[axis]!) : 0
    );
    const axis = fits ? loop.axis : reach.indexOf(Math.max(...reach));
    if (!fits && reach[axis] === 0) {
      throw new DeviceError(
        `Cannot run a ${program.family} program over ${most} bytes that must be bound together ` +
          `as the adapter binds at most ${this.limit}: its axes have sizes [${sizes}]`,
      );
    }
    const size = sizes[axis]!;
    // Pieces of whole blocks keep rows aligned.
    const half = size > 128 ? Math.ceil(size / 128) * 64 : Math.ceil(size / 2);
    const parts = [[0, half], [half, size - half]] as const;
    const halves = parts.map(([from, length]) => restrict(program, binding, axis, from, length));
    if (program.family === "matmul" && axis === sizes.length - 1) {
      this.#inner(program, binding, halves);
    } else for (const piece of halves) this.#divide(program, piece);
  }

  /** Products over two parts of the inner axis, then their sum with the epilogue. */
  #inner(program: MatmulProgram, binding: Binding, halves: readonly Binding[]): void {
    const shape = binding.space.slice(0, -1);
    const steps = shape.map((_, axis) => shape.slice(axis + 1).reduce((x, y) => x * y, 2));
    this.pool.lending((take) => {
      const buffer = take(4 * shape.reduce((x, y) => x * y, 2), [...shape, 2]);
      const partial: Bound = { buffer, dtype: "f32", offset: 0, strides: [...steps, 1] };
      halves.forEach(({ space, inputs }, offset) => {
        this.run(plainProduct, {
          space,
          inputs: inputs.slice(0, 2),
          outputs: [{ ...partial, offset, strides: steps }],
          indices: [],
          scalars: [],
        });
      });
      this.run(finishProgram(program), finishBinding(binding, partial, 2));
    });
  }

  /** First byte of the operand, aligned, and the byte after its last. */
  #span({ bound: { offset, dtype, buffer }, steps }: Reach, sizes: readonly number[]) {
    let [first, last] = [offset, offset];
    steps.forEach((step, axis) => {
      const span = step * (sizes[axis]! - 1);
      if (span < 0) first += span;
      else last += span;
    });
    const width = bytesPerElement(dtype);
    const start = Math.floor(first * width / this.alignment) * this.alignment;
    // Whole vectors, as kernels may read four elements at once.
    const end = Math.ceil((last + 1) * width / 16) * 16;
    return [start, Math.min(end, (buffer as GpuBuffer).slab.size)] as const;
  }

  #inWindows(binding: Binding, spans: readonly (readonly [number, number])[]): Binding {
    const place = (bound: Bound, k: number): Bound => {
      const slab = slabOf(bound);
      if (slab.size <= this.limit) return bound;
      const [start, end] = spans[k]!;
      const buffer = new GpuBuffer(end - start, this.pool.window(slab, start, end - start));
      return { ...bound, buffer, offset: bound.offset - start / bytesPerElement(bound.dtype) };
    };
    return {
      ...binding,
      inputs: binding.inputs.map(place),
      outputs: binding.outputs.map((bound, k) => place(bound, binding.inputs.length + k)),
    };
  }
}
