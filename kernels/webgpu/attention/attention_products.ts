/**
 * The two products of attention: of rows with rows, which gives scores, and of a turn's weights with rows,
 * which is added to results.
 *
 * @module
 */

import { type AttentionText, components, upTo } from "./attention_text.ts";

/** Rows of a head that a product reads. */
export interface TileRows {
  /** Which operand. */
  readonly operand: number;
  /** Axis along which they lie. */
  readonly axis: number;
  /** Text of its head's first element. */
  readonly base: string;
  /** Text of the first row, and of how many rows there are. */
  readonly first: string;
  readonly limit: string;
}

/** Writes products. */
export abstract class AttentionProducts {
  /** @param text What a pass shares */
  constructor(readonly text: AttentionText) {}

  /** Declares sums, all of them zero. */
  zeros(name: string, kind: "across" | "units"): void {
    const { text } = this;
    for (const i of upTo(text.shape.tiles.own)) {
      for (const j of upTo(text.fours[kind])) text.add(`var ${name}${i}_${j} = vec4<f32>();`);
    }
  }

  /**
   * `name[row][passing row]`, the products of own rows with those of a turn. What was written to workgroup
   * memory before can be read afterwards.
   */
  abstract withRows(name: string, own: TileRows, passing: TileRows): void;

  /** `sums[row][unit] += weights · passing`, over the rows of a turn. */
  abstract withColumns(name: string, passing: TileRows): void;

  /** Puts a turn's values where {@linkcode AttentionProducts.withColumns} reads them. */
  storeWeights(name: string): void {
    const { text } = this;
    for (const j of upTo(text.fours.across)) {
      for (const c of upTo(4)) {
        for (const g of upTo(text.fours.own)) {
          const four = upTo(4).map((r) => `${name}${4 * g + r}_${j}.${components[c]}`).join(", ");
          const key = `(${text.columnVector("across", j)}) * 4 + ${c}`;
          text.add(`weights[${key}][${text.rowVector(g)}] = vec4<f32>(${four});`);
        }
      }
    }
  }

  /** The same of values whose queries are to be summed over; those of queries beyond the end are zero. */
  storeTurned(name: string): void {
    const { text } = this;
    for (const i of upTo(text.shape.tiles.own)) {
      const row = text.row(i);
      const within = `first + ${row} < ${text.size("queries")}`;
      text.add(
        ...upTo(text.fours.across).map((j) =>
          `weights[${row}][${text.columnVector("across", j)}] = ` +
          `select(vec4<f32>(), ${name}${i}_${j}, ${within});`
        ),
      );
    }
  }

  /** First element of a row; those beyond the end are the last one. */
  protected place({ operand, axis, base, first, limit }: TileRows, row: string): string {
    return `${base} + min(${first} + ${row}, ${limit} - 1) * ${this.text.step(operand, axis)}`;
  }
}
