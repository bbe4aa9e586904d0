/**
 * What the matrix units are given in a step of 16 inner elements, so that sums keep 32 bits.
 *
 * @module
 */

import { floatText, type PtxText } from "../ptx/text.ts";
import type { Factor } from "./factor.ts";
import type { ProductShape } from "./product_shape.ts";

/** Pairs of terms whose product counts, the smallest first: later ones are below 2^-24 of the whole. */
export function termPairs(a: number, b: number): [number, number][] {
  const pairs: [number, number][] = [];
  for (let sum = 2; sum >= 0; sum--) {
    for (let i = 0; i <= sum; i++) if (i < a && sum - i < b) pairs.push([i, sum - i]);
  }
  return pairs;
}

/** Registers of the fragments of a step. */
export interface Fragments {
  /** Of A, by row. */
  readonly a: readonly (readonly string[])[];
  /** Of B, by column. */
  readonly b: readonly (readonly string[])[];
}

/** Products of parts in two steps of 8 inner elements, the smallest first. */
const partProducts = ([["low", "high"], ["high", "low"], ["high", "high"]] as const).flatMap(
  ([i, j]) => [0, 1].map((inner) => [i, j, inner] as const),
);

/** Writes the products of a warp. */
export class MatrixSteps {
  /**
   * @param a Left operand
   * @param b Right operand
   * @param parts Parts of a factor in tf32; 0 where factors are terms of 8 bits
   */
  constructor(
    readonly text: PtxText,
    readonly a: Factor,
    readonly b: Factor,
    readonly parts: ProductShape["parts"],
  ) {}

  /** The products of one step of 16 inner elements. */
  step(loaded: Fragments, sums: readonly string[][]): void {
    if (this.parts > 0) return this.#tf32(loaded, sums);
    const { a, b } = this;
    const pairs = termPairs(a.access.terms, b.access.terms);
    const right = loaded.b.map((registers) => b.words(registers));
    const each = 2 * right.length;
    loaded.a.forEach((registers, row) => {
      const own = sums.slice(row * each, (row + 1) * each);
      this.#products(pairs, a.words(registers), right, own);
    });
  }

  /** The same in tf32; of factors of two parts the smallest product is left out. */
  #tf32(loaded: Fragments, sums: readonly string[][]): void {
    const { text, a, b, parts } = this;
    const right = loaded.b.map((registers) => b.rounded(registers, parts));
    const each = 2 * right.length;
    loaded.a.forEach((registers, row) => {
      const left = a.rounded(registers, parts);
      const own = sums.slice(row * each, (row + 1) * each);
      const into = parts === 1 ? own : own.map(() => [0, 1, 2, 3].map(() => text.register("f32")));
      for (const [i, j, inner] of partProducts.slice(parts === 1 ? 4 : 0)) {
        into.forEach((sum, column) => {
          // Two neighbours along the inner axis stand for elements 0 to 3 and 4 to 7: the order of
          // a sum is free, as long as both factors have the same.
          const first = inner === 0 ? 0 : 4;
          const four = [0, 2, 1, 3].map((e) => left[i][first + e]!);
          const place = 4 * (column % 2) + (inner === 0 ? 0 : 2);
          const two = right[column >> 1]![j].slice(place, place + 2);
          const before = i === "low" && inner === 0 ? sum.map(() => floatText(0)) : sum;
          text.add(
            `mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {${sum.join(", ")}}, ` +
              `{${four.join(", ")}}, {${two.join(", ")}}, {${before.join(", ")}}`,
          );
        });
      }
      if (parts === 2) this.#gather(own, into);
    });
  }

  /** Adds sums of a step to those of all steps, with rounding: the matrix units cut sums off. */
  #gather(sums: readonly string[][], step: readonly string[][]): void {
    sums.forEach((sum, f) =>
      sum.forEach((register, e) =>
        this.text.add(`add.rn.f32 ${register}, ${register}, ${step[f]![e]}`)
      )
    );
  }

  /** Products of 16 rows with all columns of the warp. */
  #products(
    pairs: readonly (readonly [number, number])[],
    left: readonly (readonly string[])[],
    right: readonly (readonly (readonly string[])[])[],
    sums: readonly string[][],
  ): void {
    const { text } = this;
    const apart = pairs.length > 1;
    const into = apart ? sums.map(() => [0, 1, 2, 3].map(() => text.register("f32"))) : sums;
    pairs.forEach(([i, j], order) =>
      into.forEach((sum, column) => {
        const four = right[column >> 1]![j]!;
        const two = column % 2 === 0 ? four.slice(0, 2) : four.slice(2);
        const before = apart && order === 0 ? sum.map(() => floatText(0)) : sum;
        text.add(
          `mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {${sum.join(", ")}}, ` +
            `{${left[i]!.join(", ")}}, {${two.join(", ")}}, {${before.join(", ")}}`,
        );
      })
    );
    if (apart) this.#gather(sums, into);
  }
}
