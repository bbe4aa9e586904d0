/**
 * The end of a product: sums go to shared memory, from which each thread takes four neighbouring
 * results at a time, lets them meet their extras, passes them through the program's expressions and
 * stores them.
 *
 * @module
 */

import type { Kind } from "../../../core/dtype.ts";
import { topological } from "../../../core/expr.ts";
import type { MatmulProgram } from "../../../core/program.ts";
import { type LeafRegisters, Values } from "../ptx/expression.ts";
import { loadElement, loadRun, storeRun } from "../ptx/memory.ts";
import { floatText, type PtxText } from "../ptx/text.ts";
import { type BlockTile, type ProductShape, threadsOf } from "./product_shape.ts";

/** Floats from one row of sums to the next in shared memory. */
export function epiloguePitch({ n }: BlockTile): number {
  return n + 4;
}

/** Bytes of shared memory that the sums take. */
export function epilogueBytes(tile: BlockTile): number {
  return 4 * tile.m * epiloguePitch(tile) * (tile.slices ?? 1);
}

/** What the epilogue is given of the product. */
export interface EpilogueHost {
  /** Address of an operand's first element in the batch. */
  readonly address: (operand: number) => string;
  /** Bytes from one element of an operand to the next along an axis. */
  readonly step: (operand: number, axis: number) => string;
  /** A number given at the run. */
  readonly scalar: (slot: number, kind: Kind) => string;
  /** Size of M (0), N (1) or K (2). */
  readonly size: (axis: 0 | 1 | 2) => string;
  /** Addresses of A and B in the batch and chunk. */
  readonly bases: readonly [string, string];
  /** Inner elements of the block. */
  readonly depth: string;
}

/** Where the block and the thread work. */
interface Place {
  readonly thread: string;
  readonly lane: string;
  readonly first: readonly [string, string];
  readonly own: readonly [string, string];
  readonly slice: string | undefined;
}

/** Four neighbouring results of a thread. */
interface Four {
  /** Register of the row and column of the first. */
  readonly at: readonly [m: string, n: string];
  /** Register, and bytes beside it, of where their sums lie in shared memory. */
  readonly address: string;
  readonly offset: number;
}

/** Writes the end of one product. */
export class Epilogue {
  readonly #pitch: number;
  /** Extras that the expressions read, and outputs. */
  readonly #extras: readonly number[];
  readonly #addresses = new Map<number, string>();
  readonly #steps = new Map<number, readonly [string, string]>();

  constructor(
    readonly text: PtxText,
    readonly program: MatmulProgram,
    readonly shape: ProductShape,
    readonly host: EpilogueHost,
  ) {
    this.#pitch = epiloguePitch(shape.tile);
    // In the epilogue input 0 is the product and input i is operand i + 1.
    this.#extras = topological(program.outputs)
      .filter((e) => e.op === "input" && e.attribute > 0).map((e) => e.attribute + 1);
  }

  /** Writes it for the sums of each fragment. */
  write(sums: readonly string[][], place: Place): void {
    const { text, shape: { tile, rank } } = this;
    const tiles = text.into("b32", "mov.u32", "tiles");
    text.add("bar.sync 0");
    this.#spread(sums, place, tiles);
    text.add("bar.sync 0");
    const outputs = this.program.outputs.map((_, i) => this.program.inputs.length + i);
    for (const operand of [...this.#extras, ...outputs]) {
      this.#addresses.set(operand, this.host.address(operand));
      this.#steps.set(operand, [this.host.step(operand, rank), this.host.step(operand, rank + 1)]);
    }
    const [again, end] = [text.label(), text.label()];
    const sizes = [this.host.size(0), this.host.size(1)] as const;
    const perRow = tile.n / 4;
    const [row, unit] = text.divide(place.thread, perRow);
    const column = text.into("b32", "shl.b32", unit, 2);
    const down = threadsOf(tile) / perRow;
    const ahead = this.#ahead(tile.m / down);
    text.place(again);
    text.add(`@${text.into("pred", "setp.ge.u32", row, tile.m)} bra ${end}`);
    const index = text.into("b32", "mad.lo.u32", row, this.#pitch, column);
    const address = text.into("b32", "mad.lo.u32", index, 4, tiles);
    const first = [
      text.into("b32", "add.u32", place.first[0], row),
      text.into("b32", "add.u32", place.first[1], column),
    ] as const;
    const turns = Array.from({ length: ahead }, (_, turn) => {
      const at = turn === 0
        ? first
        : [text.into("b32", "add.u32", first[0], turn * down), first[1]] as const;
      return { at, address, offset: 4 * turn * down * this.#pitch };
    });
    const loaded = turns.map(({ at }) => this.#extrasAt(at, sizes));
    turns.forEach((four, turn) => this.#turn(four, sizes, loaded[turn]!));
    text.add(`add.u32 ${row}, ${row}, ${ahead * down}`);
    text.add(`bra ${again}`);
    text.place(end);
  }

  /** Turns whose extras are read before the first of them is computed: they come slowly. */
  #ahead(turns: number): number {
    const reads = this.#extras.length > 0 && this.#extras.every((k) => this.shape.wide[k - 2]);
    return reads ? [4, 2].find((count) => turns % count === 0) ?? 1 : 1;
  }

  /** The extras that are met by fours at a row and column, or the last ones there are. */
  #extrasAt(
    [m, n]: readonly [string, string],
    [rows, columns]: readonly [string, string],
  ): ReadonlyMap<number, readonly string[]> {
    const { text, shape: { wide, dtypes } } = this;
    const met = this.#extras.filter((k) => wide[k - 2]);
    if (met.length === 0) return new Map();
    const here = [
      text.into("b32", "min.u32", m, text.into("b32", "sub.u32", rows, 1)),
      text.into("b32", "min.u32", n, text.into("b32", "sub.u32", columns, 4)),
    ] as const;
    return new Map(
      met.map((k) => [k, loadRun(text, dtypes[k - 2]!, `[${this.#address(k, here)}]`, 4)]),
    );
  }

  /** Four neighbouring results, where they are within the product. */
  #turn(
    four: Four,
    [m, n]: readonly [string, string],
    loaded: ReadonlyMap<number, readonly string[]>,
  ): void {
    const { text } = this;
    const { at, address, offset } = four;
    const skip = text.label();
    text.add(`@${text.into("pred", "setp.ge.u32", at[0], m)} bra ${skip}`);
    text.add(`@${text.into("pred", "setp.ge.u32", at[1], n)} bra ${skip}`);
    const x = [0, 1, 2, 3].map(() => text.register("f32"));
    text.add(`ld.shared.v4.f32 {${x.join(", ")}}, [${address}+${offset}]`);
    this.#addSlices(x, four);
    this.#mendAll(x, at);
    this.#finish(x, at, n, loaded);
    text.place(skip);
  }

  /** Adds the sums of the other slices, in their order. */
  #addSlices(x: readonly string[], { address, offset }: Four): void {
    const { text, shape: { tile } } = this;
    const { slices = 1 } = tile;
    for (let slice = 1; slice < slices; slice++) {
      const more = x.map(() => text.register("f32"));
      const place = `${address}+${offset + slice * epilogueBytes(tile) / slices}`;
      text.add(`ld.shared.v4.f32 {${more.join(", ")}}, [${place}]`);
      x.forEach((sum, j) => text.add(`add.rn.f32 ${sum}, ${sum}, ${more[j]}`));
    }
  }

  /** Puts the sums where their rows and columns are. */
  #spread(sums: readonly string[][], place: Place, tiles: string): void {
    const { text, shape: { tile } } = this;
    const columns = tile.n / tile.warps[1] / 8;
    const group = text.into("b32", "shr.u32", place.lane, 2);
    const pair = text.into("b32", "shl.b32", text.into("b32", "and.b32", place.lane, 3), 1);
    const row = text.into("b32", "add.u32", place.own[0], group);
    const column = text.into("b32", "add.u32", place.own[1], pair);
    const index = text.into("b32", "mad.lo.u32", row, this.#pitch, column);
    const { slices = 1 } = tile;
    const own = place.slice === undefined
      ? tiles
      : text.into("b32", "mad.lo.u32", place.slice, epilogueBytes(tile) / slices, tiles);
    const base = text.into("b32", "mad.lo.u32", index, 4, own);
    sums.forEach((sum, f) => {
      const [r, c] = [Math.floor(f / columns) * 16, f % columns * 8];
      const at = (down: number) => `[${base}+${4 * ((r + down) * this.#pitch + c)}]`;
      text.add(`st.shared.v2.f32 ${at(0)}, {${sum[0]}, ${sum[1]}}`);
      text.add(`st.shared.v2.f32 ${at(8)}, {${sum[2]}, ${sum[3]}}`);
    });
  }

  /**
   * Sums that are not numbers are computed again in the plain way where elements were taken apart:
   * infinity times the terms of a number that are 0 is NaN.
   */
  #mendAll(x: readonly string[], [m, n]: readonly [string, string]): void {
    const { text, shape: { read } } = this;
    if (read.every(({ terms }) => terms === 1)) return;
    const whole = text.label();
    const odd = x.map((value) => text.into("pred", "setp.nan.f32", value, value));
    const any = odd.reduce((a, b) => text.into("pred", "or.pred", a, b));
    text.add(`@!${any} bra ${whole}`);
    x.forEach((value, j) => {
      const next = text.label();
      text.add(`@!${odd[j]} bra ${next}`);
      this.#mend(value, m, text.into("b32", "add.u32", n, j));
      text.place(next);
    });
    text.place(whole);
  }

  #mend(value: string, m: string, n: string): void {
    const { text, host, shape: { rank, read } } = this;
    const [again, done] = [text.label(), text.label()];
    // A row beyond the end of B is no one's.
    const last = text.into("b32", "sub.u32", host.size(1), 1);
    const column = text.into("b32", "min.u32", n, last);
    const a = text.into("b64", "mad.wide.s32", m, host.step(0, rank), host.bases[0]);
    const b = text.into("b64", "mad.wide.s32", column, host.step(1, rank + 1), host.bases[1]);
    const steps = [
      text.into("b64", "cvt.s64.s32", host.step(0, rank + 1)),
      text.into("b64", "cvt.s64.s32", host.step(1, rank)),
    ];
    const left = text.into("b32", "mov.u32", host.depth);
    text.add(`mov.f32 ${value}, ${floatText(0)}`);
    text.place(again);
    text.add(`@${text.into("pred", "setp.eq.u32", left, 0)} bra ${done}`);
    const [p, q] = [
      loadElement(text, read[0].dtype, `[${a}]`),
      loadElement(text, read[1].dtype, `[${b}]`),
    ];
    text.add(`fma.rn.f32 ${value}, ${p}, ${q}, ${value}`);
    text.add(`add.s64 ${a}, ${a}, ${steps[0]}`);
    text.add(`add.s64 ${b}, ${b}, ${steps[1]}`);
    text.add(`sub.u32 ${left}, ${left}, 1`);
    text.add(`bra ${again}`);
    text.place(done);
  }

  /** Address of an operand's element at the row and column at hand. */
  #address(operand: number, [m, n]: readonly [string, string]): string {
    const { text } = this;
    const [down, along] = this.#steps.get(operand)!;
    const row = text.into("b64", "mad.wide.s32", m, down, this.#addresses.get(operand)!);
    return text.into("b64", "mad.wide.s32", n, along, row);
  }

  #finish(
    x: readonly string[],
    at: readonly [string, string],
    n: string,
    wholes: ReadonlyMap<number, readonly string[]>,
  ): void {
    const { text, program, shape: { wide, dtypes } } = this;
    const nodes = topological(program.outputs);
    const outputs = program.outputs.map((_, i) => program.inputs.length + i);
    const results: string[][] = outputs.map(() => []);
    const scalars = new Map<number, string>();
    const beyond = text.label();
    for (let j = 0; j < 4; j++) {
      const here = [at[0], j === 0 ? at[1] : text.into("b32", "add.u32", at[1], j)] as const;
      if (j > 0 && !outputs.every((k) => wide[k - 2])) {
        text.add(`@${text.into("pred", "setp.ge.u32", here[1], n)} bra ${beyond}`);
      }
      const leaves: LeafRegisters = {
        element: (_, slot) =>
          slot === 0 ? x[j]! : wholes.get(slot + 1)?.[j] ??
            loadElement(text, dtypes[slot - 1]!, `[${this.#address(slot + 1, here)}]`),
        index: () => "0",
        scalar: (slot, kind) => {
          const known = scalars.get(slot) ?? this.host.scalar(slot, kind);
          scalars.set(slot, known);
          return known;
        },
        columns: () => floatText(1),
      };
      const values = new Values();
      values.compute(text, nodes, leaves);
      outputs.forEach((k, i) => {
        const value = values.of(program.outputs[i]!);
        results[i]!.push(value);
        if (wide[k - 2]) return;
        storeRun(text, dtypes[k - 2]!, `[${this.#address(k, here)}]`, [value]);
      });
    }
    outputs.forEach((k, i) => {
      if (!wide[k - 2]) return;
      storeRun(text, dtypes[k - 2]!, `[${this.#address(k, at)}]`, results[i]!);
    });
    text.place(beyond);
  }
}
