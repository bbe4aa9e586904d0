/**
 * WGSL for gather and scatter-add. Scatter-add has one invocation for each element of the result,
 * which adds what belongs to it in order: the same bits every time, without atomics.
 *
 * @module
 */

import type { Dtype } from "../../../core/dtype.ts";
import { groupNumber } from "../queue/launch.ts";
import { elementAt, elementType, halfReaders, type Shader } from "../shader.ts";

const bound: Shader["bound"] = [
  { operand: 0, writable: false },
  { operand: 1, writable: false },
  { operand: 2, writable: true },
];

const head = (dtype: Dtype) =>
  `@group(0) @binding(0) var<uniform> u: array<vec4<i32>, 5>;
@group(0) @binding(1) var<storage, read> a0: array<${elementType(dtype)}>;
@group(0) @binding(2) var<storage, read> a1: array<u32>;
@group(0) @binding(3) var<storage, read_write> a2: array<f32>;
${halfReaders([dtype], bound)}@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) wn: vec3<u32>,
  @builtin(local_invocation_id) lid: vec3<u32>,
) {
let id = i32(${groupNumber} * 64u + lid.x);
let width = u[0].y;
if (id >= u[0].w) { return; }
let row = id / width;
let column = id % width;
`;

/**
 * Parameters: count, width, height, elements of the result; offset and two strides of the table or
 * the values; offset and stride of the indices; offset of the result; two numbers for windows. Those
 * of gather are the row of the table that is bound first and how many are, where not all: the others
 * are left to other runs.
 */
export function gatherShader(dtype: Dtype): Shader {
  const code = `${head(dtype)}
let source = i32(a1[u[2].x + row * u[2].y]) - u[4].x;
if (u[4].y > 0 && (source < 0 || source >= u[4].y)) { return; }
a2[u[3].x + id] = ${elementAt(0, dtype, "u[1].x + source * u[1].y + column * u[1].z")};
}
`;
  return { code, bound };
}

/** The same, but the last two are the row of the result that is bound first and whether to go on. */
export const scatterAddShader: Shader = {
  code: `${head("f32")}
var total = 0.0;
if (u[4].y > 0) { total = a2[u[3].x + id]; }
for (var i = 0; i < u[0].x; i++) {
  if (i32(a1[u[2].x + i * u[2].y]) - u[4].x == row) {
    total += a0[u[1].x + i * u[1].y + column * u[1].z];
  }
}
a2[u[3].x + id] = total;
}
`,
  bound,
};
