/**
 * Products of few inner elements, as the up-projections of LoRA are: as much work as copying their
 * extras. Each thread has four neighbouring columns of some rows, whose products it adds in 32 bits;
 * the columns of B stay in its registers.
 *
 * @module
 */

import type { Bound } from "../../../core/backend.ts";
import { bytesPerElement } from "../../../core/dtype.ts";
import { topological } from "../../../core/expr.ts";
import type { MatmulProgram } from "../../../core/program.ts";
import { type LeafRegisters, Values } from "../ptx/expression.ts";
import { loadRun, storeRun } from "../ptx/memory.ts";
import { floatText, type PtxProgram, PtxText } from "../ptx/text.ts";
import { BlockPlace } from "./block_place.ts";
import type { EpilogueHost } from "./epilogue.ts";
import { type BlockTile, type ProductShape, productShape, threadsOf } from "./product_shape.ts";

/** Inner elements of a product that is computed so, at most. */
const mostInner = 16;
/** Columns of a block. */
const columns = 256;
/** Rows of a thread. */
const rows = 4;

/**
 * The tile of a product of few inner elements: nothing where it has many, or where rows or columns do
 * not fit.
 */
export function shallowTile(
  space: readonly number[],
  operands: readonly Bound[],
): BlockTile | undefined {
  const [m, n, k] = space.slice(-3) as [number, number, number];
  if (k > mostInner) return undefined;
  const warps = [1, 4] as const;
  const height = rows * 32 * warps[1] * 4 / columns;
  const tile: BlockTile = { m: height, n: columns, k, warps, stages: 0, shallow: true };
  // Half of the threads of a block would have no column.
  if (n <= columns / 2 || m % tile.m !== 0) return undefined;
  return productShape(space, operands, tile, k, "float32").wide.every((x) => x) ? tile : undefined;
}

/** Renders a product of such a tile. */
export function renderShallow(program: MatmulProgram, shape: ProductShape): PtxProgram {
  return new ShallowWriter(program, shape).render();
}

/** Where a thread's rows of an operand are: the first address, and the bytes to the next row. */
interface RowPlace {
  readonly first: string;
  readonly step: string;
}

class ShallowWriter {
  readonly #text = new PtxText();
  readonly #place: BlockPlace;

  constructor(readonly program: MatmulProgram, readonly shape: ProductShape) {
    this.#place = new BlockPlace(this.#text, program, shape);
  }

  render(): PtxProgram {
    const text = this.#text;
    const { tile, rank } = this.shape;
    const block = this.#place.block();
    const bases = [0, 1].map((k) => this.#place.base(k, block.batch)) as [string, string];
    const host = this.#place.epilogueHost(bases, block);
    const end = text.label();
    const [down, unit] = text.divide(block.thread, columns / 4);
    const row = text.into("b32", "add.u32", block.first[0], down);
    const column = text.into("b32", "mad.lo.u32", unit, 4, block.first[1]);
    text.add(`@${text.into("pred", "setp.ge.u32", column, host.size(1))} bra ${end}`);
    const right = this.#right(bases[1], column);
    const left = this.#rowPlace(bases[0], host.step(0, rank), row);
    const extras = new Set(
      topological(this.program.outputs)
        .filter((e) => e.op === "input" && e.attribute > 0).map((e) => e.attribute + 1),
    );
    const outputs = this.program.outputs.map((_, i) => this.program.inputs.length + i);
    const places = new Map(
      [...extras, ...outputs].map((operand) => {
        const bytes = bytesPerElement(this.shape.dtypes[operand - 2]!);
        const start = text.into("b64", "mad.wide.u32", column, bytes, host.address(operand));
        return [operand, this.#rowPlace(start, host.step(operand, rank), row)] as const;
      }),
    );
    // Nothing is loaded after the first store, which might be to where it lies.
    const sums = Array.from({ length: rows }, (_, r) => this.#sums(this.#left(left, r), right));
    const loaded = sums.map((_, r) =>
      new Map(
        [...extras].map((k) => [
          k,
          loadRun(text, this.shape.dtypes[k - 2]!, `[${this.#at(places.get(k)!, r)}]`, 4),
        ]),
      )
    );
    sums.forEach((x, r) => {
      this.#results(x, loaded[r]!, host).forEach((four, i) => {
        const operand = outputs[i]!;
        const address = `[${this.#at(places.get(operand)!, r)}]`;
        storeRun(text, this.shape.dtypes[operand - 2]!, address, four);
      });
    });
    text.place(end);
    return text.program(threadsOf(tile));
  }

  /** The thread's rows of an operand. */
  #rowPlace(start: string, step: string, row: string): RowPlace {
    const text = this.#text;
    return {
      first: text.into("b64", "mad.wide.s32", row, step, start),
      step: text.into("b64", "mul.wide.s32", step, this.shape.tile.m / rows),
    };
  }

  /** Address of one of the thread's rows. */
  #at({ first, step }: RowPlace, row: number): string {
    let address = first;
    for (let r = 0; r < row; r++) address = this.#text.into("b64", "add.s64", address, step);
    return address;
  }

  /** Four columns of B: by inner element, then by column. */
  #right(base: string, column: string): string[][] {
    const text = this.#text;
    const { tile: { k }, rank, read: [, { dtype, run, wide }] } = this.shape;
    const [down, along] = [this.#place.stride(1, rank), this.#place.stride(1, rank + 1)];
    const start = text.into("b64", "mad.wide.s32", column, along, base);
    const at = (inner: number, beside: number) => {
      const row = text.into("b64", "mad.wide.s32", down, inner, start);
      return `[${text.into("b64", "mad.wide.s32", along, beside, row)}]`;
    };
    const each = Array.from({ length: k }, (_, inner) => inner);
    if (run === "outer" && wide) return each.map((inner) => loadRun(text, dtype, at(inner, 0), 4));
    const four = [0, 1, 2, 3];
    if (run === "inner" && wide) {
      const byColumn = four.map((j) =>
        each.filter((inner) => inner % 4 === 0)
          .flatMap((inner) => loadRun(text, dtype, at(inner, j), 4))
      );
      return each.map((inner) => four.map((j) => byColumn[j]![inner]!));
    }
    return each.map((inner) => four.map((j) => loadRun(text, dtype, at(inner, j), 1)[0]!));
  }

  /** One of the thread's rows of A. */
  #left(place: RowPlace, row: number): string[] {
    const text = this.#text;
    const { tile: { k }, rank, read: [{ dtype, run, wide }] } = this.shape;
    const start = this.#at(place, row);
    const along = this.#place.stride(0, rank + 1);
    const count = run === "inner" && wide ? 4 : 1;
    return Array.from({ length: k / count }, (_, i) => {
      const address = text.into("b64", "mad.wide.s32", along, i * count, start);
      return loadRun(text, dtype, `[${address}]`, count);
    }).flat();
  }

  /** Products of a row with four columns. */
  #sums(left: readonly string[], right: readonly (readonly string[])[]): string[] {
    const text = this.#text;
    return [0, 1, 2, 3].map((j) =>
      left.reduce(
        (sum, x, inner) => text.into("f32", "fma.rn.f32", x, right[inner]![j]!, sum),
        text.into("f32", "mov.f32", floatText(0)),
      )
    );
  }

  /** Four neighbouring results of each output. */
  #results(
    sums: readonly string[],
    extras: ReadonlyMap<number, readonly string[]>,
    host: EpilogueHost,
  ): string[][] {
    const text = this.#text;
    const nodes = topological(this.program.outputs);
    const byColumn = sums.map((sum, j) => {
      const leaves: LeafRegisters = {
        element: (_, slot) => slot === 0 ? sum : extras.get(slot + 1)![j]!,
        index: () => "0",
        scalar: host.scalar,
        columns: () => floatText(1),
      };
      const values = new Values();
      values.compute(text, nodes, leaves);
      return this.program.outputs.map((output) => values.of(output));
    });
    return this.program.outputs.map((_, i) => byColumn.map((results) => results[i]!));
  }
}
