/**
 * Launches: all about a dispatch that the layout of its operands decides. A step meets the layouts
 * of the step before, so pipelines, parameters and grids are looked up, not made.
 *
 * @module
 */

import type { Affine } from "../../../core/backend.ts";
import type { Dtype } from "../../../core/dtype.ts";
import { topological } from "../../../core/expr.ts";
import { DeviceError } from "../../../core/errors.ts";
import type { Program } from "../../../core/program.ts";
import { IntegerKey, IntegerMap } from "./integer_map.ts";
import { type Shader, slotsUsed } from "../shader.ts";

/** A compiled program and how its bindings are laid out. */
export interface Pipeline {
  /** What the device compiled. */
  readonly pipeline: GPUComputePipeline;
  /** Layout of its bind group. */
  readonly layout: GPUBindGroupLayout;
  /** Number of that layout. */
  readonly layoutId: number;
  /** Layout of the pipeline. */
  readonly pipelineLayout: GPUPipelineLayout;
  /** Operands in binding order. */
  readonly bound: Shader["bound"];
}

/** A dispatch without its buffers, offsets and scalars. */
export interface Launch {
  /** The compiled program of the dispatch. */
  readonly pipeline: Pipeline;
  /** Parameters: sizes, offset and strides of each operand, scalars; offsets and scalars are 0. */
  readonly parameters: Int32Array;
  /** Place of the first operand's offset. */
  readonly offsets: number;
  /** Places from one operand's offset to the next one's. */
  readonly step: number;
  /** Kinds of the scalars, which come last. */
  readonly scalars: readonly string[];
  /** Workgroups along three axes. */
  readonly groups: readonly [number, number, number];
}

/** Lays out the parameters; every operand has the same number of strides. */
export function makeLaunch(
  pipeline: Pipeline,
  sizes: readonly number[],
  strides: readonly (readonly number[])[],
  scalars: readonly string[],
  groups: Launch["groups"],
): Launch {
  const parameters = [...sizes];
  for (const steps of strides) parameters.push(0, ...steps);
  for (let i = 0; i < scalars.length; i++) parameters.push(0);
  const step = 1 + (strides[0]?.length ?? 0);
  const offsets = sizes.length;
  return { pipeline, parameters: Int32Array.from(parameters), offsets, step, scalars, groups };
}

/**
 * Workgroups in as few axes as hold them; shaders count them on by {@linkcode groupNumber}, and
 * leave out those beyond the last.
 *
 * @param most Workgroups that an axis can have
 * @throws {DeviceError} If three axes do not hold them
 */
export function grid(groups: number, most: number): Launch["groups"] {
  if (groups <= most) return [groups, 1, 1];
  const planes = Math.ceil(groups / most ** 2);
  if (planes > most) {
    throw new DeviceError(
      `Cannot run a program of ${groups} workgroups as the adapter runs at most ${most} along each ` +
        "of three axes",
    );
  }
  const rows = Math.ceil(groups / (planes * most));
  return [Math.ceil(groups / (planes * rows)), rows, planes];
}

/** WGSL of a workgroup's number, from `wid` (its id) and `wn` (how many there are). */
export const groupNumber = "((wid.z * wn.y + wid.y) * wn.x + wid.x)";

/** An operand; only those in memory have a type. */
type Operand = Affine & { readonly dtype?: Dtype };

const codes: Readonly<Record<Dtype, number>> = { f32: 0, f64: 1, u32: 2, f16: 3, bf16: 4 };

/** The launches that were made, by program and layout. */
export class Launches {
  readonly #made = new WeakMap<Program, IntegerMap<Launch>>();
  readonly #key = new IntegerKey();

  /**
   * The launch of a program for these sizes, strides and alignments to four elements; `make` is
   * called the first time.
   */
  find(
    program: Program,
    sizes: readonly number[],
    operands: readonly Operand[],
    make: () => Launch,
  ): Launch {
    let made = this.#made.get(program);
    if (made === undefined) this.#made.set(program, made = new IntegerMap(4096));
    const key = this.#key;
    key.clear();
    for (const size of sizes) key.add(size);
    for (const { dtype, offset, strides } of operands) {
      if (dtype !== undefined) key.add(4 * codes[dtype] + (offset & 3));
      for (const stride of strides) key.add(stride);
    }
    let launch = made.get(key);
    if (launch === undefined) {
      launch = make();
      made.set(key, launch);
    }
    return launch;
  }
}

/** Kinds of the scalars and number of the indices that a program reads. */
export function slotsOf(program: { readonly outputs: Parameters<typeof topological>[0] }) {
  const nodes = topological(program.outputs);
  const scalars = new Array<string>(slotsUsed(nodes, "scalar")).fill("u32");
  for (const e of nodes) if (e.op === "scalar") scalars[e.attribute] = e.kind;
  return { scalars, indices: slotsUsed(nodes, "index") };
}
