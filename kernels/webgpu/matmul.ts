/**
 * Renders matrix products to WGSL as straight-line code: the compiler guards loops and does not
 * unroll them, so accumulators are named and the inner tile is written out.
 *
 * @module
 */

import type { Dtype } from "../../core/dtype.ts";
import { type Expr, topological } from "../../core/expr.ts";
import type { MatmulProgram } from "../../core/program.ts";
import { helpers, type Leaves, nameOf, statement } from "./expression.ts";
import { declarePart, fetchPart, type Place, tileParts } from "./tile.ts";
import {
  bindings,
  elementAt,
  elementType,
  halfReaders,
  parameter,
  Parameters,
  type Shader,
  slotsUsed,
} from "./shader.ts";

/** A way to compute a product. Sizes are in elements. */
export interface MatmulVariant {
  /** Whether tiles pass through workgroup memory; else each invocation reads what it needs. */
  readonly tiled: boolean;
  /** Rows and columns of the result that a workgroup computes, and the depth of a tile. */
  readonly tile: readonly [number, number, number];
  /** Rows and columns that one invocation computes: 4 or 8. */
  readonly own: readonly [number, number];
  /** Whether the first batch axis stands for chunks of the inner axis. */
  readonly split: boolean;
  /** Whether the inner axis is contiguous in A and in B. */
  readonly contiguous: readonly [boolean, boolean];
}

/** Invocations of a workgroup. */
export function groupOf({ tile: [bm, bn], own: [tm, tn] }: MatmulVariant): [number, number] {
  return [bn / tn, bm / tm];
}

/**
 * Renders a product. Parameters: sizes (batch axes, M, N, K, chunk of K), then offset and strides of each
 * operand over the axes it has (A: batch, M, K; B: batch, K, N; others: batch, M, N), then scalars.
 *
 * @param rank Batch axes
 * @param dtypes Element types of A and B
 */
export function renderMatmul(
  program: MatmulProgram,
  rank: number,
  variant: MatmulVariant,
  dtypes: readonly [Dtype, Dtype] = ["f32", "f32"],
): Shader {
  const nodes = topological(program.outputs);
  const inputs = program.inputs.length;
  const operands = inputs + program.outputs.length;
  const places = new Parameters();
  const sizes = places.take(rank + 4);
  const operandPlaces = places.take(operands * (rank + 3));
  const scalarPlaces = places.take(slotsUsed(nodes, "scalar"));
  const place = (k: number, axis: number) => parameter(operandPlaces + k * (rank + 3) + 1 + axis);
  const [m, n, k, chunk] = [0, 1, 2, 3].map((axis) => parameter(sizes + rank + axis)) as [
    string,
    string,
    string,
    string,
  ];

  const used = new Set<number>([0, 1]);
  // In the epilogue input 0 is the product and input i is operand i + 1.
  for (const e of nodes) if (e.op === "input" && e.attribute > 0) used.add(e.attribute + 1);
  program.outputs.forEach((_, i) => used.add(inputs + i));
  const list = [...used].sort((a, b) => a - b);
  const bound = list.map((operand) => ({
    operand,
    writable: operand >= inputs,
    type: elementType(dtypes[operand] ?? "f32"),
  }));

  const element = (operand: number) =>
    `a${operand}[q${operand} + m * ${place(operand, rank)} + n * ${place(operand, rank + 1)}]`;
  const leaves: Leaves = {
    element: (_, slot) => slot === 0 ? "x" : element(slot + 1),
    index: () => "0u",
    scalar: (slot) => `bitcast<f32>(${parameter(scalarPlaces + slot)})`,
    columns: "1.0",
  };
  const epilogue = nodes.filter((e: Expr) => e.op !== "constant").map((e) => statement(e, leaves));
  const stores = program.outputs.map((e, i) => `${element(inputs + i)} = ${nameOf(e)};`);
  const privates = list.map((operand) => `var<private> q${operand}: i32;`).join("\n");
  const bases = list.map((operand) => {
    const terms = Array.from(
      { length: rank },
      (_, axis) => ` + z${axis} * ${place(operand, axis)}`,
    );
    return `q${operand} = ${parameter(operandPlaces + operand * (rank + 3))}${terms.join("")};`;
  });
  const batch = ["var rest = i32(wid.z);"];
  for (let axis = rank - 1; axis >= 0; axis--) {
    const size = parameter(sizes + axis);
    batch.push(
      axis === 0 ? "let z0 = rest;" : `let z${axis} = rest % ${size}; rest = rest / ${size};`,
    );
  }
  const [gx, gy] = groupOf(variant);
  const body = variant.tiled
    ? tiledBody(variant, place, rank, m, n, dtypes)
    : directBody(variant, place, rank, m, n, dtypes);
  const { tile: [bm, bn, bk] } = variant;
  const shared = variant.tiled
    ? `var<workgroup> tileA: array<vec4<f32>, ${bm * bk / 4}>;
var<workgroup> tileB: array<vec4<f32>, ${bn * bk / 4}>;`
    : "";
  const code = `${places.declaration()}
${bindings(bound)}
${privates}
${shared}
${halfReaders(dtypes, bound)}${helpers(nodes)}
fn finish(x: f32, m: i32, n: i32) {
if (m >= ${m} || n >= ${n}) { return; }
${epilogue.join("\n")}
${stores.join("\n")}
}
@compute @workgroup_size(${gx}, ${gy})
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(local_invocation_id) lid: vec3<u32>,
) {
${batch.join("\n")}
${bases.join("\n")}
let tx = i32(lid.x);
let ty = i32(lid.y);
let m0 = i32(wid.y) * ${bm};
let n0 = i32(wid.x) * ${bn};
let depth = ${variant.split ? `min(${chunk}, ${k} - z0 * ${chunk})` : k};
${body.join("\n")}
}
`;
  return { code, bound };
}

/** Names of an invocation's rows: groups of four, spread over the tile. */
function ownIndices(count: number, tile: number, lane: string): string[] {
  const groups = count / 4;
  return Array.from({ length: count }, (_, i) => {
    return `${Math.floor(i / 4) * (tile / groups)} + ${lane} * 4 + ${i % 4}`;
  });
}

function accumulators([tm, tn]: readonly [number, number]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < tm; i++) {
    for (let j = 0; j < tn / 4; j++) lines.push(`var c${i}_${j} = vec4<f32>();`);
  }
  return lines;
}

function finishes([tm, tn]: readonly [number, number], bm: number, bn: number): string[] {
  const rows = ownIndices(tm, bm, "ty");
  const cols = ownIndices(tn, bn, "tx");
  const lines: string[] = [];
  for (let i = 0; i < tm; i++) {
    for (let j = 0; j < tn; j++) {
      lines.push(`finish(c${i}_${j >> 2}.${"xyzw"[j & 3]}, m0 + ${rows[i]}, n0 + ${cols[j]});`);
    }
  }
  return lines;
}

/** Tiles in workgroup memory; the next tile is on its way from memory while one is multiplied. */
function tiledBody(
  variant: MatmulVariant,
  place: Place,
  rank: number,
  m: string,
  n: string,
  dtypes: readonly [Dtype, Dtype],
): string[] {
  const { tile: [bm, bn, bk], own: [tm, tn] } = variant;
  const [gx, gy] = groupOf(variant);
  const lines = [`let t = ty * ${gx} + tx;`, ...accumulators(variant.own)];
  const parts = [
    ...tileParts("A", 0, bm, bk, gx * gy, variant.contiguous[0]),
    ...tileParts("B", 1, bn, bk, gx * gy, variant.contiguous[1]),
  ];
  for (const part of parts) {
    lines.push(...declarePart(part, place, rank, part.operand === 0 ? m : n));
  }
  const fetch = (k0: string) => parts.flatMap((part) => fetchPart(part, k0, dtypes[part.operand]));
  lines.push(...fetch("0"), `for (var k0 = 0; k0 < depth; k0 += ${bk}) {`);
  for (const { name, guard, width, id } of parts) {
    lines.push(`if (${guard}) {`);
    for (let c = 0; c < 4; c++) {
      lines.push(`tile${name}[(k${id} * 4 + ${c}) * ${width / 4} + o${id}] = r${id}_${c};`);
    }
    lines.push("}");
  }
  lines.push("workgroupBarrier();", ...fetch(`k0 + ${bk}`));
  for (let kk = 0; kk < bk; kk++) {
    lines.push("{");
    for (let g = 0; g < tm / 4; g++) {
      lines.push(`let x${g} = tileA[${kk * bm / 4 + g * (bm / tm)} + ty];`);
    }
    for (let g = 0; g < tn / 4; g++) {
      lines.push(`let y${g} = tileB[${kk * bn / 4 + g * (bn / tn)} + tx];`);
    }
    for (let i = 0; i < tm; i++) {
      for (let j = 0; j < tn / 4; j++) {
        const factor = `vec4<f32>(x${i >> 2}.${"xyzw"[i & 3]})`;
        lines.push(`c${i}_${j} = fma(${factor}, y${j}, c${i}_${j});`);
      }
    }
    lines.push("}");
  }
  lines.push("workgroupBarrier();", "}", ...finishes(variant.own, bm, bn));
  return lines;
}

/** No workgroup memory: for software adapters, where barriers are dear. */
function directBody(
  variant: MatmulVariant,
  place: Place,
  rank: number,
  m: string,
  n: string,
  dtypes: readonly [Dtype, Dtype],
): string[] {
  const { tile: [bm, bn], own } = variant;
  const [tm, tn] = own;
  const rows = ownIndices(tm, bm, "ty");
  const cols = ownIndices(tn, bn, "tx");
  const lines = accumulators(own);
  rows.forEach((row, i) => {
    lines.push(`var pa${i} = q0 + min(m0 + ${row}, ${m} - 1) * ${place(0, rank)};`);
  });
  cols.forEach((col, j) => {
    lines.push(`var pb${j} = q1 + min(n0 + ${col}, ${n} - 1) * ${place(1, rank + 1)};`);
  });
  lines.push(
    `let sa = ${place(0, rank + 1)}; let sb = ${place(1, rank)};`,
    `for (var kk = 0; kk < depth; kk++) {`,
  );
  for (let j = 0; j < tn; j += 4) {
    const four = [0, 1, 2, 3].map((c) => elementAt(1, dtypes[1], `pb${j + c}`)).join(", ");
    lines.push(`let y${j >> 2} = vec4<f32>(${four});`);
  }
  for (let i = 0; i < tm; i++) {
    lines.push(`let x${i} = ${elementAt(0, dtypes[0], `pa${i}`)};`);
    for (let j = 0; j < tn / 4; j++) {
      lines.push(`c${i}_${j} = fma(vec4<f32>(x${i}), y${j}, c${i}_${j});`);
    }
  }
  for (let i = 0; i < tm; i++) lines.push(`pa${i} += sa;`);
  for (let j = 0; j < tn; j++) lines.push(`pb${j} += sb;`);
  lines.push("}", ...finishes(own, bm, bn));
  return lines;
}
