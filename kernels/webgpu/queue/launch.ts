/**
 * Launches: all about a dispatch that the layout of its operands decides. A step meets the layouts
 * of the step before, so pipelines, parameters and grids are looked up, not made.
 *
 * @module
 */

import { DeviceError } from "../../../core/errors.ts";
import type { Shader } from "../shader.ts";

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
