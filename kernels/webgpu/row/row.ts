/**
 * Renders row programs to WGSL: maps as one invocation an element or four of them, programs with
 * reductions as one invocation, one subgroup or one workgroup a row.
 *
 * @module
 */

import { type Expr, isReduction, topological, variesByColumn } from "../../../core/expr.ts";
import type { RowProgram } from "../../../core/program.ts";
import { slotsUsed } from "../../plan/slots.ts";
import { planRow, type RowPass, type RowPlan } from "../../plan/row_passes.ts";
import { combine, partial, sharedMemory, takeReduced } from "./row_reduction.ts";
import { helpers, type Leaves, statement, variableName } from "../expression.ts";
import { groupNumber } from "../queue/launch.ts";
import type { RowShape } from "./row_shape.ts";
import {
  bindings,
  elementAt,
  elementType,
  halfReaders,
  parameter,
  Parameters,
  type Shader,
} from "../shader.ts";

/**
 * Renders a program. Parameters: sizes of the axes, number of rows or of what a map counts, then
 * offset and strides of each operand (inputs, outputs, indices), then the scalars.
 */
export function renderRowShader(program: RowProgram, shape: RowShape): Shader {
  return new RowText(program, shape).render();
}

/** The text of one program in one shape. */
class RowText {
  readonly #nodes: readonly Expr[];
  readonly #plan: RowPlan;
  readonly #places = new Parameters();
  readonly #sizes: number;
  readonly #count: number;
  readonly #operands: number;
  readonly #scalars: number;
  readonly #isMap: boolean;
  /** Columns that are taken at once, by the names of a vector's components. */
  readonly #components: readonly string[];
  readonly #lines: string[] = [];

  constructor(readonly program: RowProgram, readonly shape: RowShape) {
    const { rank, kind, wide } = shape;
    this.#nodes = topological(program.outputs);
    this.#plan = planRow(program);
    const operands = this.#firstIndex + slotsUsed(this.#nodes, "index");
    this.#sizes = this.#places.take(rank);
    this.#count = this.#places.take(1);
    this.#operands = this.#places.take(operands * (rank + 1));
    this.#scalars = this.#places.take(slotsUsed(this.#nodes, "scalar"));
    this.#isMap = kind === "map";
    this.#components = wide.includes(true) ? ["x", "y", "z", "w"] : ["x"];
  }

  /** Number of the operands in memory; those after them are indices. */
  get #firstIndex(): number {
    return this.program.inputs.length + this.program.outputs.length;
  }

  render(): Shader {
    const { shape } = this;
    const used = this.#used();
    const bound = used.filter((k) => k < this.#firstIndex).map((operand) => ({
      operand,
      writable: operand >= this.program.inputs.length,
      type: shape.wide[operand] ? `vec4<${this.#type(operand)}>` : this.#type(operand),
    }));
    this.#findRow();
    for (const k of used) this.#point(k);
    this.#emit(this.#plan.uniform);
    if (this.#isMap) this.#map();
    else this.#passes();
    const builtins = shape.subgroups === undefined ? "" : `
  @builtin(subgroup_size) width: u32,
  @builtin(subgroup_invocation_id) place: u32,`;
    const code = `${shape.subgroups?.prelude ?? ""}${this.#places.declaration()}
${bindings(bound)}
${sharedMemory(this.#nodes.filter(isReduction).length, shape)}
${halfReaders(shape.dtypes, bound)}${helpers(this.#lines.join("\n"))}
@compute @workgroup_size(${shape.size})
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) wn: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,${builtins}
) {
${this.#lines.join("\n")}
}
`;
    return { code, bound };
  }

  /** Operands that the text mentions. */
  #used(): number[] {
    const used = new Set(this.program.outputs.map((_, k) => this.program.inputs.length + k));
    for (const { op, attribute } of this.#nodes) {
      if (op === "input") used.add(attribute);
      if (op === "index") used.add(this.#firstIndex + attribute);
    }
    return [...used].sort((a, b) => a - b);
  }

  #type(operand: number): "f32" | "u32" {
    const dtype = this.shape.dtypes[operand];
    if (dtype !== undefined) return elementType(dtype);
    const output = this.program.outputs[operand - this.program.inputs.length]!;
    return output.kind === "u32" ? "u32" : "f32";
  }

  /** Which row, or which part of a map, is the invocation's, and its coordinates. */
  #findRow(): void {
    const { kind, size, rank } = this.shape;
    const lines = this.#lines;
    if (kind === "group") lines.push(`let r = i32(${groupNumber}); let lane = i32(lid);`);
    else if (kind === "subgroup") {
      lines.push(`let r = i32(${groupNumber} * (${size}u / width) + lid / width);`);
      lines.push("let lane = i32(place);");
    } else lines.push(`let r = i32(${groupNumber} * ${size}u + lid);`);
    lines.push(`if (r >= ${parameter(this.#count)}) { return; }`, "var rest = r;");
    const axes = this.#isMap ? rank : rank - 1;
    for (let axis = axes - 1; axis >= 0; axis--) {
      const unit = axis === rank - 1 ? this.#components.length : 1;
      const length = `(${parameter(this.#sizes + axis)} / ${unit})`;
      lines.push(
        axis === 0
          ? `let c0 = rest * ${unit};`
          : `let c${axis} = rest % ${length} * ${unit}; rest = rest / ${length};`,
      );
    }
  }

  #stride(operand: number, axis: number): string {
    return parameter(this.#operands + operand * (this.shape.rank + 1) + 1 + axis);
  }

  /** Where an operand's row, or its part of a map, begins. */
  #point(operand: number): void {
    const { rank } = this.shape;
    const axes = Array.from({ length: this.#isMap ? rank : rank - 1 }, (_, axis) => axis);
    const terms = axes.map((axis) => ` + c${axis} * ${this.#stride(operand, axis)}`);
    this.#lines.push(`let p${operand} = ${this.#stride(operand, -1)}${terms.join("")};`);
  }

  /** Index of an operand's element: at the row, or at column `c` of those taken at once. */
  #at(operand: number, column: boolean, c: number): string {
    const columns = (this.#isMap ? [] : ["j"]).concat(c === 0 ? [] : [String(c)]);
    if (!column || columns.length === 0) return `p${operand}`;
    return `p${operand} + (${columns.join(" + ")}) * ${this.#stride(operand, this.shape.rank - 1)}`;
  }

  /** An operand's columns at hand as one vector. */
  #vector(operand: number): string {
    return `a${operand}[(p${operand}${this.#isMap ? "" : " + j"}) / 4]`;
  }

  #leaves(c: number): Leaves {
    const { dtypes, wide } = this.shape;
    return {
      element: (from, slot, column) => {
        const k = from === "input" ? slot : this.program.inputs.length + slot;
        if (wide[k] && column) return `w${k}.${this.#components[c]}`;
        return elementAt(k, dtypes[k] ?? "f32", this.#at(k, column, c));
      },
      index: (slot, column) => `bitcast<u32>(${this.#at(this.#firstIndex + slot, column, c)})`,
      scalar: (slot, kind) => {
        const type = kind === "f32" ? "f32" : "u32";
        return `bitcast<${type}>(${parameter(this.#scalars + slot)})`;
      },
      columns: `f32(${parameter(this.#sizes + this.shape.rank - 1)})`,
    };
  }

  #emit(nodes: readonly Expr[], c = 0): void {
    const leaves = this.#leaves(c);
    for (const e of nodes) {
      if (e.op !== "constant" && !isReduction(e)) this.#lines.push(statement(e, leaves));
    }
  }

  #map(): void {
    for (const pass of this.#plan.list) {
      this.#emit(pass.row);
      this.#columns(pass);
    }
  }

  #passes(): void {
    const { program: { outputs, inputs }, shape: { kind } } = this;
    const lines = this.#lines;
    lines.push(`let cols = ${parameter(this.#sizes + this.shape.rank - 1)};`);
    let combined = 0;
    for (const pass of this.#plan.list) {
      const { row, reductions, stored } = pass;
      this.#emit(row);
      if (reductions.length + stored.length === 0) continue;
      lines.push(...reductions.map(partial));
      const unit = this.#components.length;
      const lanes = kind === "serial" ? "1" : kind === "group" ? this.shape.size : "i32(width)";
      const first = kind === "serial" ? "0" : `lane * ${unit}`;
      lines.push(`for (var j = ${first}; j < cols; j += ${lanes} * ${unit}) {`);
      this.#columns(pass);
      lines.push("}", ...combine(reductions, this.shape, combined));
      combined += reductions.length;
    }
    const guard = kind === "serial" ? "" : "if (lane == 0) ";
    outputs.forEach((e, k) => {
      const operand = inputs.length + k;
      if (!variesByColumn(e)) {
        lines.push(`${guard}{ a${operand}[p${operand}] = ${variableName(e)}; }`);
      }
    });
  }

  /** The columns at hand: computes what is stored and what is reduced. */
  #columns({ columns, stored, reductions }: RowPass): void {
    const { program: { outputs, inputs }, shape: { wide } } = this;
    const lines = this.#lines;
    const operand = (k: number) => inputs.length + k;
    const read = new Set(columns.flatMap(({ op, attribute }) => {
      return op === "input" ? [attribute] : op === "old" ? [operand(attribute)] : [];
    }));
    for (const k of read) if (wide[k]) lines.push(`let w${k} = ${this.#vector(k)};`);
    const vectors = stored.filter((k) => wide[operand(k)]);
    for (const k of vectors) lines.push(`var o${k}: vec4<${this.#type(operand(k))}>;`);
    this.#components.forEach((component, c) => {
      lines.push("{");
      this.#emit(columns, c);
      lines.push(...reductions.map(takeReduced));
      for (const k of stored) {
        const target = wide[operand(k)]
          ? `o${k}.${component}`
          : `a${operand(k)}[${this.#at(operand(k), true, c)}]`;
        lines.push(`${target} = ${variableName(outputs[k]!)};`);
      }
      lines.push("}");
    });
    for (const k of vectors) lines.push(`${this.#vector(operand(k))} = o${k};`);
  }
}
