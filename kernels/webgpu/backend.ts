/**
 * The WebGPU backend: renders programs to WGSL and runs them on an adapter, real or in software.
 *
 * @module
 */

import type { Affine, Backend, Binding, Bound, Buffer } from "../../core/backend.ts";
import type { Dtype } from "../../core/dtype.ts";
import { topological } from "../../core/expr.ts";
import { type MatmulProgram, type Program, readsRow, type RowProgram } from "../../core/program.ts";
import { coalesce } from "../coalesce.ts";
import { Faults } from "./faults.ts";
import { type GpuBuffer, Pool, writeWords } from "./memory.ts";
import { layoutOf } from "./access.ts";
import { type MatmulShape, renderMatmul, shapeKey } from "./matmul.ts";
import { finishProgram, plainProduct } from "./split.ts";
import { CommandQueue } from "./queue.ts";
import { Readback } from "./readback.ts";
import { mapSize, renderRow, type RowVariant } from "./row.ts";
import { slotsUsed } from "./shader.ts";
import { gatherShader, scatterAddShader } from "./rows_by_index.ts";
import { type MatmulPolicy, usualPolicy } from "./choice.ts";
import { type MatmulVariant, turnOf } from "./variant.ts";

/** What was found when the adapter was opened. */
export interface AdapterFacts {
  /** Vendor and device, for logs. */
  readonly description: string;
  /** Whether the adapter computes on the CPU. */
  readonly software: boolean;
}

const floats = new Float32Array(1);
const bits = new Int32Array(floats.buffer);

/** Bit pattern of a float, as i32. */
function floatBits(value: number): number {
  floats[0] = value;
  return bits[0]!;
}

/** llvmpipe ends every loop after 65,535 turns, so long rows must be shared there too. */
const longestSerialRow = 4096;

interface Slots {
  readonly scalars: readonly string[];
  readonly indices: number;
}

/** Runs programs on a WebGPU device. */
export class WebGpuBackend implements Backend {
  /** Name for options. */
  readonly name = "webgpu";
  /** Adapter, and whether it is software. */
  readonly description: string;
  /** Live counts. */
  readonly statistics = { buffers: 0, bytes: 0, peakBytes: 0, runs: 0 };
  readonly #pool: Pool;
  readonly #queue: CommandQueue;
  readonly #readback: Readback;
  readonly #faults: Faults;
  readonly #slotsOf = new WeakMap<Program, Slots>();

  /** Made by `openWebGpu`. */
  constructor(
    readonly device: GPUDevice,
    readonly facts: AdapterFacts,
    readonly policy: MatmulPolicy = usualPolicy,
  ) {
    this.description = `WebGPU, ${facts.description}${facts.software ? " (software)" : ""}`;
    this.#faults = new Faults(device, this.description);
    this.#pool = new Pool(device, 2 ** 31);
    this.#queue = new CommandQueue(device);
    this.#readback = new Readback(device, this.#queue);
  }

  /** Finds out how results can be read. */
  prepare(): Promise<void> {
    return this.#readback.probe();
  }

  /** WGSL has no doubles. */
  supports(dtype: Dtype): boolean {
    return dtype !== "f64";
  }

  /** Takes memory from the pool. */
  allocate(bytes: number): Buffer {
    const s = this.statistics;
    s.buffers++;
    s.bytes += bytes;
    s.peakBytes = Math.max(s.peakBytes, s.bytes);
    return this.#pool.take(bytes);
  }

  /** Gives memory back to the pool. */
  release(buffer: Buffer): void {
    this.statistics.buffers--;
    this.statistics.bytes -= buffer.bytes;
    const own = buffer as GpuBuffer;
    if (!this.#pool.give(own)) this.#queue.destroy(own.slab);
  }

  /** Queues an upload after what was recorded. */
  write(buffer: Buffer, offset: number, source: ArrayBufferView): void {
    this.#queue.flush();
    writeWords(this.device.queue, (buffer as GpuBuffer).slab.raw, offset, source);
  }

  /**
   * Submits what was recorded and copies to the host.
   *
   * @throws {DeviceError} If the device was lost, has no memory left or refused a command
   */
  async read(buffer: Buffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    let result: ArrayBuffer;
    try {
      result = await this.#readback.read((buffer as GpuBuffer).slab.raw, offset, bytes);
    } catch (error) {
      throw await this.#faults.explain(error);
    }
    this.#faults.check();
    return result;
  }

  /** Records a program. */
  run(program: Program, binding: Binding): void {
    this.statistics.runs++;
    if (binding.space.includes(0)) return;
    switch (program.family) {
      case "row":
        return this.#row(program, binding);
      case "matmul":
        return this.#matmul(program, binding);
      case "gather":
        return this.#byIndex("gather", binding);
      case "scatterAdd":
        return this.#byIndex("scatterAdd", binding);
      default:
        program satisfies never;
    }
  }

  #row(program: RowProgram, { space, inputs, outputs, indices, scalars }: Binding): void {
    const bound = [...inputs, ...outputs];
    const used = indices.slice(0, this.#slots(program).indices);
    const operands: readonly Affine[] = [...bound, ...used];
    const rowwise = readsRow(program);
    const full = space.length > 0 ? space : [1];
    const walk = coalesce(full, operands.map((o) => o.strides), rowwise);
    const cols = walk.space.at(-1)!;
    const rank = walk.space.length;
    const elements = walk.space.reduce((a, b) => a * b, 1);
    const rows = elements / cols;
    const variant: RowVariant = !rowwise
      ? "map"
      : cols <= (this.facts.software ? longestSerialRow : 16)
      ? "serial"
      : "group";
    const groupSize = cols <= 64 ? 32 : cols <= 1024 ? 64 : 256;
    const dtypes = inputs.map(({ dtype }) => dtype);
    const shape = `${rank}/${variant}/${variant === "group" ? groupSize : 0}`;
    const pipeline = this.#queue.compile(
      `${program.key}/${shape}/${dtypes}`,
      () => renderRow(program, rank, variant, groupSize, dtypes),
    );
    const count = variant === "map" ? elements : rows;
    const parameters = [...walk.space, count];
    operands.forEach((o, k) =>
      parameters.push(o.offset | 0, ...walk.strides[k]!.map((s) => s | 0))
    );
    this.#pushScalars(program, scalars, parameters);
    const groups = variant === "group" ? count : Math.ceil(count / mapSize);
    const buffers = bound.map(({ buffer }) => buffer as GpuBuffer);
    this.#queue.dispatch(pipeline, buffers, parameters, grid(groups));
  }

  #matmul(program: MatmulProgram, binding: Binding): void {
    const { space, inputs, outputs, scalars } = binding;
    const [m, n, k] = space.slice(-3) as [number, number, number];
    const batch = space.slice(0, -3);
    const count = batch.reduce((a, b) => a * b, 1);
    const { variant, split } = this.policy({ m, n, k, batch: count }, this.facts.software);
    if (split > 1) return this.#splitMatmul(program, binding, variant, split);
    this.#product(program, [...batch, m, n, k], k, [...inputs, ...outputs], scalars, variant);
  }

  /** Partial products over chunks of the inner axis, then their sum with the epilogue. */
  #splitMatmul(program: MatmulProgram, binding: Binding, variant: MatmulVariant, split: number) {
    const { space, inputs, outputs, scalars } = binding;
    const [m, n, k] = space.slice(-3) as [number, number, number];
    const batch = space.slice(0, -3);
    const turn = turnOf(variant);
    const chunk = Math.ceil(k / split / turn) * turn;
    const chunks = Math.ceil(k / chunk);
    const [a, b] = inputs as readonly [Bound, Bound];
    const shape = [...batch, m, n];
    const size = shape.reduce((x, y) => x * y, 1);
    const buffer = this.#pool.take(4 * chunks * size);
    const steps = shape.map((_, axis) => shape.slice(axis + 1).reduce((x, y) => x * y, 1));
    const along = (o: Bound, step: number) => ({ ...o, strides: [chunk * step, ...o.strides] });
    const partial: Bound = { buffer, dtype: "f32", offset: 0, strides: [size, ...steps] };
    const operands = [along(a, a.strides.at(-1)!), along(b, b.strides.at(-2)!), partial];
    this.#product(plainProduct, [chunks, ...batch, m, n, k], chunk, operands, [], variant);
    const each = (o: Bound) => ({ ...o, strides: [...o.strides, 0] });
    this.#row(finishProgram(program), {
      space: [...shape, chunks],
      inputs: [{ ...partial, strides: [...steps, size] }, ...inputs.slice(2).map(each)],
      outputs: outputs.map(each),
      indices: [],
      scalars,
    });
    if (!this.#pool.give(buffer)) this.#queue.destroy(buffer.slab);
  }

  /** Records one product; where `chunk` is less than K, the first batch axis counts chunks. */
  #product(
    program: MatmulProgram,
    space: readonly number[],
    chunk: number,
    operands: readonly Bound[],
    scalars: readonly number[],
    variant: MatmulVariant,
  ): void {
    const rank = space.length - 3;
    const [m, n, k] = space.slice(rank) as [number, number, number];
    const shape: MatmulShape = {
      rank,
      variant,
      layout: layoutOf(space, operands),
      dtypes: [operands[0]!.dtype, operands[1]!.dtype],
      even: k % turnOf(variant) === 0,
      chunked: chunk < k,
    };
    const pipeline = this.#queue.compile(
      `${program.key}/${shapeKey(shape)}`,
      () => renderMatmul(program, shape),
    );
    const parameters = [...space, chunk];
    for (const { offset, strides } of operands) {
      parameters.push(offset | 0, ...strides.map((s) => s | 0));
    }
    this.#pushScalars(program, scalars, parameters);
    const count = space.slice(0, rank).reduce((a, b) => a * b, 1);
    const buffers = operands.map(({ buffer }) => buffer as GpuBuffer);
    const [bm, bn] = variant.tile;
    this.#queue.dispatch(pipeline, buffers, parameters, [
      Math.ceil(n / bn),
      Math.ceil(m / bm),
      count,
    ]);
  }

  #byIndex(family: "gather" | "scatterAdd", { space, inputs, outputs }: Binding): void {
    const [count, width, height = 0] = space as [number, number, number?];
    const [table, rows] = inputs as readonly [Bound, Bound];
    const out = outputs[0]!;
    const elements = (family === "gather" ? count : height) * width;
    const { dtype } = table;
    const pipeline = this.#queue.compile(
      `${family}/${dtype}`,
      () => family === "gather" ? gatherShader(dtype) : scatterAddShader,
    );
    const parameters = [count, width, height, elements];
    parameters.push(table.offset, table.strides[0]!, table.strides[1]!, 0);
    parameters.push(rows.offset, rows.strides[0]!, 0, 0, out.offset);
    const buffers = [table, rows, out].map(({ buffer }) => buffer as GpuBuffer);
    this.#queue.dispatch(pipeline, buffers, parameters, grid(Math.ceil(elements / 64)));
  }

  #pushScalars(program: RowProgram | MatmulProgram, scalars: readonly number[], to: number[]) {
    this.#slots(program).scalars.forEach((kind, i) => {
      const value = scalars[i] ?? 0;
      to.push(kind === "f32" ? floatBits(value) : value | 0);
    });
  }

  /** Kinds of the scalars and number of the indices that a program reads. */
  #slots(program: RowProgram | MatmulProgram): Slots {
    let found = this.#slotsOf.get(program);
    if (found === undefined) {
      const nodes = topological(program.outputs);
      const scalars = new Array<string>(slotsUsed(nodes, "scalar")).fill("u32");
      for (const e of nodes) if (e.op === "scalar") scalars[e.attribute] = e.kind;
      this.#slotsOf.set(program, found = { scalars, indices: slotsUsed(nodes, "index") });
    }
    return found;
  }

  /** Destroys the device. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#queue.flush();
    this.#pool.clear();
    this.#readback.close();
    this.#queue.close();
    this.device.destroy();
    return Promise.resolve();
  }
}

/** Workgroups in two axes, as one axis takes at most 65,535. */
function grid(groups: number): [number, number, number] {
  if (groups <= 65535) return [groups, 1, 1];
  const y = Math.ceil(groups / 65535);
  return [Math.ceil(groups / y), y, 1];
}
