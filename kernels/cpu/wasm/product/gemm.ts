/**
 * Matrix products in tiles of 5 x 8, batch by batch: packed rows of A against strips of B that are
 * packed too, or read where they lie.
 *
 * @module
 */

import { f32x4, i32, type Local, loop, Routine, v128, when } from "../assembler/assembler.ts";
import type { Code } from "../assembler/code.ts";
import type { Format } from "../assembler/load.ts";
import { type Lanes, multiplyAdd } from "../assembler/scalar_functions.ts";
import { readWords, type Target } from "../threads/task.ts";
import type { Sizes } from "./blas.ts";
import { productWords } from "./gemm_task.ts";
import { pack, roundUp, tileColumns, tileRowsOf } from "./pack.ts";

/** Bytes of scratch for a tile that juts out over the result. */
const edgeBytes = 192;

/**
 * Bytes of scratch that a product takes in tiles of `tileRows` rows; `n` counts the columns it packs
 * itself.
 */
export function gemmScratch([m, n, k]: Sizes, tileRows: number): number {
  return edgeBytes + 4 * k * (roundUp(m, tileRows) + roundUp(n, tileColumns));
}

/** `C = A·B`, or `C += A·B`. `format` is that of the B that a task packs itself. */
export function gemmRoutine(
  target: Target,
  inPlace: InPlace,
  format: Format = "f32",
): Uint8Array<ArrayBuffer> {
  const routine = new Routine(2);
  const scratch = routine.parameters[1]!;
  const tileRows = tileRowsOf(target.relaxed);
  const { words: w, read } = readWords(routine, productWords);
  const [batch, i, j, strip, pa, pb, panel, columns] = routine.locals(8, "i32");
  const strips = i32.divide(i32.sum(w.m.get, i32.of(tileRows - 1)), i32.of(tileRows));
  const panelBytes = i32.mul(strips, i32.mul(w.k.get, i32.of(4 * tileRows)));
  const rows = { source: w.a, inner: w.aInner, line: w.aRow, k: w.k, lines: w.m, target: panel };
  const own = { source: w.b, inner: w.bInner, line: w.bColumn, k: w.k, lines: w.n };
  const firstStrip = inPlace === "b" ? strip.set(w.b.get) : [
    strip.set(w.packed.get),
    when(i32.isZero(w.packed.get), [
      strip.set(columns.get),
      pack(routine, { ...own, target: columns }, tileColumns, format),
    ]),
  ];
  const nextStrip = inPlace === "b"
    ? i32.of(4 * tileColumns)
    : i32.mul(w.k.get, i32.of(4 * tileColumns));
  return routine.assemble([
    read,
    panel.set(i32.sum(scratch.get, i32.of(edgeBytes))),
    columns.set(inPlace === "a" ? panel.get : i32.sum(panel.get, panelBytes)),
    loop(batch, w.count.get, 1, [
      inPlace === "a" ? [] : pack(routine, rows, tileRows),
      firstStrip,
      loop(j, w.n.get, tileColumns, [
        pa.set(panel.get),
        loop(i, w.m.get, tileRows, [
          pb.set(strip.get),
          new TileCode({ routine, w, relaxed: target.relaxed, inPlace, i, j, pa, pb }).render(),
        ]),
        strip.step(nextStrip),
      ]),
      w.a.step(w.aBatch.get),
      w.b.step(w.bBatch.get),
      w.c.step(w.cBatch.get),
    ]),
  ], target.memory);
}

/** Which operand is read where it lies, as floats of 32 bits: A dense along its rows, or B along its. */
export type InPlace = "a" | "b" | undefined;

/** What a tile is multiplied in. */
export interface Tile {
  readonly routine: Routine;
  readonly w: Readonly<Record<(typeof productWords)[number], Local>>;
  readonly relaxed: boolean;
  readonly inPlace: InPlace;
  /** First row and column of the tile. */
  readonly i: Local;
  readonly j: Local;
  /** Run through the packed rows and through the strip. */
  readonly pa: Local;
  readonly pb: Local;
}

/** Multiplies one tile and stores it; one that juts out goes through scratch. */
export class TileCode {
  readonly #tileRows: number;
  readonly #inner: Local;
  readonly #to: Local;
  readonly #toRow: Local;
  readonly #adds: Local;
  /** Two vectors a row. */
  readonly #sums: readonly (readonly [Local, Local])[];
  /** Where A is read in place: its rows, each with a run of its own. */
  readonly #rows: readonly Local[];
  readonly #a: Local;
  readonly #splat: Local;
  readonly #nextSplat: Local;
  readonly #b: readonly [Local, Local];
  readonly #next: readonly [Local, Local];
  readonly #bStep: Code;
  readonly #madd: Lanes;

  constructor(readonly tile: Tile) {
    const { routine, relaxed, inPlace, w } = tile;
    this.#tileRows = tileRowsOf(relaxed);
    this.#madd = multiplyAdd(relaxed);
    [this.#inner, this.#to, this.#toRow, this.#adds] = routine.locals(4, "i32");
    this.#sums = Array.from({ length: this.#tileRows }, () => routine.locals(2, "v128"));
    this.#rows = this.#sums.map(() => routine.local("i32"));
    [this.#a, this.#splat, this.#nextSplat] = routine.locals(3, "v128");
    this.#b = routine.locals(2, "v128");
    this.#next = routine.locals(2, "v128");
    this.#bStep = inPlace === "b" ? w.bInner.get : i32.of(4 * tileColumns);
  }

  render(): Code {
    const { w, relaxed, inPlace } = this.tile;
    const whole = i32.and(w.k.get, i32.of(-4));
    const four = relaxed ? this.#fourSteps() : [this.#pair(0), this.#pair(2), this.#onward(4)];
    const one = [this.#step(), this.#onward(1), this.tile.pb.step(this.#bStep)];
    return [
      this.#sums.map((halves) => halves.map((sum) => sum.set(f32x4.of(0)))),
      inPlace === "a" ? this.#findRows() : [],
      loop(this.#inner, whole, 4, four),
      loop(this.#inner, w.k.get, 1, one, whole),
      this.#finish(),
    ];
  }

  #findRows(): Code {
    const { w, i } = this.tile;
    return this.#rows.map((row, index) => {
      // A missing row repeats the last one.
      const line = i32.least(i32.sum(i.get, i32.of(index)), i32.sub(w.m.get, i32.of(1)));
      return row.set(i32.sum(w.a.get, i32.mul(line, w.aRow.get)));
    });
  }

  /** A number of A in every lane: that of a row, some inner steps on. */
  #factor(row: number, k = 0): Code {
    return this.tile.inPlace === "a"
      ? v128.loadSplat(this.#rows[row]!.get, 4 * k)
      : v128.loadSplat(this.tile.pa.get, 4 * (this.#tileRows * k + row));
  }

  /** The same, the rows of a step one after the other: a packed step is but two loads. */
  #inTurn(row: number, k: number): Code {
    if (this.tile.inPlace === "a" || row === 4) return this.#factor(row, k);
    const a = this.#a;
    const lane = v128.shuffle(a.get, a.get, Array(4).fill(row));
    return row === 0 ? [a.set(v128.load(this.tile.pa.get, 4 * this.#tileRows * k)), lane] : lane;
  }

  /** One inner step. Few values live at a time, or sixteen registers do not hold them. */
  #step(bOffset = 0, k = 0): Code {
    const { pb } = this.tile;
    return [
      this.#b.map((half, side) => half.set(v128.load(pb.get, bOffset + 16 * side))),
      this.#sums.map((halves, row) => [
        this.#splat.set(this.#inTurn(row, k)),
        halves.map((sum, side) =>
          sum.set(this.#madd(this.#splat.get, this.#b[side]!.get, sum.get))
        ),
      ]),
    ];
  }

  #fourSteps(): Code {
    const { pb, inPlace } = this.tile;
    const steps = [0, 1, 2, 3];
    return inPlace === "b"
      ? [steps.map((k) => [this.#step(0, k), pb.step(this.#bStep)]), this.#onward(4)]
      : [
        steps.map((k) => this.#step(32 * k, k)),
        this.#onward(4),
        pb.step(i32.of(16 * tileColumns)),
      ];
  }

  /** Where multiplying and adding round apart, two products are added before they join a sum. */
  #pair(k: number): Code {
    const { pb } = this.tile;
    const [b, next] = [this.#b, this.#next];
    return [
      b.map((half, side) => half.set(v128.load(pb.get, 16 * side))),
      next.map((half, side) => half.set(v128.load(i32.sum(pb.get, this.#bStep), 16 * side))),
      this.#sums.map((halves, row) => [
        this.#splat.set(this.#factor(row, k)),
        this.#nextSplat.set(this.#factor(row, k + 1)),
        halves.map((sum, side) => {
          const products = f32x4.add(
            f32x4.mul(this.#splat.get, b[side]!.get),
            f32x4.mul(this.#nextSplat.get, next[side]!.get),
          );
          return sum.set(f32x4.add(sum.get, products));
        }),
      ]),
      pb.step(i32.mul(this.#bStep, i32.of(2))),
    ];
  }

  /** Moves on along A. */
  #onward(steps: number): Code {
    return this.tile.inPlace === "a"
      ? this.#rows.map((row) => row.step(i32.of(4 * steps)))
      : this.tile.pa.step(i32.of(4 * this.#tileRows * steps));
  }

  /** Stores the sums in the result, or in scratch and from there what lies inside the result. */
  #finish(): Code {
    const { routine, w, i, j } = this.tile;
    const [to, toRow, adds] = [this.#to, this.#toRow, this.#adds];
    const scratch = routine.parameters[1]!;
    const result = i32.sum(w.c.get, i32.mul(i.get, w.cRow.get), i32.mul(j.get, i32.of(4)));
    const fits = i32.and(
      i32.less(i32.sum(i.get, i32.of(this.#tileRows - 1)), w.m.get),
      i32.less(i32.sum(j.get, i32.of(tileColumns - 1)), w.n.get),
    );
    return [
      when(
        fits,
        [to.set(result), toRow.set(w.cRow.get), adds.set(w.adds.get)],
        [to.set(scratch.get), toRow.set(i32.of(4 * tileColumns)), adds.set(i32.of(0))],
      ),
      when(
        adds.get,
        this.#store((sum, address, offset) => f32x4.add(v128.load(address, offset), sum.get)),
        this.#store((sum) => sum.get),
      ),
      when(i32.equal(to.get, scratch.get), copyEdge(this.tile, result)),
    ];
  }

  #store(value: (sum: Local, address: Code, offset: number) => Code): Code {
    return this.#sums.map((halves, row) => {
      const address = i32.sum(this.#to.get, i32.mul(this.#toRow.get, i32.of(row)));
      return halves.map((sum, side) =>
        v128.store(address, value(sum, address, 16 * side), 16 * side)
      );
    });
  }
}

/** Copies what lies inside the result from the tile in scratch. */
function copyEdge({ routine, w, relaxed, i, j }: Tile, result: Code): Code {
  const scratch = routine.parameters[1]!;
  const [row, column, from, to] = routine.locals(4, "i32");
  const value = routine.local("v128");
  return loop(row, i32.least(i32.of(tileRowsOf(relaxed)), i32.sub(w.m.get, i.get)), 1, [
    from.set(i32.sum(scratch.get, i32.mul(row.get, i32.of(4 * tileColumns)))),
    to.set(i32.sum(result, i32.mul(row.get, w.cRow.get))),
    loop(column, i32.least(i32.of(tileColumns), i32.sub(w.n.get, j.get)), 1, [
      value.set(v128.loadSplat(from.get)),
      when(w.adds.get, value.set(f32x4.add(value.get, v128.loadSplat(to.get)))),
      v128.storeLane(to.get, value.get, 0),
      from.step(i32.of(4)),
      to.step(i32.of(4)),
    ]),
  ]);
}
