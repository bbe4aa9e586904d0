/**
 * Products of attention in tiles that pass through workgroup memory. As in other products the inner tile is
 * written out, and the next one is on its way while one is multiplied.
 *
 * @module
 */

import { AttentionProducts, type TileRows } from "./attention_products.ts";
import { components, upTo } from "./attention_text.ts";

/** Writes products in tiles. */
export class TiledProducts extends AttentionProducts {
  override withRows(name: string, own: TileRows, passing: TileRows): void {
    const { text } = this;
    const { size, tiles } = text.shape;
    this.zeros(name, "across");
    const parts = [
      ...this.#blocks("left", own, tiles.rows),
      ...this.#blocks("right", passing, text.turn),
    ];
    text.add("{", ...parts.flatMap(({ declared }) => declared));
    const sums = { name, kind: "across", left: (k: string) => `left[${k}]` } as const;
    this.#turns(size, text.depth, parts, sums);
    text.add("}");
  }

  override withColumns(name: string, passing: TileRows): void {
    const { text } = this;
    const parts = this.#rows(passing);
    text.add("{", ...parts.flatMap(({ declared }) => declared));
    const sums = { name, kind: "units", left: (k: string) => `weights[k0 + ${k}]` } as const;
    this.#turns(text.turn, text.steps, parts, sums);
    text.add("}");
  }

  /** The loop over the inner axis. */
  #turns(
    length: number,
    step: number,
    parts: readonly Part[],
    sums: ProductSums,
  ): void {
    const { text } = this;
    const fetch = (k: string) => parts.flatMap((part) => part.fetch(k));
    text.add(
      ...fetch("0"),
      `for (var k0 = 0; k0 < ${length}; k0 += ${step}) {`,
      ...parts.flatMap(({ store }) => store),
      "workgroupBarrier();",
      ...length > step ? [`if (k0 + ${step} < ${length}) {`, ...fetch(`k0 + ${step}`), "}"] : [],
      ...upTo(step).flatMap((k) => this.#step(`${k}`, sums)),
      "workgroupBarrier();",
      "}",
    );
  }

  /** One inner element of a tile: four sums at a time. */
  #step(k: string, { name, kind, left }: ProductSums): string[] {
    const { text, text: { fours, shape } } = this;
    const sum = (i: number, j: number) => `${name}${i}_${j}`;
    return [
      "{",
      ...upTo(fours.own).map((g) => `let x${g} = ${left(k)}[${text.rowVector(g)}];`),
      ...upTo(fours[kind]).map((j) => `let y${j} = right[${k}][${text.columnVector(kind, j)}];`),
      ...upTo(shape.tiles.own).flatMap((i) =>
        upTo(fours[kind]).map((j) =>
          `${sum(i, j)} = fma(vec4<f32>(x${i >> 2}.${components[i & 3]}), y${j}, ${sum(i, j)});`
        )
      ),
      "}",
    ];
  }

  /** Blocks of four rows and four elements, which are stored with rows side by side. */
  #blocks(array: "left" | "right", rows: TileRows, count: number): Part[] {
    const { text } = this;
    const along = text.depth / 4;
    return this.#parts(count / 4 * along, (id, block) => {
      const name = `${array}${id}`;
      const inner = `i_${name}`;
      const outer = `o_${name}`;
      const fetched = upTo(4).map((r) => `f_${name}_${r}`);
      return {
        declared: [
          `let ${inner} = ${block} % ${along}; let ${outer} = ${block} / ${along};`,
          ...upTo(4).map((r) =>
            `let p_${name}_${r} = ${this.place(rows, `${outer} * 4 + ${r}`)} + ${inner} * 4;`
          ),
          ...fetched.map((value) => `var ${value}: vec4<f32>;`),
        ],
        fetch: (k) =>
          fetched.map((value, r) => `${value} = a${rows.operand}[(p_${name}_${r} + ${k}) >> 2u];`),
        store: components.map((c, i) => {
          const four = fetched.map((value) => `${value}.${c}`).join(", ");
          return `${array}[${inner} * 4 + ${i}][${outer}] = vec4<f32>(${four});`;
        }),
      };
    });
  }

  /** Rows of a turn, as they lie in memory. */
  #rows(rows: TileRows): Part[] {
    const { text } = this;
    const across = text.shape.size / 4;
    return this.#parts(text.steps * across, (id, vector) => ({
      declared: [
        `let r_${id} = ${vector} / ${across}; let c_${id} = ${vector} % ${across};`,
        `var f_${id}: vec4<f32>;`,
      ],
      fetch: (k) => {
        const place = this.place(rows, `${k} + r_${id}`);
        return [`f_${id} = a${rows.operand}[((${place}) >> 2u) + c_${id}];`];
      },
      store: [`right[r_${id}][c_${id}] = f_${id};`],
    }));
  }

  /** Spreads pieces over the invocations. */
  #parts(count: number, make: (id: string, piece: string) => Part): Part[] {
    const { invocations } = this.text;
    return upTo(Math.ceil(count / invocations)).map((part) => {
      const piece = part === 0 ? "t" : `(t + ${part * invocations})`;
      const made = make(`${part}`, piece);
      if (count >= (part + 1) * invocations) return made;
      const guarded = (lines: readonly string[]) => [`if (${piece} < ${count}) {`, ...lines, "}"];
      return { ...made, fetch: (k) => guarded(made.fetch(k)), store: guarded(made.store) };
    });
  }
}

/** Sums of a product. */
interface ProductSums {
  /** Prefix of their names. */
  readonly name: string;
  /** What their columns are. */
  readonly kind: "across" | "units";
  /** Rows of vectors that are the left factor, at an inner element of the tile. */
  readonly left: (k: string) => string;
}

/** What an invocation brings into workgroup memory. */
interface Part {
  /** Its places and registers. */
  readonly declared: readonly string[];
  /** Reads it, from inner element `k` on. */
  readonly fetch: (k: string) => string[];
  /** Stores it. */
  readonly store: readonly string[];
}
