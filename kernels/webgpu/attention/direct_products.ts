/**
 * Products of attention whose invocations read what they need: little text, and no barriers within a product.
 *
 * @module
 */

import { AttentionProducts, type TileRows } from "./attention_products.ts";
import { components, upTo } from "./attention_text.ts";

/** Writes products without tiles. */
export class DirectProducts extends AttentionProducts {
  override withRows(name: string, own: TileRows, passing: TileRows): void {
    const { text } = this;
    const { tiles, size } = text.shape;
    const rows = upTo(tiles.own);
    const columns = upTo(tiles.across);
    const column = (c: number) => `(${text.columnVector("across", c >> 2)}) * 4 + ${c & 3}`;
    this.zeros(name, "across");
    text.add(
      "workgroupBarrier();",
      "{",
      ...rows.map((i) => `let p${i} = ${this.place(own, text.row(i))};`),
      ...columns.map((c) => `let q${c} = ${this.place(passing, column(c))};`),
      `for (var k = 0; k < ${size}; k += 4) {`,
      ...rows.map((i) => `let x${i} = a${own.operand}[(p${i} + k) >> 2u];`),
      ...columns.map((c) => `let y${c} = a${passing.operand}[(q${c} + k) >> 2u];`),
      ...rows.flatMap((i) =>
        upTo(text.fours.across).map((j) => {
          const four = upTo(4).map((c) => `dot(x${i}, y${4 * j + c})`).join(", ");
          return `${name}${i}_${j} += vec4<f32>(${four});`;
        })
      ),
      "}",
      "}",
    );
  }

  override withColumns(name: string, passing: TileRows): void {
    const { text } = this;
    const { tiles } = text.shape;
    text.add(
      "workgroupBarrier();",
      `for (var k = 0; k < ${text.turn}; k++) {`,
      `let p = (${this.place(passing, "k")}) >> 2u;`,
      ...upTo(text.fours.own).map((g) => `let x${g} = weights[k][${text.rowVector(g)}];`),
      ...upTo(text.fours.units).map((j) =>
        `let y${j} = a${passing.operand}[p + ${text.columnVector("units", j)}];`
      ),
      ...upTo(tiles.own).flatMap((i) =>
        upTo(text.fours.units).map((j) =>
          `${name}${i}_${j} += x${i >> 2}.${components[i & 3]} * y${j};`
        )
      ),
      "}",
      "workgroupBarrier();",
    );
  }
}
