/**
 * Renders a row program to a JavaScript loop nest over `rows x columns`: one pass over the columns
 * for each reduction depth. Values that are dear and needed in several passes go to a scratch row.
 *
 * @module
 */

import { depth, type Expr, isReduction, topological } from "../../core/expr.ts";
import type { RowProgram } from "../../core/program.ts";
import { scalarRow } from "../../core/scalar.ts";

/** How an operand moves along a row: not at all, by one, or by a step given at the run. */
export type Motion = "fixed" | "unit" | "step";

/** Parts of the text, and how many scratch rows it uses. */
export interface Rendered {
  /** Body of `(rows, cols, arrays, offsets, rowSteps, columnSteps, scalars, scratch, draw, erf)`. */
  readonly text: string;
  /** Rows of scratch the text uses. */
  readonly scratch: number;
}

/** Operands in the order inputs, outputs, indices. */
export function renderRow(program: RowProgram, motions: readonly Motion[]): Rendered {
  const nodes = topological(program.outputs);
  const passes = Math.max(...program.outputs.map(depth));
  const varies = (e: Expr) => (e.level & 2) !== 0;
  const inputs = program.inputs.length;
  const indices = inputs + program.outputs.length;
  const scratch = scratchNodes(program, nodes, passes);

  const at = (operand: number, column: boolean): string => {
    const motion = column ? motions[operand]! : "fixed";
    if (motion === "fixed") return `p${operand}`;
    return motion === "unit" ? `p${operand} + j` : `p${operand} + j * s${operand}`;
  };
  const name = (e: Expr): string => {
    if (e.op !== "constant") return `v${e.id}`;
    return e.attribute < 0 ? `(${e.attribute})` : `${e.attribute}`;
  };
  const text = (e: Expr): string => {
    switch (e.op) {
      case "input":
        return `a${e.attribute}[${at(e.attribute, varies(e))}]`;
      case "old":
        return `a${inputs + e.attribute}[${at(inputs + e.attribute, true)}]`;
      case "index":
        return at(indices + e.attribute, varies(e));
      case "scalar":
        return `scalars[${e.attribute}]`;
      case "columns":
        return "cols";
      default:
        return scalarRow(e.op).js(...e.args.map(name));
    }
  };

  const lines: string[] = [];
  const operands = motions.map((_, k) => k);
  for (const k of operands) {
    lines.push(
      `const s${k} = columnSteps[${k}], r${k} = rowSteps[${k}]; let p${k} = offsets[${k}];`,
    );
    if (k < indices) lines.push(`const a${k} = arrays[${k}];`);
  }
  scratch.forEach((slot) => lines.push(`const t${slot} = scratch[${slot}];`));
  for (const e of nodes) {
    if (e.level === 0 && e.op !== "constant") lines.push(`const ${name(e)} = ${text(e)};`);
  }
  lines.push("for (let i = 0; i < rows; i++) {");
  const rowNodes = (stage: number) => {
    for (const e of nodes) {
      if (e.level === 1 && !isReduction(e) && depth(e) === stage) {
        lines.push(`const ${name(e)} = ${text(e)};`);
      }
    }
  };
  for (let pass = 0; pass <= passes; pass++) {
    rowNodes(pass);
    renderPass(pass);
  }
  program.outputs.forEach((e, k) => {
    if (!varies(e)) lines.push(`a${inputs + k}[p${inputs + k}] = ${name(e)};`);
  });
  lines.push(...operands.map((k) => `p${k} += r${k};`), "}");
  return { text: lines.join("\n"), scratch: scratch.size };

  function renderPass(pass: number): void {
    const reductions = nodes.filter((e) => isReduction(e) && depth(e) === pass + 1);
    const stored = program.outputs.flatMap((e, k) => varies(e) && depth(e) === pass ? [k] : []);
    if (reductions.length + stored.length === 0) return;
    for (const e of reductions) {
      lines.push(`let ${name(e)} = ${e.op === "rowSum" ? "0" : "-3.4028234663852886e38"};`);
    }
    lines.push("for (let j = 0; j < cols; j++) {");
    const roots = [...reductions.map((e) => e.args[0]!), ...stored.map((k) => program.outputs[k]!)];
    for (const e of columnNodes(roots, scratch, pass)) {
      const slot = scratch.get(e);
      if (slot !== undefined && depth(e) < pass) {
        lines.push(`const ${name(e)} = t${slot}[j]${e.kind === "bool" ? " !== 0" : ""};`);
        continue;
      }
      if (e.op !== "constant") lines.push(`const ${name(e)} = ${text(e)};`);
      if (slot !== undefined) {
        lines.push(`t${slot}[j] = ${name(e)}${e.kind === "bool" ? " ? 1 : 0" : ""};`);
      }
    }
    for (const e of reductions) {
      const x = name(e.args[0]!);
      lines.push(
        e.op === "rowSum" ? `${name(e)} += ${x};` : `if (${x} > ${name(e)}) ${name(e)} = ${x};`,
      );
    }
    for (const k of stored) {
      lines.push(`a${inputs + k}[${at(inputs + k, true)}] = ${name(program.outputs[k]!)};`);
    }
    lines.push("}");
  }
}

/** Nodes to compute in a pass, operands first; what an earlier pass stored is a leaf. */
function columnNodes(roots: readonly Expr[], scratch: ReadonlyMap<Expr, number>, pass: number) {
  const order: Expr[] = [];
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if ((e.level & 2) === 0 || seen.has(e)) return;
    seen.add(e);
    const loaded = scratch.has(e) && depth(e) < pass;
    if (!loaded) e.args.forEach(visit);
    order.push(e);
  };
  roots.forEach(visit);
  return order;
}

/** Costly nodes that two passes need, with their scratch row. */
function scratchNodes(program: RowProgram, nodes: readonly Expr[], passes: number) {
  const uses = new Map<Expr, number>();
  for (let pass = 0; pass <= passes; pass++) {
    const roots = [
      ...nodes.filter((e) => isReduction(e) && depth(e) === pass + 1).map((e) => e.args[0]!),
      ...program.outputs.filter((e) => depth(e) === pass),
    ];
    for (const e of columnNodes(roots, new Map(), pass)) uses.set(e, (uses.get(e) ?? 0) + 1);
  }
  const found = new Map<Expr, number>();
  for (const e of nodes) {
    const table = e.args.length > 0 && !isReduction(e) ? scalarRow(e.op) : undefined;
    // The pass that first meets a node must be the one of its own depth, or it is not yet stored.
    if (table?.costly && (uses.get(e) ?? 0) > 1 && neededAt(e, program, nodes)) {
      found.set(e, found.size);
    }
  }
  return found;
}

function neededAt(e: Expr, program: RowProgram, nodes: readonly Expr[]): boolean {
  const roots = [
    ...nodes.filter((n) => isReduction(n) && depth(n) === depth(e) + 1).map((n) => n.args[0]!),
    ...program.outputs.filter((n) => depth(n) === depth(e)),
  ];
  return columnNodes(roots, new Map(), depth(e)).includes(e);
}
