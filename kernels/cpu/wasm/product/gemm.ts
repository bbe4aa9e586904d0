/**
 * Matrix products in tiles of 5 x 8, batch by batch: packed rows of A against strips of B that are
 * packed too, or read where they lie.
 *
 * @module
 */

import { f32x4, i32, type Local, loop, Routine, v128, when } from "../assembler/assembler.ts";
import type { Code } from "../assembler/code.ts";
import type { Format } from "../assembler/load.ts";
import { multiplyAdd } from "../assembler/scalar_functions.ts";
import { readWords, type Target } from "../threads/task.ts";
import type { Operands, Sizes } from "./blas.ts";
import { pack, roundUp, tileColumns, tileRowsOf } from "./pack.ts";

/** Bytes of scratch for a tile that juts out over the result. */
const edgeBytes = 192;

/** Words of a product task; steps in bytes. `packed` is the address of packed strips, or 0. */
export const productWords = [
  "count",
  "aBatch",
  "bBatch",
  "cBatch",
  "a",
  "aRow",
  "aInner",
  "b",
  "bInner",
  "bColumn",
  "c",
  "cRow",
  "m",
  "n",
  "k",
  "adds",
  "packed",
] as const;

/** A product task: its words by name. */
export type GemmTask = Readonly<Record<(typeof productWords)[number], number>>;

/** A task for one product that is not packed yet. */
export function gemmTask([m, n, k]: Sizes, [a, b, c]: Operands): GemmTask {
  return {
    count: 1,
    aBatch: 0,
    bBatch: 0,
    cBatch: 0,
    a: a.address,
    aRow: a.row,
    aInner: a.column,
    b: b.address,
    bInner: b.row,
    bColumn: b.column,
    c: c.address,
    cRow: c.row,
    m,
    n,
    k,
    adds: 0,
    packed: 0,
  };
}

/**
 * Bytes of scratch that a product takes in tiles of `tileRows` rows; `n` counts the columns it packs
 * itself.
 */
export function gemmScratch([m, n, k]: Sizes, tileRows: number): number {
  return edgeBytes + 4 * k * (roundUp(m, tileRows) + roundUp(n, tileColumns));
}

/** Which operand is read where it lies, as floats of 32 bits: A dense along its rows, or B along its. */
export type InPlace = "a" | "b" | undefined;

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
          tile({ routine, w, relaxed: target.relaxed, inPlace, i, j, pa, pb }),
        ]),
        strip.step(nextStrip),
      ]),
      w.a.step(w.aBatch.get),
      w.b.step(w.bBatch.get),
      w.c.step(w.cBatch.get),
    ]),
  ], target.memory);
}

interface Tile {
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
function tile(at: Tile): Code {
  const { routine, w, relaxed, inPlace, i, j, pa, pb } = at;
  const scratch = routine.parameters[1]!;
  const [p, to, toRow, adds] = routine.locals(4, "i32");
  const madd = multiplyAdd(relaxed);
  const tileRows = tileRowsOf(relaxed);
  const sums = Array.from({ length: tileRows }, () => routine.locals(2, "v128"));
  /** Where A is read in place: its rows, each with a run of its own. */
  const rows = sums.map(() => routine.local("i32"));
  const [a, splat, nextSplat] = routine.locals(3, "v128");
  const b = routine.locals(2, "v128");
  const next = routine.locals(2, "v128");
  const bStep = inPlace === "b" ? w.bInner.get : i32.of(4 * tileColumns);

  /** A number of A in every lane: that of a row, some inner steps on. */
  const factor = (row: number, k = 0): Code =>
    inPlace === "a"
      ? v128.loadSplat(rows[row]!.get, 4 * k)
      : v128.loadSplat(pa.get, 4 * (tileRows * k + row));
  /** The same, the rows of a step one after the other: a packed step is but two loads. */
  const inTurn = (row: number, k = 0): Code => {
    if (inPlace === "a" || row === 4) return factor(row, k);
    const lane = v128.shuffle(a.get, a.get, Array(4).fill(row));
    return row === 0 ? [a.set(v128.load(pa.get, 4 * tileRows * k)), lane] : lane;
  };
  /** Few values live at a time, or sixteen registers do not hold them. */
  const step = (bOffset = 0, k = 0): Code => [
    b.map((half, side) => half.set(v128.load(pb.get, bOffset + 16 * side))),
    sums.map((halves, row) => [
      splat.set(inTurn(row, k)),
      halves.map((sum, side) => sum.set(madd(splat.get, b[side]!.get, sum.get))),
    ]),
  ];
  const onward = (steps: number): Code =>
    inPlace === "a"
      ? rows.map((row) => row.step(i32.of(4 * steps)))
      : pa.step(i32.of(4 * tileRows * steps));
  const one = [step(), onward(1), pb.step(bStep)];
  const fused = inPlace === "b"
    ? [[0, 1, 2, 3].map((k) => [step(0, k), pb.step(bStep)]), onward(4)]
    : [[0, 1, 2, 3].map((k) => step(32 * k, k)), onward(4), pb.step(i32.of(16 * tileColumns))];
  /** Where multiplying and adding round apart, two products are added before they join a sum. */
  const pair = (k: number): Code => [
    b.map((half, side) => half.set(v128.load(pb.get, 16 * side))),
    next.map((half, side) => half.set(v128.load(i32.sum(pb.get, bStep), 16 * side))),
    sums.map((halves, row) => [
      splat.set(factor(row, k)),
      nextSplat.set(factor(row, k + 1)),
      halves.map((sum, side) => {
        const products = f32x4.add(
          f32x4.mul(splat.get, b[side]!.get),
          f32x4.mul(nextSplat.get, next[side]!.get),
        );
        return sum.set(f32x4.add(sum.get, products));
      }),
    ]),
    pb.step(i32.mul(bStep, i32.of(2))),
  ];
  const four = relaxed ? fused : [pair(0), pair(2), onward(4)];
  const whole = i32.and(w.k.get, i32.of(-4));
  const store = (value: (sum: Local, address: Code, offset: number) => Code): Code =>
    sums.map((halves, row) => {
      const address = i32.sum(to.get, i32.mul(toRow.get, i32.of(row)));
      return halves.map((sum, side) =>
        v128.store(address, value(sum, address, 16 * side), 16 * side)
      );
    });
  const result = i32.sum(w.c.get, i32.mul(i.get, w.cRow.get), i32.mul(j.get, i32.of(4)));
  const fits = i32.and(
    i32.less(i32.sum(i.get, i32.of(tileRows - 1)), w.m.get),
    i32.less(i32.sum(j.get, i32.of(tileColumns - 1)), w.n.get),
  );
  return [
    sums.map((halves) => halves.map((sum) => sum.set(f32x4.of(0)))),
    inPlace !== "a" ? [] : rows.map((row, index) => {
      // A missing row repeats the last one.
      const line = i32.least(i32.sum(i.get, i32.of(index)), i32.sub(w.m.get, i32.of(1)));
      return row.set(i32.sum(w.a.get, i32.mul(line, w.aRow.get)));
    }),
    loop(p, whole, 4, four),
    loop(p, w.k.get, 1, one, whole),
    when(
      fits,
      [to.set(result), toRow.set(w.cRow.get), adds.set(w.adds.get)],
      [to.set(scratch.get), toRow.set(i32.of(4 * tileColumns)), adds.set(i32.of(0))],
    ),
    when(
      adds.get,
      store((sum, address, offset) => f32x4.add(v128.load(address, offset), sum.get)),
      store((sum) => sum.get),
    ),
    when(i32.equal(to.get, scratch.get), copyEdge(at, result)),
  ];
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
