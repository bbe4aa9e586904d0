/**
 * Matrix products in tiles of 5 x 8, batch by batch: packed rows of A against strips of B that are
 * packed too, or read where they lie.
 *
 * @module
 */

import { type Code, f32x4, i32, type Local, loop, Routine, v128, when } from "./assembler.ts";
import { multiplyAdd } from "./functions.ts";
import type { Format } from "./load.ts";
import { pack, tileColumns, tileRows } from "./pack.ts";
import { readWords, type Target } from "./task.ts";

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

/** Bytes of scratch that a product of `m` rows takes; `n` counts the columns it packs itself. */
export function productScratch(m: number, n: number, k: number): number {
  const padded = (lines: number, width: number) => Math.ceil(lines / width) * width;
  return edgeBytes + 4 * k * (padded(m, tileRows) + padded(n, tileColumns));
}

/**
 * `C = A·B`, or `C += A·B`; `inPlace` reads B where it lies, as floats of 32 bits dense along its
 * columns. `format` is that of the B that a task packs itself.
 */
export function productRoutine(
  target: Target,
  inPlace: boolean,
  format: Format = "f32",
): Uint8Array<ArrayBuffer> {
  const routine = new Routine(2);
  const scratch = routine.parameters[1]!;
  const { words: w, read } = readWords(routine, productWords);
  const [batch, i, j, strip, pa, pb, panel, columns] = routine.locals(8, "i32");
  const strips = i32.divide(i32.sum(w.m.get, i32.of(tileRows - 1)), i32.of(tileRows));
  const panelBytes = i32.mul(strips, i32.mul(w.k.get, i32.of(4 * tileRows)));
  const rows = { source: w.a, inner: w.aInner, line: w.aRow, k: w.k, lines: w.m, target: panel };
  const own = { source: w.b, inner: w.bInner, line: w.bColumn, k: w.k, lines: w.n };
  const firstStrip = inPlace ? strip.set(w.b.get) : [
    strip.set(w.packed.get),
    when(i32.isZero(w.packed.get), [
      strip.set(columns.get),
      pack(routine, { ...own, target: columns }, tileColumns, format),
    ]),
  ];
  const nextStrip = inPlace ? i32.of(4 * tileColumns) : i32.mul(w.k.get, i32.of(4 * tileColumns));
  return routine.assemble([
    read,
    panel.set(i32.sum(scratch.get, i32.of(edgeBytes))),
    columns.set(i32.sum(panel.get, panelBytes)),
    loop(batch, i32.of(0), w.count.get, i32.of(1), [
      pack(routine, rows, tileRows),
      firstStrip,
      loop(j, i32.of(0), w.n.get, i32.of(tileColumns), [
        pa.set(panel.get),
        loop(i, i32.of(0), w.m.get, i32.of(tileRows), [
          pb.set(strip.get),
          tile({ routine, w, target, inPlace, i, j, pa, pb }),
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
  readonly target: Target;
  readonly inPlace: boolean;
  /** First row and column of the tile. */
  readonly i: Local;
  readonly j: Local;
  /** Run through the packed rows and through the strip. */
  readonly pa: Local;
  readonly pb: Local;
}

/** Multiplies one tile and stores it; one that juts out goes through scratch. */
function tile({ routine, w, target, inPlace, i, j, pa, pb }: Tile): Code {
  const scratch = routine.parameters[1]!;
  const [p, to, toRow, adds] = routine.locals(4, "i32");
  const madd = multiplyAdd(target.relaxed);
  const sums = Array.from({ length: tileRows }, () => routine.locals(2, "v128"));
  const [a, b0, b1, splat] = routine.locals(4, "v128");

  /** One inner step: few values live at a time, or sixteen registers do not hold them. */
  const step = (aOffset: number, bOffset: number): Code => [
    b0.set(v128.load(pb.get, bOffset)),
    b1.set(v128.load(pb.get, bOffset + 16)),
    a.set(v128.load(pa.get, aOffset)),
    sums.map(([left, right], row) => [
      splat.set(
        row < 4
          ? v128.shuffle(a.get, a.get, [row, row, row, row])
          : v128.loadSplat(pa.get, aOffset + 4 * row),
      ),
      left.set(madd(splat.get, b0.get, left.get)),
      right.set(madd(splat.get, b1.get, right.get)),
    ]),
  ];
  const bStep = inPlace ? w.bInner.get : i32.of(4 * tileColumns);
  const one = [step(0, 0), pa.step(i32.of(4 * tileRows)), pb.step(bStep)];
  const four = [
    [0, 1, 2, 3].map((k) =>
      inPlace ? [step(4 * tileRows * k, 0), pb.step(bStep)] : step(4 * tileRows * k, 32 * k)
    ),
    pa.step(i32.of(16 * tileRows)),
    inPlace ? [] : pb.step(i32.of(16 * tileColumns)),
  ];
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
    loop(p, i32.of(0), whole, i32.of(4), four),
    loop(p, whole, w.k.get, i32.of(1), one),
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
    when(i32.equal(to.get, scratch.get), copyEdge(routine, w, i, j, result)),
  ];
}

/** Copies what lies inside the result from the tile in scratch. */
function copyEdge(routine: Routine, w: Tile["w"], i: Local, j: Local, result: Code): Code {
  const scratch = routine.parameters[1]!;
  const [row, column, from, to] = routine.locals(4, "i32");
  const value = routine.local("v128");
  return loop(
    row,
    i32.of(0),
    i32.least(i32.of(tileRows), i32.sub(w.m.get, i.get)),
    i32.of(1),
    [
      from.set(i32.sum(scratch.get, i32.mul(row.get, i32.of(4 * tileColumns)))),
      to.set(i32.sum(result, i32.mul(row.get, w.cRow.get))),
      loop(
        column,
        i32.of(0),
        i32.least(i32.of(tileColumns), i32.sub(w.n.get, j.get)),
        i32.of(1),
        [
          value.set(v128.loadSplat(from.get)),
          when(w.adds.get, value.set(f32x4.add(value.get, v128.loadSplat(to.get)))),
          v128.storeLane(to.get, value.get, 0),
          from.step(i32.of(4)),
          to.step(i32.of(4)),
        ],
      ),
    ],
  );
}
