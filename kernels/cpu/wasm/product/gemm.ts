/**
 * Matrix products in tiles of 5 x 8, batch by batch: packed rows of A against strips of B that are
 * packed too, or read where they lie.
 *
 * @module
 */

import { i32, loop, Routine, when } from "../assembler/assembler.ts";
import type { Format } from "../assembler/load.ts";
import { readWords, type Target } from "../threads/task.ts";
import type { Sizes } from "./blas.ts";
import { productWords } from "./gemm_task.ts";
import { pack, roundUp, tileColumns, tileRowsOf } from "./pack.ts";
import { type InPlace, TileCode } from "./tile.ts";

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
