/**
 * The WebGPU backend: renders programs to WGSL and runs them on an adapter, real or in software.
 *
 * @module
 */

import type { Affine, Backend, Binding, Bound, Buffer } from "../../core/backend.ts";
import type { Dtype } from "../../core/dtype.ts";
import type {
  GatherProgram,
  MatmulProgram,
  Program,
  RowProgram,
  ScatterAddProgram,
} from "../../core/program.ts";
import { canonical } from "../plan/matmul_layout.ts";
import { DeviceErrors } from "./queue/device_errors.ts";
import { grid, type Launch, Launches, makeLaunch, slotsOf } from "./queue/launch.ts";
import { type GpuBuffer, Pool, writeWords } from "./memory/buffer_pool.ts";
import { layoutOf } from "./product/operand_layout.ts";
import { type MatmulShape, renderMatmul, shapeKey } from "./product/matmul.ts";
import { type MatmulVariant, turnOf } from "./product/variant.ts";
import { finishBinding, finishProgram, plainProduct } from "./product/split_k.ts";
import { CommandQueue } from "./queue/queue.ts";
import { Readback } from "./queue/readback.ts";
import { renderRowShader } from "./row/row.ts";
import { chooseRow, rowKey, walkOf, workOf } from "./row/row_shape.ts";
import { probeSubgroups, type Subgroups } from "./row/subgroups.ts";
import { gatherShader, scatterAddShader } from "./row/gather.ts";
import { type MatmulPolicy, usualPolicy } from "./product/matmul_policy.ts";
import { Windows } from "./memory/windows.ts";

/** What was found when the adapter was opened. */
export interface AdapterFacts {
  /** Vendor and device, for logs. */
  readonly description: string;
  /** Whether the adapter computes on the CPU. */
  readonly software: boolean;
}

/** One product that is recorded. */
interface ProductRun {
  /** `[…batch, M, N, K]`. */
  readonly space: readonly number[];
  /** Inner steps; where they are fewer than K, the first batch axis counts chunks of them. */
  readonly chunk: number;
  /** A, B, extras and results. */
  readonly operands: readonly Bound[];
  readonly scalars: readonly number[];
  readonly variant: MatmulVariant;
}

/** Runs programs on a WebGPU device. */
export class WebGpuBackend implements Backend {
  /** Name that `--backend` takes. */
  readonly name = "webgpu";
  /** Adapter, and whether it is software. */
  readonly description: string;
  /** How programs use subgroups, where {@linkcode prepare} found that they can. */
  subgroups: Subgroups | undefined;
  /** Buffers and bytes that are allocated now, and programs run since the device was opened. */
  readonly statistics = { buffers: 0, bytes: 0, peakBytes: 0, runs: 0 };
  readonly #pool: Pool;
  readonly #queue: CommandQueue;
  readonly #readback: Readback;
  readonly #deviceErrors: DeviceErrors;
  readonly #windows: Windows;
  readonly #launches = new Launches();

  /** Made by `openWebGpu`. */
  constructor(
    readonly device: GPUDevice,
    readonly facts: AdapterFacts,
    readonly policy: MatmulPolicy = usualPolicy,
    readonly bindingLimit: number = device.limits.maxStorageBufferBindingSize,
  ) {
    this.description = `WebGPU, ${facts.description}${facts.software ? " (software)" : ""}`;
    this.#deviceErrors = new DeviceErrors(device, this.description);
    this.#queue = new CommandQueue(device);
    this.#pool = new Pool(device, bindingLimit, 2 ** 31, (slab) => this.#queue.destroy(slab));
    this.#windows = new Windows(
      bindingLimit,
      device.limits.minStorageBufferOffsetAlignment,
      this.#pool,
      (program, binding) => this.#record(program, binding),
    );
    this.#readback = new Readback(device, this.#queue);
  }

  /**
   * Finds out how results can be read, and whether programs can use subgroups.
   *
   * @param subgroupSize Invocations of the largest subgroup, where the adapter says so
   */
  async prepare(subgroupSize?: number): Promise<void> {
    await this.#readback.probe();
    if (subgroupSize === undefined || !this.device.features.has("subgroups")) return;
    this.subgroups = await probeSubgroups(this.device, subgroupSize, (shader, bytes) => {
      const pipeline = this.#queue.compile(shader.code, () => shader);
      const buffer = this.#pool.take(bytes);
      const bound: Bound = { buffer, dtype: "u32", offset: 0, strides: [] };
      this.#queue.dispatch(makeLaunch(pipeline, [0], [[]], [], [1, 1, 1]), [bound], [], []);
      this.#pool.give(buffer);
      return this.#readback.read(buffer.slab.raw, 0, bytes);
    });
  }

  /** Dispatches recorded so far: a program may take several. */
  get dispatches(): number {
    return this.#queue.dispatches;
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
    this.#pool.give(buffer as GpuBuffer);
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
      throw await this.#deviceErrors.explain(error);
    }
    this.#deviceErrors.check();
    return result;
  }

  /** Records a program in the open pass; nothing runs before the queue is flushed. */
  run(program: Program, binding: Binding): void {
    this.statistics.runs++;
    if (binding.space.includes(0)) return;
    const run = program.family === "matmul" ? canonical(binding) : binding;
    if (this.#windows.concerns(run)) this.#windows.run(program, run);
    else this.#record(program, run);
  }

  #record(program: Program, binding: Binding): void {
    switch (program.family) {
      case "row":
        return this.#row(program, binding);
      case "matmul":
        return this.#matmul(program, binding);
      case "gather":
      case "scatterAdd":
        return this.#byIndex(program, binding);
      default:
        program satisfies never;
    }
  }

  #row(program: RowProgram, binding: Binding): void {
    const { space, inputs, outputs, indices, scalars } = binding;
    const bound = [...inputs, ...outputs];
    const operands = indices.length === 0 ? bound : [...bound, ...indices];
    const make = () => this.#rowLaunch(program, binding);
    const launch = this.#launches.find(program, space, operands, make);
    this.#queue.dispatch(launch, bound, indices, scalars);
  }

  #rowLaunch(program: RowProgram, { space, inputs, outputs, indices }: Binding): Launch {
    const used = slotsOf(program);
    const operands: Affine[] = [...inputs, ...outputs, ...indices.slice(0, used.indices)];
    const walk = walkOf(program, space, operands);
    const shape = chooseRow(program, walk, [...inputs, ...outputs], this);
    const pipeline = this.#queue.compile(
      `${program.key}/${rowKey(shape)}`,
      () => renderRowShader(program, shape),
    );
    const { count, groups } = workOf(shape, walk.space);
    return makeLaunch(pipeline, [...walk.space, count], walk.strides, used.scalars, grid(groups));
  }

  #matmul(program: MatmulProgram, binding: Binding): void {
    const { space, inputs, outputs, scalars } = binding;
    const [m, n, k] = space.slice(-3) as [number, number, number];
    const batch = space.slice(0, -3).reduce((a, b) => a * b, 1);
    const { variant, split } = this.policy({ m, n, k, batch }, this.facts.software);
    const fits = 4 * split * m * n * batch <= this.bindingLimit;
    if (split > 1 && fits) return this.#splitMatmul(program, binding, variant, split);
    this.#product(program, {
      space,
      chunk: k,
      operands: [...inputs, ...outputs],
      scalars,
      variant,
    });
  }

  /** Partial products over chunks of the inner axis, then their sum with the epilogue. */
  #splitMatmul(program: MatmulProgram, binding: Binding, variant: MatmulVariant, split: number) {
    const { space, inputs } = binding;
    const k = space.at(-1)!;
    const shape = space.slice(0, -1);
    const turn = turnOf(variant);
    const chunk = Math.ceil(k / split / turn) * turn;
    const chunks = Math.ceil(k / chunk);
    const [a, b] = inputs as readonly [Bound, Bound];
    const size = shape.reduce((x, y) => x * y, 1);
    const buffer = this.#pool.take(4 * chunks * size);
    const steps = shape.map((_, axis) => shape.slice(axis + 1).reduce((x, y) => x * y, 1));
    const along = (o: Bound, step: number) => ({ ...o, strides: [chunk * step, ...o.strides] });
    const partial: Bound = { buffer, dtype: "f32", offset: 0, strides: [size, ...steps] };
    const operands = [along(a, a.strides.at(-1)!), along(b, b.strides.at(-2)!), partial];
    const partials = { space: [chunks, ...space], chunk, operands, scalars: [], variant };
    this.#product(plainProduct, partials);
    const apart = { ...partial, strides: [...steps, size] };
    this.#row(finishProgram(program), finishBinding(binding, apart, chunks));
    this.#pool.give(buffer);
  }

  /** Records one product whose operands fit their bindings. */
  #product(program: MatmulProgram, run: ProductRun): void {
    const { space, chunk, operands, scalars, variant } = run;
    const sizes = [...space, chunk];
    const launch = this.#launches.find(program, sizes, operands, () => {
      const [m, n, k] = space.slice(-3) as [number, number, number];
      const shape: MatmulShape = {
        rank: space.length - 3,
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
      const count = space.slice(0, -3).reduce((a, b) => a * b, 1);
      const [bm, bn] = variant.tile;
      const groups = [Math.ceil(n / bn), Math.ceil(m / bm), count] as const;
      const strides = operands.map((o) => o.strides);
      return makeLaunch(pipeline, sizes, strides, slotsOf(program).scalars, groups);
    });
    this.#queue.dispatch(launch, operands, [], scalars);
  }

  #byIndex(program: GatherProgram | ScatterAddProgram, binding: Binding): void {
    const operands = [...binding.inputs, ...binding.outputs];
    const launch = this.#launches.find(program, binding.space, operands, () => {
      const [count, width, height = 0] = binding.space as [number, number, number?];
      const [table, rows] = binding.inputs as readonly [Bound, Bound];
      const { family } = program;
      const pipeline = this.#queue.compile(
        `${family}/${table.dtype}`,
        () => family === "gather" ? gatherShader(table.dtype) : scatterAddShader,
      );
      const elements = (family === "gather" ? count : height) * width;
      const sizes = [count, width, height, elements];
      const strides = [[...table.strides, 0], [rows.strides[0]!, 0, 0], [0, 0, 0]];
      const windows = ["u32", "u32"];
      return makeLaunch(pipeline, sizes, strides, windows, grid(Math.ceil(elements / 64)));
    });
    this.#queue.dispatch(launch, operands, [], binding.scalars);
  }

  /** Destroys the device and all its buffers. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#queue.flush();
    this.#pool.clear();
    this.#readback.close();
    this.#queue.close();
    this.device.destroy();
    return Promise.resolve();
  }
}
