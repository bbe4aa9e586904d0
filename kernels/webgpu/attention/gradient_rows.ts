/**
 * Values of rows in the gradient: those of queries that a workgroup owns are loaded once, those of queries
 * that pass by in every turn.
 *
 * @module
 */

import { queryAxis, type RowValue, rowValuesOf } from "../../plan/attention.ts";
import { type AttentionText, components, upTo } from "./attention_text.ts";
import type { FourPlace } from "./mask_text.ts";
import { firstOfRow, ofRow, rowPlace } from "./row_text.ts";

/** Values of a row, and the product of its gradient and result. */
type GradientValue = RowValue | "product";

/** Operands of the result's gradient, of row values, and of what each of the two passes has beside. */
const [gradient, values, beside] = [3, 4, 5];

/** Reads row values. */
export class GradientRowText {
  readonly #text: AttentionText;
  readonly #names: readonly GradientValue[];

  /** @param text What a pass shares */
  constructor(text: AttentionText) {
    this.#text = text;
    this.#names = [...rowValuesOf(text.program.masks), "product"];
  }

  get #passing(): boolean {
    return this.#text.program.pass === "keys";
  }

  /** Loads those of the workgroup's own rows, but for the products of gradient and result. */
  load(): void {
    const text = this.#text;
    for (const name of this.#names) {
      if (name === "product") continue;
      for (const i of upTo(text.shape.tiles.own)) {
        const value = `a${values}[${rowPlace(text, values, `row${i}`, name)}]`;
        text.add(`let ${name}${i} = ${name === "tests" ? `u32(${value})` : value};`);
      }
    }
  }

  /** Finds those products, and stores them for the other pass. */
  own(): void {
    const text = this.#text;
    const { inputs } = text;
    this.load();
    this.#products();
    firstOfRow(text, "queries", (i) => [
      `a${inputs + 1}[${rowPlace(text, inputs + 1, `row${i}`)}] = ${ofRow("product", i)};`,
    ]);
  }

  /** Products of gradient and result, which all that share a row add up. */
  #products(): void {
    const text = this.#text;
    for (const g of upTo(text.fours.own)) text.add(`var product${g} = vec4<f32>();`);
    for (const i of upTo(text.shape.tiles.own)) {
      const [own, result] = [gradient, beside].map((operand) =>
        `(${text.base(operand, true)} + row${i} * ${text.step(operand, queryAxis)}) >> 2u`
      );
      for (const j of upTo(text.fours.units)) {
        const column = text.columnVector("units", j);
        const factors = `a${gradient}[(${own}) + ${column}], a${beside}[(${result}) + ${column}]`;
        text.add(`${ofRow("product", i)} += dot(${factors});`);
      }
    }
    text.join("product", (a, b) => `${a} + ${b}`);
  }

  /** Loads those of the rows that pass by in a turn; rows beyond the end have those of the last one. */
  enter(): void {
    if (!this.#passing) return;
    const text = this.#text;
    for (const j of upTo(text.fours.across)) {
      const last = `vec4<i32>(${text.size("queries")} - 1)`;
      text.add(`let passing${j} = min(column${j}, ${last});`);
      for (const name of this.#names) {
        const [operand, value] = name === "product"
          ? [beside, "peak"] as const
          : [values, name] as const;
        const four = components.map((c) =>
          `a${operand}[${rowPlace(text, operand, `passing${j}.${c}`, value)}]`
        ).join(", ");
        const vector = `vec4<f32>(${four})`;
        text.add(`let ${name}${j} = ${name === "tests" ? `vec4<u32>(${vector})` : vector};`);
      }
    }
  }

  /** Text of a value for four scores. */
  value(name: Exclude<GradientValue, "tests">, [i, j]: FourPlace): string {
    if (this.#passing) return `${name}${j}`;
    return name === "product" ? ofRow(name, i) : `${name}${i}`;
  }

  /** Bits of the masks that the queries of four scores test. */
  tests([i, j]: FourPlace): string {
    return this.#passing ? `tests${j}` : `vec4<u32>(tests${i})`;
  }
}
