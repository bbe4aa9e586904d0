/**
 * Renders row programs to WGSL: maps as one invocation an element, programs with reductions as one
 * workgroup a row, or one invocation a row where rows are short or workgroup memory is dear.
 *
 * @module
 */

import type { Dtype } from "../../core/dtype.ts";
import { depth, type Expr, isReduction, topological } from "../../core/expr.ts";
import type { RowProgram } from "../../core/program.ts";
import { helpers, type Leaves, nameOf, statement } from "./expression.ts";
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

/** How a row program is spread over invocations. */
export type RowVariant = "map" | "serial" | "group";

/** Invocations of a workgroup for maps and serial rows. */
export const mapSize = 64;

/**
 * Renders a program. Parameters: sizes of the axes, number of rows or elements, then offset and
 * strides of each operand (inputs, outputs, indices), then the scalars.
 *
 * @param rank Axes of the space
 * @param groupSize Invocations that share a row in the `group` variant; a power of two
 * @param dtypes Element types of the inputs
 */
export function renderRow(
  program: RowProgram,
  rank: number,
  variant: RowVariant,
  groupSize: number,
  dtypes: readonly Dtype[] = program.inputs.map((kind) => kind === "u32" ? "u32" : "f32"),
): Shader {
  const nodes = topological(program.outputs);
  const varies = (e: Expr) => (e.level & 2) !== 0;
  const inputs = program.inputs.length;
  const outputs = program.outputs.length;
  const indices = slotsUsed(nodes, "index");
  const places = new Parameters();
  const sizes = places.take(rank);
  const count = places.take(1);
  const operandPlaces = places.take((inputs + outputs + indices) * (rank + 1));
  const scalarPlaces = places.take(slotsUsed(nodes, "scalar"));

  const isMap = variant === "map";
  const step = (operand: number) => parameter(operandPlaces + operand * (rank + 1) + rank);
  const at = (operand: number, column: boolean) => {
    return column && !isMap ? `p${operand} + j * ${step(operand)}` : `p${operand}`;
  };
  const leaves: Leaves = {
    element: (operand, slot, column) => {
      const k = operand === "input" ? slot : inputs + slot;
      return elementAt(k, dtypes[k] ?? "f32", at(k, column));
    },
    index: (slot, column) => `bitcast<u32>(${at(inputs + outputs + slot, column)})`,
    scalar: (slot, kind) => {
      return `bitcast<${kind === "f32" ? "f32" : "u32"}>(${parameter(scalarPlaces + slot)})`;
    },
    columns: `f32(${parameter(sizes + rank - 1)})`,
  };

  const used = new Set<number>();
  for (const e of nodes) {
    if (e.op === "input") used.add(e.attribute);
    if (e.op === "index") used.add(inputs + outputs + e.attribute);
  }
  program.outputs.forEach((_, k) => used.add(inputs + k));
  const operands = [...used].sort((a, b) => a - b);
  const bound = operands.filter((k) => k < inputs + outputs).map((operand) => ({
    operand,
    writable: operand >= inputs,
    type: operand < inputs
      ? elementType(dtypes[operand]!)
      : program.outputs[operand - inputs]!.kind === "u32"
      ? "u32"
      : "f32",
  }));

  const lines: string[] = [];
  const group = variant === "group";
  const size = group ? groupSize : mapSize;
  if (group) {
    lines.push(
      "let r = i32(wid.y * wn.x + wid.x);",
      "let lane = i32(lid.x);",
      `if (r >= ${parameter(count)}) { return; }`,
    );
  } else {
    lines.push(
      `let r = i32((wid.y * wn.x + wid.x) * ${size}u + lid.x);`,
      `if (r >= ${parameter(count)}) { return; }`,
    );
  }
  // Coordinates of the row (of the element for maps), innermost first.
  const axes = isMap ? rank : rank - 1;
  lines.push("var rest = r;");
  for (let axis = axes - 1; axis >= 0; axis--) {
    lines.push(
      axis === 0
        ? "let c0 = rest;"
        : `let c${axis} = rest % ${parameter(sizes + axis)}; rest = rest / ${
          parameter(sizes + axis)
        };`,
    );
  }
  for (const k of operands) {
    const first = operandPlaces + k * (rank + 1);
    const terms = Array.from(
      { length: axes },
      (_, axis) => ` + c${axis} * ${parameter(first + 1 + axis)}`,
    );
    lines.push(`let p${k} = ${parameter(first)}${terms.join("")};`);
  }
  // The step along the row is the last of an operand's places.
  const emit = (e: Expr) => {
    if (e.op !== "constant") lines.push(statement(e, leaves));
  };
  for (const e of nodes) if (e.level === 0 && !isReduction(e)) emit(e);

  if (isMap) {
    for (const e of nodes) if (e.level !== 0) emit(e);
    program.outputs.forEach((e, k) => lines.push(`a${inputs + k}[p${inputs + k}] = ${nameOf(e)};`));
  } else {
    const passes = Math.max(...program.outputs.map(depth));
    lines.push(`let cols = ${parameter(sizes + rank - 1)};`);
    for (let pass = 0; pass <= passes; pass++) {
      for (const e of nodes) {
        if (e.level === 1 && !isReduction(e) && depth(e) === pass) emit(e);
      }
      renderPass(pass);
    }
    const guard = group ? "if (lane == 0) " : "";
    program.outputs.forEach((e, k) => {
      if (!varies(e)) lines.push(`${guard}{ a${inputs + k}[p${inputs + k}] = ${nameOf(e)}; }`);
    });
  }

  const shared = group ? `var<workgroup> lanes: array<f32, ${groupSize}>;` : "";
  const code = `${places.declaration()}
${bindings(bound)}
${shared}
${halfReaders(dtypes, bound)}${helpers(nodes)}
@compute @workgroup_size(${size})
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) wn: vec3<u32>,
  @builtin(local_invocation_id) lid: vec3<u32>,
) {
${lines.join("\n")}
}
`;
  return { code, bound };

  function renderPass(pass: number): void {
    const reductions = nodes.filter((e) => isReduction(e) && depth(e) === pass + 1);
    const stored = program.outputs.flatMap((e, k) => varies(e) && depth(e) === pass ? [k] : []);
    if (reductions.length + stored.length === 0) return;
    for (const e of reductions) {
      lines.push(`var s${e.id} = ${e.op === "rowSum" ? "0.0" : "-3.4028234663852886e38f"};`);
    }
    const [start, stride] = group ? ["lane", String(groupSize)] : ["0", "1"];
    lines.push(`for (var j = ${start}; j < cols; j += ${stride}) {`);
    const roots = [...reductions.map((e) => e.args[0]!), ...stored.map((k) => program.outputs[k]!)];
    for (const e of columnNodes(roots)) emit(e);
    for (const e of reductions) {
      const x = nameOf(e.args[0]!);
      lines.push(e.op === "rowSum" ? `s${e.id} += ${x};` : `s${e.id} = max(s${e.id}, ${x});`);
    }
    for (const k of stored) {
      lines.push(`a${inputs + k}[${at(inputs + k, true)}] = ${nameOf(program.outputs[k]!)};`);
    }
    lines.push("}");
    for (const e of reductions) {
      lines.push(
        ...(group ? combine(e, groupSize) : []),
        `let ${nameOf(e)} = ${group ? "lanes[0]" : `s${e.id}`};`,
        ...(group ? ["workgroupBarrier();"] : []),
      );
    }
  }
}

/** Reduces the workgroup's partial values to the first place, by halves. */
function combine(e: Expr, groupSize: number): string[] {
  const lines = [`lanes[lid.x] = s${e.id};`, "workgroupBarrier();"];
  for (let half = groupSize / 2; half >= 1; half /= 2) {
    const joined = e.op === "rowSum"
      ? `lanes[lid.x] + lanes[lid.x + ${half}u]`
      : `max(lanes[lid.x], lanes[lid.x + ${half}u])`;
    lines.push(`if (lid.x < ${half}u) { lanes[lid.x] = ${joined}; }`, "workgroupBarrier();");
  }
  return lines;
}

/** Nodes that vary along the row, operands first. */
function columnNodes(roots: readonly Expr[]): Expr[] {
  const order: Expr[] = [];
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if ((e.level & 2) === 0 || seen.has(e)) return;
    seen.add(e);
    e.args.forEach(visit);
    order.push(e);
  };
  roots.forEach(visit);
  return order;
}
