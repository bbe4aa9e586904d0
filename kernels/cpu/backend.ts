/**
 * The CPU backend: generated JavaScript loops. Over f64 storage it is the oracle that every other
 * backend is tested against.
 *
 * @module
 */

import type { Backend, Binding, Bound, Buffer } from "../../core/backend.ts";
import { type Dtype, type TypedArray, viewAs } from "../../core/dtype.ts";
import {
  type MatmulProgram,
  type Program,
  readsRow,
  type RowProgram,
  rowProgram,
} from "../../core/program.ts";
import { coalesce, walkOuter } from "../coalesce.ts";
import { draw, erf } from "./functions.ts";
import { multiply } from "./matmul.ts";
import { type Motion, renderRow } from "./row.ts";

class CpuBuffer implements Buffer {
  readonly #views = new Map<Dtype, TypedArray>();

  constructor(readonly bytes: number, readonly memory: ArrayBuffer) {}

  /** The memory as elements of a type. */
  as(dtype: Dtype): TypedArray {
    let view = this.#views.get(dtype);
    if (view === undefined) this.#views.set(dtype, view = viewAs(dtype, this.memory));
    return view;
  }
}

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
    drawWord: typeof draw,
    errorFunction: typeof erf,
  ) => void;
  readonly scratch: number;
}

/** Bytes of released memory kept for the next allocation of the same size. */
const poolBudget = 512 * 2 ** 20;

class CpuBackend implements Backend {
  readonly name = "cpu";
  readonly description = "CPU, generated JavaScript";
  readonly statistics = { buffers: 0, bytes: 0, peakBytes: 0, runs: 0 };
  readonly #kernels = new Map<string, Kernel>();
  readonly #pool = new Map<number, CpuBuffer[]>();
  #pooled = 0;
  #scratch: Float64Array[] = [];
  #product = new Float64Array(0);

  supports(): boolean {
    return true;
  }

  allocate(bytes: number): Buffer {
    const s = this.statistics;
    s.buffers++;
    s.bytes += bytes;
    s.peakBytes = Math.max(s.peakBytes, s.bytes);
    const reused = this.#pool.get(bytes)?.pop();
    if (reused === undefined) return new CpuBuffer(bytes, new ArrayBuffer(bytes));
    this.#pooled -= bytes;
    return reused;
  }

  release(buffer: Buffer): void {
    this.statistics.buffers--;
    this.statistics.bytes -= buffer.bytes;
    if (this.#pooled + buffer.bytes > poolBudget) return;
    this.#pooled += buffer.bytes;
    const free = this.#pool.get(buffer.bytes);
    if (free === undefined) this.#pool.set(buffer.bytes, [buffer as CpuBuffer]);
    else free.push(buffer as CpuBuffer);
  }

  write(buffer: Buffer, offset: number, source: ArrayBufferView): void {
    const bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    new Uint8Array((buffer as CpuBuffer).memory).set(bytes, offset);
  }

  read(buffer: Buffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    return Promise.resolve((buffer as CpuBuffer).memory.slice(offset, offset + bytes));
  }

  run(program: Program, binding: Binding): void {
    this.statistics.runs++;
    switch (program.family) {
      case "row":
        return this.#row(program, binding);
      case "matmul":
        return this.#matmul(program, binding);
      case "gather":
        return gather(binding);
      case "scatterAdd":
        return scatterAdd(binding);
      default:
        program satisfies never;
    }
  }

  #row(program: RowProgram, { space, inputs, outputs, indices, scalars }: Binding): void {
    const bound = [...inputs, ...outputs];
    const operands = [...bound, ...indices];
    const reduces = readsRow(program);
    const walk = coalesce(space.length > 0 ? space : [1], operands.map((o) => o.strides), reduces);
    if (space.includes(0)) return;
    const last = walk.space.length - 1;
    const columnSteps = walk.strides.map((steps) => steps[last]!);
    const rowSteps = walk.strides.map((steps) => steps[last - 1]!);
    const kernel = this.#kernel(program, bound, columnSteps);
    const [rows, cols] = [walk.space[last - 1]!, walk.space[last]!];
    const scratch = this.#rows(kernel.scratch, cols);
    const arrays = bound.map(elements);
    walkOuter(walk, 2, operands.map((o) => o.offset), (offsets) => {
      kernel.run(rows, cols, arrays, offsets, rowSteps, columnSteps, scalars, scratch, draw, erf);
    });
  }

  /** One function for each program, set of dtypes and way of moving along the row. */
  #kernel(program: RowProgram, bound: readonly Bound[], columnSteps: readonly number[]): Kernel {
    const motions = columnSteps.map((step): Motion => {
      return step === 0 ? "fixed" : step === 1 ? "unit" : "step";
    });
    const key = `${program.key}/${bound.map((b) => b.dtype)}/${motions}`;
    let kernel = this.#kernels.get(key);
    if (kernel === undefined) {
      const { text, scratch } = renderRow(program, motions);
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

  #matmul(program: MatmulProgram, binding: Binding): void {
    const { space, inputs, outputs } = binding;
    const [m, n, k] = space.slice(-3) as [number, number, number];
    const batch = space.slice(0, -3);
    if (this.#product.length < m * n) this.#product = new Float64Array(m * n);
    const rank = batch.length;
    const operands = [...inputs, ...outputs];
    const walk = {
      space: [...batch, m, n],
      strides: operands.map((o) => [...o.strides]),
    };
    const epilogue = rowProgram(program.inputs.slice(1), program.outputs);
    const [a, b] = inputs as readonly [Bound, Bound];
    const matrix = (o: Bound, offset: number) => ({
      data: elements(o),
      offset,
      rowStep: o.strides[rank]!,
      columnStep: o.strides[rank + 1]!,
    });
    const product: Bound = {
      buffer: new CpuBuffer(this.#product.byteLength, this.#product.buffer),
      dtype: "f64",
      offset: 0,
      strides: [n, 1],
    };
    const inner = (o: Bound, offset: number): Bound => ({
      buffer: o.buffer,
      dtype: o.dtype,
      offset,
      strides: o.strides.slice(rank),
    });
    walkOuter(walk, 2, operands.map((o) => o.offset), (offsets) => {
      multiply(matrix(a, offsets[0]!), matrix(b, offsets[1]!), m, n, k, this.#product);
      this.#row(epilogue, {
        space: [m, n],
        inputs: [product, ...inputs.slice(2).map((o, i) => inner(o, offsets[i + 2]!))],
        outputs: outputs.map((o, i) => inner(o, offsets[inputs.length + i]!)),
        indices: [],
        scalars: binding.scalars,
      });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#pool.clear();
    this.#pooled = 0;
    return Promise.resolve();
  }
}

function elements({ buffer, dtype }: Bound): TypedArray {
  return (buffer as CpuBuffer).as(dtype);
}

function gather({ space, inputs, outputs }: Binding): void {
  const [count, width] = space as [number, number];
  const [table, rows] = inputs as [Bound, Bound];
  const [from, at, to] = [elements(table), elements(rows), elements(outputs[0]!)];
  for (let i = 0; i < count; i++) {
    const row = table.offset + at[rows.offset + i * rows.strides[0]!]! * table.strides[0]!;
    for (let j = 0; j < width; j++) to[i * width + j] = from[row + j * table.strides[1]!]!;
  }
}

function scatterAdd({ space, inputs, outputs }: Binding): void {
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

/** Opens the CPU backend. */
export function openCpu(): Backend {
  return new CpuBackend();
}
