/**
 * Runs programs as generated JavaScript loops over buffers of any kind. Over f64 it is the oracle
 * that everything else is tested against; in f32 it takes what WebAssembly does not.
 *
 * @module
 */

import type { Binding, Bound } from "../../../core/backend.ts";
import { isHalf, type TypedArray } from "../../../core/dtype.ts";
import { decodeHalf } from "../../../core/half.ts";
import { type MatmulProgram, type RowProgram, rowProgram } from "../../../core/program.ts";
import { coalesce, walkOuter } from "../../plan/coalesce.ts";
import { CpuBuffer, elements } from "../buffer.ts";
import { type Motion, motionOf } from "../../plan/row_passes.ts";
import { keepsColumns } from "../../plan/row_walk.ts";
import { type Draw, drawFunction, erfDouble } from "./functions.ts";
import { multiply } from "./matmul.ts";
import { renderRowLoop } from "./row.ts";

interface Kernel {
  readonly run: (
    rows: number,
    cols: number,
    arrays: readonly TypedArray[],
    offsets: readonly number[],
    rowSteps: readonly number[],
    columnSteps: readonly number[],
    scalars: readonly number[],
    scratch: readonly Float64Array[],
    draw: Draw,
    errorFunction: typeof erfDouble,
  ) => void;
  readonly scratch: number;
}

/** Generated loops, one for each program and layout. */
export class JavaScriptEngine {
  readonly #kernels = new Map<string, Kernel>();
  #scratch: Float64Array[] = [];
  #product = new Float64Array(0);

  /** Runs a row program. */
  row(program: RowProgram, { space, inputs, outputs, indices, scalars }: Binding): void {
    const bound = [...inputs, ...outputs];
    const operands = [...bound, ...indices];
    const walk = coalesce(
      space.length > 0 ? space : [1],
      operands.map((o) => o.strides),
      keepsColumns(program, space),
    );
    if (space.includes(0)) return;
    const last = walk.space.length - 1;
    const columnSteps = walk.strides.map((steps) => steps[last]!);
    const rowSteps = walk.strides.map((steps) => steps[last - 1]!);
    const kernel = this.#kernel(program, bound, columnSteps);
    const [rows, cols] = [walk.space[last - 1]!, walk.space[last]!];
    const scratch = this.#rows(kernel.scratch, cols);
    const arrays = bound.map(elements);
    const draw = drawFunction();
    walkOuter(walk, 2, operands.map((o) => o.offset), (offsets) => {
      kernel.run(
        rows,
        cols,
        arrays,
        offsets,
        rowSteps,
        columnSteps,
        scalars,
        scratch,
        draw,
        erfDouble,
      );
    });
  }

  /** Runs a product with its epilogue. */
  matmul(program: MatmulProgram, binding: Binding): void {
    const { space, inputs, outputs } = binding;
    const [m, n, k] = space.slice(-3) as [number, number, number];
    const batch = space.slice(0, -3);
    if (this.#product.length < m * n) this.#product = new Float64Array(m * n);
    const rank = batch.length;
    const operands = [...inputs, ...outputs];
    const walk = { space: [...batch, m, n], strides: operands.map((o) => [...o.strides]) };
    const epilogue = rowProgram(program.inputs.slice(1), program.outputs);
    const [a, b] = inputs as readonly [Bound, Bound];
    const matrix = (o: Bound, offset: number) => ({
      data: elements(o),
      offset,
      rowStep: o.strides[rank]!,
      columnStep: o.strides[rank + 1]!,
    });
    const { buffer, byteLength } = this.#product;
    const product: Bound = {
      buffer: new CpuBuffer(byteLength, buffer, 0, false),
      dtype: "f64",
      offset: 0,
      strides: [n, 1],
    };
    const inner = ({ buffer, dtype, strides }: Bound, offset: number): Bound => {
      return { buffer, dtype, offset, strides: strides.slice(rank) };
    };
    walkOuter(walk, 2, operands.map((o) => o.offset), (offsets) => {
      multiply(matrix(a, offsets[0]!), matrix(b, offsets[1]!), [m, n, k], this.#product);
      this.row(epilogue, {
        space: [m, n],
        inputs: [product, ...inputs.slice(2).map((o, i) => inner(o, offsets[i + 2]!))],
        outputs: outputs.map((o, i) => inner(o, offsets[inputs.length + i]!)),
        indices: [],
        scalars: binding.scalars,
      });
    });
  }

  /** One function for each program, set of dtypes and way of moving along the row. */
  #kernel(program: RowProgram, bound: readonly Bound[], columnSteps: readonly number[]): Kernel {
    const motions: Motion[] = columnSteps.map(motionOf);
    const key = `${program.key}/${bound.map((b) => b.dtype)}/${motions}`;
    let kernel = this.#kernels.get(key);
    if (kernel === undefined) {
      const { text, scratch } = renderRowLoop(program, motions);
      const run = new Function(
        ..."rows cols arrays offsets rowSteps columnSteps scalars scratch draw erf".split(" "),
        text,
      ) as Kernel["run"];
      this.#kernels.set(key, kernel = { run, scratch });
    }
    return kernel;
  }

  #rows(count: number, cols: number): Float64Array[] {
    if (this.#scratch.length < count || (this.#scratch[0]?.length ?? 0) < cols) {
      const length = Math.max(cols, this.#scratch[0]?.length ?? 0);
      const needed = Math.max(count, this.#scratch.length);
      this.#scratch = Array.from({ length: needed }, () => new Float64Array(length));
    }
    return this.#scratch;
  }
}

/** `out[i, :] = table[index[i], :]`. */
export function runGather({ space, inputs, outputs }: Binding): void {
  const [count, width] = space as [number, number];
  const [table, rows] = inputs as [Bound, Bound];
  const [at, to] = [elements(rows), elements(outputs[0]!)];
  const [down, across] = table.strides as [number, number];
  const { halves } = table.buffer as CpuBuffer;
  // Halves are widened row by row where a row is dense, as the whole table may be large.
  const half = across === 1 && isHalf(table.dtype) ? table.dtype : undefined;
  const from = half === undefined ? elements(table) : undefined;
  for (let i = 0; i < count; i++) {
    const row = table.offset + at[rows.offset + i * rows.strides[0]!]! * down;
    if (from === undefined) {
      to.set(decodeHalf(halves.subarray(row, row + width), half!), i * width);
    } else if (across === 1 && width > 1) to.set(from.subarray(row, row + width), i * width);
    else for (let j = 0; j < width; j++) to[i * width + j] = from[row + j * across]!;
  }
}

/** `out = 0; out[index[i], :] += rows[i, :]`, in the order of i. */
export function runScatterAdd({ space, inputs, outputs }: Binding): void {
  const [count, width, height] = space as [number, number, number];
  const [values, rows] = inputs as [Bound, Bound];
  const [from, at, to] = [elements(values), elements(rows), elements(outputs[0]!)];
  to.fill(0, 0, height * width);
  for (let i = 0; i < count; i++) {
    const row = at[rows.offset + i * rows.strides[0]!]! * width;
    const source = values.offset + i * values.strides[0]!;
    for (let j = 0; j < width; j++) to[row + j]! += from[source + j * values.strides[1]!]!;
  }
}
