/**
 * WGSL for gather and scatter-add. Scatter-add has a workgroup for each row of the result, or for a
 * part of one: it finds the indices that name the row, and each invocation adds the elements of its
 * column in order, so that the bits are the same every time.
 *
 * @module
 */

import type { Dtype } from "../../../core/dtype.ts";
import { groupNumber } from "../queue/launch.ts";
import { elementAt, elementType, halfReaders, type Shader } from "../shader.ts";

/** Invocations of a workgroup. */
const threads = 64;

const bound: Shader["bound"] = [
  { operand: 0, writable: false },
  { operand: 1, writable: false },
  { operand: 2, writable: true },
];

const head = (dtype: Dtype, shared = "") =>
  `@group(0) @binding(0) var<uniform> u: array<vec4<i32>, 5>;
@group(0) @binding(1) var<storage, read> a0: array<${elementType(dtype)}>;
@group(0) @binding(2) var<storage, read> a1: array<u32>;
@group(0) @binding(3) var<storage, read_write> a2: array<f32>;
${shared}${halfReaders([dtype], bound)}@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) wn: vec3<u32>,
  @builtin(local_invocation_id) lid: vec3<u32>,
) {
let group = i32(${groupNumber});
let width = u[0].y;
`;

/**
 * Parameters: count, width, height, elements of the result; offset and two strides of the table or
 * the values; offset and stride of the indices; offset of the result; two numbers for windows. Those
 * of gather are the row of the table that is bound first and how many are, where not all: the others
 * are left to other runs.
 */
export function gatherShader(dtype: Dtype): Shader {
  const code = `${head(dtype)}
let id = group * ${threads} + i32(lid.x);
if (id >= u[0].w) { return; }
let row = id / width;
let column = id % width;
let source = i32(a1[u[2].x + row * u[2].y]) - u[4].x;
if (u[4].y > 0 && (source < 0 || source >= u[4].y)) { return; }
a2[u[3].x + id] = ${elementAt(0, dtype, "u[1].x + source * u[1].y + column * u[1].z")};
}
`;
  return { code, bound };
}

/** Indices that a workgroup looks at in a turn, a bit each. */
const turn = 4 * threads;

/** The same, but the last two are the row of the result that is bound first and whether to go on. */
export const scatterAddShader: Shader = {
  code: `${head("f32", `var<workgroup> met: array<atomic<u32>, ${turn / 32}>;\n`)}
let parts = (width + ${threads - 1}) / ${threads};
let row = group / parts;
if (row >= u[0].z) { return; }
let column = (group % parts) * ${threads} + i32(lid.x);
let within = column < width;
let place = u[3].x + row * width + column;
var total = 0.0;
if (within && u[4].y > 0) { total = a2[place]; }
for (var first = 0; first < u[0].x; first += ${turn}) {
  if (lid.x < ${turn / 32}u) { atomicStore(&met[lid.x], 0u); }
  workgroupBarrier();
  for (var at = lid.x; at < ${turn}u; at += ${threads}u) {
    let i = first + i32(at);
    if (i < u[0].x && i32(a1[u[2].x + i * u[2].y]) - u[4].x == row) {
      atomicOr(&met[at >> 5u], 1u << (at & 31u));
    }
  }
  workgroupBarrier();
  for (var word = 0; word < ${turn / 32}; word++) {
    var bits = atomicLoad(&met[word]);
    while (bits != 0u) {
      let i = first + 32 * word + i32(countTrailingZeros(bits));
      if (within) { total += a0[u[1].x + i * u[1].y + column * u[1].z]; }
      bits &= bits - 1u;
    }
  }
  workgroupBarrier();
}
if (within) { a2[place] = total; }
}
`,
  bound,
};

/** Workgroups of either. */
export function gatherGroups(family: "gather" | "scatterAdd", space: readonly number[]): number {
  const [count, width, height = count] = space as [number, number, number?];
  return family === "gather"
    ? Math.ceil(count * width / threads)
    : height * Math.ceil(width / threads);
}
