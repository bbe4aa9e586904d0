/**
 * The WebGPU backend: renders programs to WGSL and runs them on an adapter, real or in software.
 *
 * @module
 */

import type {
  Affine,
  Backend,
  BackendStatistics,
  Binding,
  Bound,
  Buffer,
  Capturing,
  FusedAttention,
} from "../../core/backend.ts";
import type { Dtype } from "../../core/dtype.ts";
import type { GatherProgram, Program, RowProgram, ScatterAddProgram } from "../../core/program.ts";
import { Counts } from "../plan/counts.ts";
import { Layouts } from "../plan/layouts.ts";
import { canonical } from "../plan/matmul_layout.ts";
import { walkOf } from "../plan/row_walk.ts";
import { slotsOf } from "../plan/slots.ts";
import type { AttentionPolicy } from "./attention/attention_policy.ts";
import { WebGpuAttention } from "./attention/attentions.ts";
import { DeviceErrors } from "./queue/device_errors.ts";
import { GpuCapturing } from "./queue/gpu_capturing.ts";
import { grid, type Launch, makeLaunch } from "./queue/launch.ts";
import { type GpuBuffer, Pool, writeWords } from "./memory/buffer_pool.ts";
import { type Limits, limitsOf, longestLoop } from "./limits.ts";
import { Products } from "./product/products.ts";
import { CommandQueue } from "./queue/queue.ts";
import { Readback } from "./queue/readback.ts";
import { type RowStep, rowSteps, runSteps } from "./row/few_operands.ts";
import { renderRowShader } from "./row/row.ts";
import { chooseRow, rowKey, workOf } from "./row/row_shape.ts";
import { probeSubgroups, type Subgroups } from "./row/subgroups.ts";
import { gatherGroups, gatherShader, scatterAddShader } from "./row/gather.ts";
import { type MatmulPolicy, usualPolicy } from "./product/matmul_policy.ts";
import { Windows } from "./memory/windows.ts";

/** What was found when the adapter was opened. */
export interface AdapterFacts {
  /** Vendor and device, for logs. */
  readonly description: string;
  /** Whether the adapter computes on the CPU. */
  readonly software: boolean;
}

/** Runs programs on a WebGPU device. */
export class WebGpuBackend implements Backend {
  /** Name that `--backend` takes. */
  readonly name = "webgpu";
  /** Adapter, and whether it is software. */
  readonly description: string;
  /** How programs use subgroups, where {@linkcode prepare} found that they can. */
  subgroups: Subgroups | undefined;
  readonly #counts = new Counts();
  /** Buffers and bytes that are allocated now, and programs run since the device was opened. */
  readonly statistics: BackendStatistics = this.#counts;
  readonly #pool: Pool;
  readonly #queue: CommandQueue;
  readonly #readback: Readback;
  readonly #errors: DeviceErrors;
  readonly #windows: Windows;
  readonly #products: Products;
  readonly #capturing: GpuCapturing;
  /** Captures work, so that it can be queued again without being computed. */
  readonly capturing: Capturing;
  /** Attention in one program, where there is a policy for it. */
  readonly attention: FusedAttention | undefined;
  readonly #launches = new Layouts<Launch>();
  readonly #steps = new WeakMap<RowProgram, readonly RowStep[] | undefined>();

  /** What programs, dispatches and bindings keep to. */
  readonly limits: Limits;

  /**
   * Made by `openAdapter`.
   *
   * @param lower Limits to keep to in place of those of the device
   * @param attention Tiles of attention in one program; absent where it is composed
   */
  constructor(
    readonly device: GPUDevice,
    readonly facts: AdapterFacts,
    readonly policy: MatmulPolicy = usualPolicy,
    lower: Partial<Limits> = {},
    attention?: AttentionPolicy,
  ) {
    this.description = `WebGPU, ${facts.description}${facts.software ? " (software)" : ""}`;
    this.limits = limitsOf(device.limits, lower);
    const { maxBufferSize, maxStorageBufferBindingSize: binding } = this.limits;
    this.#errors = new DeviceErrors(device, this.description);
    this.#queue = new CommandQueue(
      device,
      this.#errors,
      this.limits.maxStorageBuffersPerShaderStage,
    );
    const createBuffer = this.#errors.createBuffer.bind(this.#errors);
    const destroy = this.#queue.destroy.bind(this.#queue);
    this.#pool = new Pool({ maxBufferSize, createBuffer }, binding, 2 ** 31, destroy);
    this.#windows = new Windows(
      binding,
      device.limits.minStorageBufferOffsetAlignment,
      longestLoop(facts.software),
      this.#pool,
      (program, binding) => this.#record(program, binding),
    );
    const host = { policy, facts, limits: this.limits, finish: this.#row.bind(this) };
    this.#products = new Products(host, this.#queue, this.#launches, this.#pool);
    this.attention = attention && new WebGpuAttention({
      ...{ policy: attention, software: facts.software, limits: this.limits },
      ...{ queue: this.#queue, launches: this.#launches, count: () => this.#counts.runs++ },
    });
    this.#readback = new Readback(maxBufferSize, this.#queue, this.#errors);
    this.capturing = this.#capturing = this.#makeCapturing();
  }

  #makeCapturing(): GpuCapturing {
    const count = (runs: number, bytes: number) => {
      this.#counts.runs += runs;
      this.#counts.allocated(bytes);
      this.#counts.released(bytes);
    };
    const host = { queue: this.#queue, pool: this.#pool, count };
    return new GpuCapturing(host, () => this.#counts.runs);
  }

  /**
   * Finds out how results can be read, and whether programs can use subgroups.
   *
   * @param subgroupSize Invocations of the largest subgroup, where the adapter says so
   */
  async prepare(subgroupSize?: number): Promise<void> {
    await this.#readback.probe();
    if (subgroupSize === undefined || !this.device.features.has("subgroups")) return;
    await this.#errors.settle();
    this.subgroups = await probeSubgroups(this.#errors, subgroupSize, (shader, bytes) => {
      const pipeline = this.#queue.compile(shader.code, () => shader);
      return this.#pool.lending((take) => {
        const buffer = take(bytes);
        const bound: Bound = { buffer, dtype: "u32", offset: 0, strides: [] };
        this.#queue.dispatch(makeLaunch(pipeline, [0], [[]], [], [1, 1, 1]), [bound], [], []);
        return this.#readback.read(buffer.slab.raw, 0, bytes);
      });
    });
  }

  /** Dispatches recorded so far: a program may take several. */
  get dispatches(): number {
    return this.#queue.dispatches;
  }

  /** Lets benches say where the times of each dispatch are written, while they measure. */
  set timing(writes: (() => GPUComputePassTimestampWrites) | undefined) {
    this.#queue.timing = writes;
  }

  /** WGSL has no doubles. */
  supports(dtype: Dtype): boolean {
    return dtype !== "f64";
  }

  /** Takes memory from the pool. */
  allocate(bytes: number, shape?: readonly number[]): Buffer {
    const buffer = this.#pool.take(bytes, shape);
    this.#counts.allocated(bytes);
    return buffer;
  }

  /** Gives memory back to the pool. */
  release(buffer: Buffer): void {
    this.#counts.released(buffer.bytes);
    this.#pool.give(buffer as GpuBuffer);
  }

  /** Queues an upload after what was recorded. */
  write(buffer: Buffer, offset: number, source: ArrayBufferView): void {
    // Deno 2.9 panics at an upload of nothing.
    if (source.byteLength === 0) return;
    this.#capturing.spoil();
    this.#queue.flush();
    const { slab } = buffer as GpuBuffer;
    this.#errors.watch("uploading", () => writeWords(this.device.queue, slab, offset, source));
  }

  /**
   * Submits what was recorded and copies to the host.
   *
   * @throws {DeviceError} If the device was lost, has no memory left or refused a command, now or
   * at any time before: its memory then holds what cannot be trusted, and another must be opened
   */
  read(buffer: Buffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    this.#capturing.spoil();
    return this.#readback.read((buffer as GpuBuffer).slab.raw, offset, bytes);
  }

  /** Records a program in the open pass; nothing runs before the queue is flushed. */
  run(program: Program, binding: Binding): void {
    this.#counts.runs++;
    // What no rows are added to is 0.
    const written = program.family === "scatterAdd" ? binding.space.slice(1) : binding.space;
    if (written.includes(0)) return;
    const run = program.family === "matmul" ? canonical(binding) : binding;
    if (this.#windows.concerns(program, run)) this.#windows.run(program, run);
    else this.#record(program, run);
  }

  #record(program: Program, binding: Binding): void {
    switch (program.family) {
      case "row": {
        const steps = this.#stepsOf(program);
        const run = (part: RowProgram, bound: Binding) => this.#row(part, bound);
        return steps ? runSteps(steps, binding, this.#pool, run) : run(program, binding);
      }
      case "matmul":
        return this.#products.record(program, binding);
      case "gather":
      case "scatterAdd":
        return this.#byIndex(program, binding);
      default:
        program satisfies never;
    }
  }

  /** Steps of a program that meets more tensors than can be bound; undefined where it does not. */
  #stepsOf(program: RowProgram): readonly RowStep[] | undefined {
    const most = this.limits.maxStorageBuffersPerShaderStage;
    if (program.inputs.length + program.outputs.length <= most) return undefined;
    if (!this.#steps.has(program)) this.#steps.set(program, rowSteps(program, most));
    return this.#steps.get(program);
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
    const spread = grid(groups, this.limits.maxComputeWorkgroupsPerDimension);
    return makeLaunch(pipeline, [...walk.space, count], walk.strides, used.scalars, spread);
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
      const most = this.limits.maxComputeWorkgroupsPerDimension;
      const spread = grid(gatherGroups(family, binding.space), most);
      return makeLaunch(pipeline, sizes, strides, windows, spread);
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
