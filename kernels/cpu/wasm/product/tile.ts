/**
 * One tile of a product: its sums stay in registers while the inner axis goes by.
 *
 * @module
 */

import { f32x4, i32, type Local, loop, type Routine, v128, when } from "../assembler/assembler.ts";
import type { Code } from "../assembler/code.ts";
import { type Lanes, multiplyAdd } from "../assembler/scalar_functions.ts";
import type { productWords } from "./gemm_task.ts";
import { tileColumns, tileRowsOf } from "./pack.ts";

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
