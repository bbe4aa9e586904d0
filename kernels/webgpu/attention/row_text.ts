/**
 * What attention keeps of each row, and how rows of results are stored.
 *
 * @module
 */

import { type RowValue, rowValuesOf } from "../../plan/attention.ts";
import { type AttentionText, components, upTo } from "./attention_text.ts";

/** Place of a row's value; `number` is the row's head, counting all before it. */
export function rowPlace(
  text: AttentionText,
  operand: number,
  row: string,
  value: RowValue | "peak" = "peak",
): string {
  const values = rowValuesOf(text.program.masks).indexOf(value);
  const before = values === 0 ? "" : ` + ${values} * ${text.size("rows")}`;
  return `${text.offset(operand)}${before} + number * ${text.size("queries")} + ${row}`;
}

/** Statements that the first invocation of each row of a workgroup runs. */
export function firstOfRow(
  text: AttentionText,
  limit: "queries" | "keys",
  make: (i: number) => readonly string[],
): void {
  text.add("if (along == 0) {");
  for (const i of upTo(text.shape.tiles.own)) {
    text.add(`if (first + ${text.row(i)} < ${text.size(limit)}) {`, ...make(i), "}");
  }
  text.add("}");
}

/** Component of row `i` in the vectors of four rows that have a name. */
export function ofRow(name: string, i: number): string {
  return `${name}${i >> 2}.${components[i & 3]}`;
}

/** Stores sums as rows of a head, each times a factor. */
export function storeRows(
  text: AttentionText,
  name: string,
  { operand, axis, base }: Readonly<{ operand: number; axis: number; base: string }>,
  factor: (i: number) => string | undefined,
): void {
  const limit = text.size(axis === 3 ? "queries" : "keys");
  for (const i of upTo(text.shape.tiles.own)) {
    const by = factor(i);
    text.add(
      `if (first + ${text.row(i)} < ${limit}) {`,
      `let place = (${base} + (first + ${text.row(i)}) * ${text.step(operand, axis)}) >> 2u;`,
      ...upTo(text.fours.units).map((j) =>
        `a${operand}[place + ${text.columnVector("units", j)}] = ${name}${i}_${j}${
          by === undefined ? "" : ` * ${by}`
        };`
      ),
      "}",
    );
  }
}
