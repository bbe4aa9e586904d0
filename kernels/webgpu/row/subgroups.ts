/**
 * Subgroups: invocations that add up without barriers. Whether programs can use them is found out by
 * trying: Deno offers them without listing them, and refuses the line that browsers require.
 *
 * @module
 */

import type { DeviceErrors } from "../queue/device_errors.ts";
import type { Shader } from "../shader.ts";

/** How programs use subgroups. */
export interface Subgroups {
  /** Text that must stand before such a program. */
  readonly prelude: string;
  /** Invocations of the largest subgroup that the adapter may form. */
  readonly largest: number;
}

/** Invocations of the smallest subgroup that WebGPU knows. */
export const smallestSubgroup = 4;

/** What browsers require: a subgroup has a row of its own, which their analysis does not see. */
export const browserPrelude = "enable subgroups;\ndiagnostic(off, subgroup_uniformity);\n";

/** Invocations of the workgroup that is tried. */
const size = 256;

/** Each invocation tells its place in the subgroup, the subgroup's size, a sum and a maximum. */
const code = `
@group(0) @binding(1) var<storage, read_write> a: array<vec4<u32>>;
@compute @workgroup_size(${size})
fn main(
  @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_size) width: u32,
  @builtin(subgroup_invocation_id) place: u32,
) {
a[lid] = vec4<u32>(place, width, subgroupAdd(lid), subgroupMax(lid));
}
`;

/**
 * Finds out how programs of a device use subgroups; `undefined` where they cannot.
 *
 * @param errors Tells what the device has against the shader that was run
 * @param run Runs a shader once and returns the first bytes of its one operand
 */
export async function probeSubgroups(
  errors: DeviceErrors,
  largest: number,
  run: (shader: Shader, bytes: number) => Promise<ArrayBuffer>,
): Promise<Subgroups | undefined> {
  for (const prelude of [browserPrelude, ""]) {
    const shader = { code: prelude + code, bound: [{ operand: 0, writable: true }] };
    const results = run(shader, 16 * size);
    const found = await results.then((bytes) => new Uint32Array(bytes), () => undefined);
    const error = await errors.take();
    if (error === undefined && found && isRight(found, largest)) return { prelude, largest };
  }
  return undefined;
}

/** Whether subgroups are neighbours in order, none is larger than it may be, and results are right. */
function isRight(found: Uint32Array, largest: number): boolean {
  for (let id = 0; id < size; id++) {
    const [place, width, sum, most] = [0, 1, 2, 3].map((i) => found[4 * id + i]!);
    const first = id - id % width!;
    const last = first + width! - 1;
    const expected = (first + last) * width! / 2;
    if (place !== id - first || width! > largest || sum !== expected || most !== last) return false;
  }
  return true;
}
