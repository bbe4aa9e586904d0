/**
 * The command queue: one open compute pass, parameters in a ring of uniform memory, bind groups by
 * buffer identity. Nothing is submitted before it must be.
 *
 * @module
 */

import type { GpuBuffer, Slab } from "./memory.ts";
import type { Shader } from "./shader.ts";

/** A compiled program. */
export interface Pipeline {
  /** Number that bind groups are cached by. */
  readonly id: number;
  /** The pipeline. */
  readonly pipeline: GPUComputePipeline;
  /** Layout of its bind group. */
  readonly layout: GPUBindGroupLayout;
  /** Operands in binding order. */
  readonly bound: Shader["bound"];
}

/** Dispatches that are submitted together, so that the GPU works while later ones are recorded. */
const slots = 96;
/** Bytes of parameters a dispatch may have; a multiple of the offset alignment of every adapter. */
const slotBytes = 1024;

/** Records dispatches and submits them together. */
export class CommandQueue {
  readonly #ring: GPUBuffer;
  readonly #numbers = new Int32Array(slotBytes / 4 * slots);
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #layouts = new Map<string, [GPUBindGroupLayout, GPUPipelineLayout]>();
  readonly #doomed: GPUBuffer[] = [];
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #used = 0;

  /** Makes the ring of parameters. */
  constructor(readonly device: GPUDevice) {
    this.#ring = device.createBuffer({
      size: slotBytes * slots,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
  }

  /** Whether dispatches wait for submission. */
  get pending(): boolean {
    return this.#used > 0;
  }

  /** The pipeline of a shader, compiled once for each text. */
  compile(key: string, render: () => Shader): Pipeline {
    let found = this.#pipelines.get(key);
    if (found !== undefined) return found;
    const { code, bound } = render();
    const [layout, pipelineLayout] = this.#layout(bound);
    const pipeline = this.device.createComputePipeline({
      layout: pipelineLayout,
      compute: { module: this.device.createShaderModule({ code }), entryPoint: "main" },
    });
    this.#pipelines.set(key, found = { id: this.#pipelines.size, pipeline, layout, bound });
    return found;
  }

  #layout(bound: Shader["bound"]): [GPUBindGroupLayout, GPUPipelineLayout] {
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
    found = [layout, this.device.createPipelineLayout({ bindGroupLayouts: [layout] })];
    this.#layouts.set(key, found);
    return found;
  }

  /** Records a dispatch; `operands` are all of the program's, of which it binds those it reads. */
  dispatch(
    pipeline: Pipeline,
    operands: readonly GpuBuffer[],
    parameters: readonly number[],
    [x, y, z]: readonly [number, number, number],
  ): void {
    if (this.#used === slots) this.flush();
    const slot = this.#used++;
    if (parameters.length * 4 > slotBytes) {
      throw new RangeError(`Cannot pass ${parameters.length} parameters: at most ${slotBytes / 4}`);
    }
    const at = slot * slotBytes / 4;
    for (let i = 0; i < parameters.length; i++) this.#numbers[at + i] = parameters[i]!;
    if (this.#pass === undefined) {
      this.#encoder = this.device.createCommandEncoder();
      this.#pass = this.#encoder.beginComputePass();
    }
    this.#pass.setPipeline(pipeline.pipeline);
    this.#pass.setBindGroup(0, this.#group(pipeline, operands), [slot * slotBytes]);
    this.#pass.dispatchWorkgroups(x, y, z);
  }

  #group({ id, layout, bound }: Pipeline, operands: readonly GpuBuffer[]): GPUBindGroup {
    let key = `${id}`;
    for (const { operand } of bound) key += `,${operands[operand]!.slab.id}`;
    let group = this.#groups.get(key);
    if (group !== undefined) return group;
    group = this.device.createBindGroup({
      layout,
      entries: [
        { binding: 0, resource: { buffer: this.#ring, size: slotBytes } },
        ...bound.map(({ operand }, i) => ({
          binding: i + 1,
          resource: { buffer: operands[operand]!.slab.raw },
        })),
      ],
    });
    this.#groups.set(key, group);
    return group;
  }

  /** Submits what was recorded, then `also`. */
  flush(also?: (encoder: GPUCommandEncoder) => void): void {
    if (this.#pass === undefined && also === undefined) return;
    this.#pass?.end();
    const encoder = this.#encoder ?? this.device.createCommandEncoder();
    also?.(encoder);
    // The parameters overtake the recorded commands, which have not been submitted yet.
    if (this.#used > 0) {
      this.device.queue.writeBuffer(this.#ring, 0, this.#numbers, 0, this.#used * slotBytes / 4);
    }
    this.device.queue.submit([encoder.finish()]);
    this.#encoder = this.#pass = undefined;
    this.#used = 0;
    for (const buffer of this.#doomed.splice(0)) buffer.destroy();
  }

  /** Destroys a slab once the commands that may use it are submitted. */
  destroy({ raw, id }: Slab): void {
    const ending = new RegExp(`,${id}(,|$)`);
    for (const key of this.#groups.keys()) if (ending.test(key)) this.#groups.delete(key);
    if (this.pending) this.#doomed.push(raw);
    else raw.destroy();
  }

  /** Frees the ring. */
  close(): void {
    this.#ring.destroy();
    this.#groups.clear();
  }
}
