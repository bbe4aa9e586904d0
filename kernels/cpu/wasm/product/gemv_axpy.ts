/**
 * Products of one or two rows with a B that is dense along its columns: rows of B, one of each
 * quarter at a time, are scaled and added to the result. So four streams of B are read in memory's
 * order, each long enough to be fetched ahead.
 *
 * @module
 */

import { f32x4, i32, type Local, loop, Routine, v128 } from "../assembler/assembler.ts";
import type { Code } from "../assembler/code.ts";
import { type Format, loadsOf } from "../assembler/load.ts";
import { multiplyAdd } from "../assembler/scalar_functions.ts";
import { readWords, type Target } from "../threads/task.ts";
import { productWords } from "./gemm_task.ts";

/** Code for four columns from some column on. */
type Piece = (column: number) => Code;

/** `C = A·B` for tasks with the words of a product, which pack nothing and add to nothing. */
export function gemvAxpyRoutine(target: Target, format: Format): Uint8Array<ArrayBuffer> {
  const routine = new Routine(2);
  const loads = loadsOf(format, routine);
  const { words: w, read } = readWords(routine, productWords);
  const madd = multiplyAdd(target.relaxed);
  const [i, p, pa, first, to, whole, end, quarter] = routine.locals(8, "i32");
  const factors = routine.locals(4, "v128");
  const rows = routine.locals(4, "i32");
  const sum = routine.local("v128");
  const run = { to, first, whole, end, bytes: loads.bytes };

  /** Adds row p of B and the `count - 1` rows that follow at distances of a quarter. */
  const add = (count: number): Code => {
    const streams = rows.slice(0, count);
    const quarters = (step: Local, count: number) =>
      i32.mul(i32.mul(quarter.get, step.get), i32.of(count));
    const products = (load: typeof v128.load, column = 0): Code =>
      streams.map((row, s) =>
        sum.set(madd(factors[s]!.get, load(row.get, loads.bytes * column), sum.get))
      );
    return [
      streams.map((row, s) => [
        factors[s]!.set(v128.loadSplat(i32.sum(pa.get, quarters(w.aInner, s)))),
        row.set(i32.sum(w.b.get, i32.mul(p.get, w.bInner.get), quarters(w.bInner, s))),
      ]),
      alongColumns(
        run,
        streams,
        (column) => [
          sum.set(v128.load(to.get, 4 * column)),
          products(loads.four, column),
          v128.store(to.get, sum.get, 4 * column),
        ],
        [
          sum.set(v128.loadSplat(to.get)),
          products(loads.splat),
          v128.storeLane(to.get, sum.get, 0),
        ],
      ),
      pa.step(w.aInner.get),
    ];
  };
  return routine.assemble([
    read,
    quarter.set(i32.divide(w.k.get, i32.of(4))),
    loop(i, w.m.get, 1, [
      first.set(i32.sum(w.c.get, i32.mul(i.get, w.cRow.get))),
      whole.set(i32.sum(first.get, i32.mul(i32.and(w.n.get, i32.of(-8)), i32.of(4)))),
      end.set(i32.sum(first.get, i32.mul(w.n.get, i32.of(4)))),
      alongColumns(
        run,
        [],
        (column) => v128.store(to.get, f32x4.of(0), 4 * column),
        v128.storeLane(to.get, f32x4.of(0), 0),
      ),
      pa.set(i32.sum(w.a.get, i32.mul(i.get, w.aRow.get))),
      loop(p, quarter.get, 1, add(4)),
      pa.step(i32.mul(i32.mul(quarter.get, w.aInner.get), i32.of(3))),
      loop(p, w.k.get, 1, add(1), i32.mul(quarter.get, i32.of(4))),
    ]),
  ], target.memory);
}

/** A run over a row of the result: where it is, where it begins, ends its eights, and ends. */
type ColumnRun = Readonly<Record<"to" | "first" | "whole" | "end", Local>> & {
  /** Bytes of a number of B. */
  readonly bytes: number;
};

/** Runs over a row of the result and over rows of B: the fewer variables, the faster. */
function alongColumns(run: ColumnRun, streams: readonly Local[], four: Piece, one: Code): Code {
  const { to, first, whole, end, bytes } = run;
  const onward = (columns: number) => streams.map((row) => row.step(i32.of(bytes * columns)));
  return [
    loop(to, whole.get, 32, [four(0), four(4), onward(8)], first.get),
    loop(to, end.get, 4, [one, onward(1)], whole.get),
  ];
}
