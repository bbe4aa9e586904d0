/**
 * The command queue: one open compute pass, parameters in a ring of uniform memory, bind groups by
 * buffer identity. Nothing is submitted before it must be.
 *
 * @module
 */

import type { Affine, Bound } from "../../../core/backend.ts";
import { DeviceError } from "../../../core/errors.ts";
import { IntegerKey, IntegerMap } from "../../plan/integer_map.ts";
import type { DeviceErrors } from "./device_errors.ts";
import type { Launch, Pipeline } from "./launch.ts";
import { type Slab, slabOf } from "../memory/buffer_pool.ts";
import type { Shader } from "../shader.ts";

/** Parameters come in units of the offset alignment that every adapter grants. */
const unitBytes = 256;
/** Units in the ring. */
const ringUnits = 256;
/** After a read the GPU is idle: so many dispatches go out at first, then twice as many each time. */
const firstFlush = 16;

/** Told of what is recorded. */
export interface DispatchObserver {
  /** A dispatch was recorded; the words begin with its parameters, offsets and scalars included. */
  dispatched(
    launch: Launch,
    operands: readonly Bound[],
    scalars: readonly number[],
    words: Int32Array,
  ): void;
}

/** Units that parameters take. */
function unitsOf({ length }: Int32Array): number {
  return Math.ceil(length * 4 / unitBytes);
}

/** Records dispatches and submits them together. */
export class CommandQueue {
  readonly #ring: GPUBuffer;
  readonly #numbers = new Int32Array(ringUnits * unitBytes / 4);
  readonly #floats = new Float32Array(this.#numbers.buffer);
  readonly #groups = new IntegerMap<GPUBindGroup>(2 ** 14);
  readonly #key = new IntegerKey();
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #layouts = new Map<string, Omit<Pipeline, "pipeline" | "bound">>();
  readonly #doomed: GPUBuffer[] = [];
  readonly #offset = new Uint32Array(1);
  /** Slabs of the dispatch at hand, in binding order. */
  readonly #slabs: Slab[] = [];
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #last: Pipeline | undefined;
  #used = 0;
  #flushAt = firstFlush;

  /**
   * Makes the ring of parameters.
   *
   * @param errors Watches all that is made and submitted
   * @param most Buffers that one program can bind
   */
  constructor(readonly device: GPUDevice, readonly errors: DeviceErrors, readonly most: number) {
    this.#ring = errors.createBuffer({
      size: unitBytes * ringUnits,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
  }

  /** Dispatches recorded since the queue was made. */
  dispatches = 0;
  /** Who is told of dispatches that are computed, if anyone. */
  observer: DispatchObserver | undefined;
  /** Where the times of each dispatch are written; dispatches have passes of their own then. */
  timing: (() => GPUComputePassTimestampWrites) | undefined;

  /** Whether dispatches wait for submission. */
  get pending(): boolean {
    return this.#used > 0;
  }

  /**
   * The pipeline of a shader, compiled once for each text.
   *
   * @throws {DeviceError} If the shader meets more tensors than the adapter can bind
   */
  compile(key: string, render: () => Shader): Pipeline {
    let found = this.#pipelines.get(key);
    if (found !== undefined) return found;
    const { code, bound } = render();
    if (bound.length > this.most) {
      throw new DeviceError(
        `Cannot run a program over ${bound.length} tensors at once as the adapter binds at most ` +
          `${this.most}`,
      );
    }
    found = this.errors.watch("compiling a program", () => {
      const layout = this.#layout(bound);
      const pipeline = this.device.createComputePipeline({
        layout: layout.pipelineLayout,
        compute: { module: this.device.createShaderModule({ code }), entryPoint: "main" },
      });
      return { ...layout, pipeline, bound };
    }, true);
    this.#pipelines.set(key, found);
    return found;
  }

  #layout(bound: Shader["bound"]): Omit<Pipeline, "pipeline" | "bound"> {
    const key = bound.map(({ writable }) => writable ? "w" : "r").join("");
    let found = this.#layouts.get(key);
    if (found !== undefined) return found;
    const visibility = GPUShaderStage.COMPUTE;
    const layout = this.device.createBindGroupLayout({
      entries: [
        { binding: 0, visibility, buffer: { type: "uniform", hasDynamicOffset: true } },
        ...bound.map(({ writable }, i): GPUBindGroupLayoutEntry => ({
          binding: i + 1,
          visibility,
          buffer: { type: writable ? "storage" : "read-only-storage" },
        })),
      ],
    });
    const pipelineLayout = this.device.createPipelineLayout({ bindGroupLayouts: [layout] });
    this.#layouts.set(key, found = { layout, layoutId: this.#layouts.size, pipelineLayout });
    return found;
  }

  /**
   * Records a dispatch.
   *
   * @param operands All of the program's operands in memory, of which it binds those it reads
   * @param indices Operands that are computed: their offsets alone count
   */
  dispatch(
    launch: Launch,
    operands: readonly Bound[],
    indices: readonly Affine[],
    scalars: readonly number[],
  ): void {
    const { pipeline, parameters, offsets, step, scalars: kinds } = launch;
    const at = this.#room(launch);
    const numbers = this.#numbers;
    numbers.set(parameters, at);
    const end = at + parameters.length - kinds.length;
    for (let k = 0, place = at + offsets; place < end; k++, place += step) {
      numbers[place] = (operands[k] ?? indices[k - operands.length]!).offset;
    }
    for (let i = 0; i < kinds.length; i++) {
      (kinds[i] === "f32" ? this.#floats : numbers)[end + i] = scalars[i] ?? 0;
    }
    const { bound } = pipeline;
    for (let k = 0; k < bound.length; k++) this.#slabs[k] = slabOf(operands[bound[k]!.operand]!);
    this.#record(launch, this.group(launch, this.#slabs));
    this.observer?.dispatched(launch, operands, scalars, numbers.subarray(at));
  }

  /** Records a dispatch whose parameters, offsets and scalars included, and bind group are known. */
  again(launch: Launch, parameters: Int32Array, group: GPUBindGroup): void {
    this.#numbers.set(parameters, this.#room(launch));
    this.#record(launch, group);
  }

  /** Place of the first word of a launch's parameters. */
  #room({ parameters }: Launch): number {
    if (this.#used + unitsOf(parameters) > Math.min(ringUnits, this.#flushAt)) this.flush();
    return this.#used * unitBytes / 4;
  }

  #record({ pipeline, parameters, groups }: Launch, group: GPUBindGroup): void {
    this.dispatches++;
    const timestampWrites = this.timing?.();
    if (this.#pass === undefined || timestampWrites !== undefined) {
      this.#pass?.end();
      this.#last = undefined;
      this.#encoder ??= this.device.createCommandEncoder();
      this.#pass = this.#encoder.beginComputePass(timestampWrites && { timestampWrites });
    }
    if (this.#last !== pipeline) this.#pass.setPipeline((this.#last = pipeline).pipeline);
    this.#offset[0] = this.#used * unitBytes;
    this.#pass.setBindGroup(0, group, this.#offset, 0, 1);
    this.#pass.dispatchWorkgroups(groups[0], groups[1], groups[2]);
    this.#used += unitsOf(parameters);
  }

  /** The bind group of a launch over slabs in binding order. */
  group({ pipeline, parameters }: Launch, slabs: readonly Slab[]): GPUBindGroup {
    const { layout, layoutId, bound } = pipeline;
    const units = unitsOf(parameters);
    const key = this.#key;
    key.clear();
    key.add(layoutId);
    key.add(units);
    for (let k = 0; k < bound.length; k++) key.add(slabs[k]!.id);
    let group = this.#groups.get(key);
    if (group !== undefined) return group;
    const entries = [
      { binding: 0, resource: { buffer: this.#ring, size: units * unitBytes } },
      ...bound.map((_, k) => {
        const { raw: buffer, offset, size } = slabs[k]!;
        return { binding: k + 1, resource: { buffer, offset, size } };
      }),
    ];
    group = this.errors.watch(
      "binding buffers",
      () => this.device.createBindGroup({ layout, entries }),
    );
    this.#groups.set(key, group);
    return group;
  }

  /** Submits what was recorded, then `also`. */
  flush(also?: (encoder: GPUCommandEncoder) => void): void {
    if (this.#pass === undefined && also === undefined) return;
    const [pass, recorded, used] = [this.#pass, this.#encoder, this.#used];
    this.#encoder = this.#pass = this.#last = undefined;
    this.#used = 0;
    this.errors.watch("submitting programs", () => {
      pass?.end();
      const encoder = recorded ?? this.device.createCommandEncoder();
      also?.(encoder);
      // The parameters overtake the recorded commands, which have not been submitted yet.
      if (used > 0) {
        this.device.queue.writeBuffer(this.#ring, 0, this.#numbers, 0, used * unitBytes / 4);
      }
      this.device.queue.submit([encoder.finish()]);
    });
    this.#flushAt = also === undefined ? 2 * this.#flushAt : firstFlush;
    for (const buffer of this.#doomed.splice(0)) buffer.destroy();
  }

  /** Destroys a slab once the commands that may use it are submitted. */
  destroy({ raw, id, windows }: Slab): void {
    const ids = [id, ...windows.map((window) => window.id)];
    this.#groups.drop((numbers) => ids.some((gone) => numbers.indexOf(gone, 2) >= 0));
    if (this.pending) this.#doomed.push(raw);
    else raw.destroy();
  }

  /** Destroys the ring of uniform memory and forgets its bind groups. */
  close(): void {
    this.#ring.destroy();
    this.#groups.clear();
  }
}
