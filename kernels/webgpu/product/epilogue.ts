/**
 * The end of a product: four neighbouring results meet their extras, pass through the program's
 * expressions and are stored.
 *
 * @module
 */

import { type Expr, topological } from "../../../core/expr.ts";
import type { MatmulProgram } from "../../../core/program.ts";
import { helpers, type Leaves, statement, variableName } from "../expression.ts";
import type { ElementText } from "./operand_layout.ts";

/** What the text of an epilogue depends on. */
export interface EpilogueText {
  /** Axes before rows and columns. */
  readonly rank: number;
  /** Whether extras and outputs are met four columns at a time. */
  readonly wide: readonly boolean[];
  /** Text of an operand's step along an axis. */
  readonly place: ElementText;
  /** Text of a number given at the run. */
  readonly scalar: (slot: number) => string;
  /** Text of the size of M. */
  readonly m: string;
  /** Text of the size of N. */
  readonly n: string;
}

/** Operands that the epilogue touches: the extras it reads, then the outputs. */
export function epilogueOperands(program: MatmulProgram): number[] {
  const inputs = program.inputs.length;
  // In the epilogue input 0 is the product and input i is operand i + 1.
  const extras = topological(program.outputs)
    .filter((e) => e.op === "input" && e.attribute > 0).map((e) => e.attribute + 1);
  return [...extras.sort((a, b) => a - b), ...program.outputs.map((_, i) => inputs + i)];
}

/** A function `finish(x, m, n)` for columns n to n + 3 of row m. */
export function renderEpilogue(program: MatmulProgram, text: EpilogueText): string {
  const { rank, wide, place, scalar, m, n } = text;
  const nodes = topological(program.outputs);
  const inputs = program.inputs.length;
  const used = epilogueOperands(program);
  const extras = used.filter((operand) => operand < inputs);
  const leaves: Leaves = {
    element: (_, slot) => slot === 0 ? "x" : `e${slot + 1}`,
    index: () => "0u",
    scalar,
    columns: "1.0",
  };
  const row = (operand: number) => `q${operand} + m * ${place(operand, rank)}`;
  const step = (operand: number) => place(operand, rank + 1);
  const isWide = (operand: number) => wide[operand - 2]!;
  const body = nodes.filter((e: Expr) => e.op !== "constant").map((e) => statement(e, leaves));
  const results = program.outputs.map((_, i) => `o${i}`);
  const parameters = ["x", ...extras.map((operand) => `e${operand}`)];

  const loads = extras.map((operand) => {
    if (isWide(operand)) return `let e${operand} = a${operand}[(${row(operand)} + n) >> 2u];`;
    const four = [0, 1, 2, 3].map((j) =>
      `a${operand}[${row(operand)} + min(n + ${j}, ${n} - 1) * ${step(operand)}]`
    );
    return `let e${operand} = vec4<f32>(${four.join(", ")});`;
  });
  const columns = [0, 1, 2, 3].map((j) =>
    `let c${j} = each(${parameters.map((name) => `${name}.${"xyzw"[j]}`).join(", ")});`
  );
  const stores = program.outputs.flatMap((_, i) => {
    const operand = inputs + i;
    if (isWide(operand)) {
      const four = [0, 1, 2, 3].map((j) => `c${j}.o${i}`).join(", ");
      return [`a${operand}[(${row(operand)} + n) >> 2u] = vec4<f32>(${four});`];
    }
    return [0, 1, 2, 3].map((j) => {
      const store = `a${operand}[${row(operand)} + (n + ${j}) * ${step(operand)}] = c${j}.o${i};`;
      return j === 0 ? store : `if (n + ${j} < ${n}) { ${store} }`;
    });
  });
  return `${helpers(body.join("\n"))}struct Results { ${
    results.map((name) => `${name}: f32`).join(", ")
  } }
fn each(${parameters.map((name) => `${name}: f32`).join(", ")}) -> Results {
${body.join("\n")}
return Results(${program.outputs.map(variableName).join(", ")});
}
fn finish(x: vec4<f32>, m: i32, n: i32) {
if (m >= ${m} || n >= ${n}) { return; }
${[...loads, ...columns, ...stores].join("\n")}
}
`;
}
