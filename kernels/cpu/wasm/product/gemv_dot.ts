/**
 * Products of few rows, where packing B would cost more than it saves: each element is a sum along
 * the inner axis, dense in A and in B. Four columns at a time, one from each quarter of B, so that
 * four streams are read in memory's order, each long enough to be fetched ahead.
 *
 * @module
 */

import { f32x4, i32, type Local, loop, Routine, v128, when } from "../assembler/assembler.ts";
import type { Code } from "../assembler/code.ts";
import { type Format, loadsOf } from "../assembler/load.ts";
import { multiplyAdd } from "../assembler/scalar_functions.ts";
import { readWords, type Target } from "../threads/task.ts";
import { productWords } from "./gemm_task.ts";

/** `C = A·B` for tasks with the words of a product, which pack nothing and add to nothing. */
export function gemvDotRoutine(target: Target, format: Format): Uint8Array<ArrayBuffer> {
  const routine = new Routine(2);
  const { words: w, read } = readWords(routine, productWords);
  const madd = multiplyAdd(target.relaxed);
  const loads = loadsOf(format, routine);
  const [i, j, p, quarter, many, whole] = routine.locals(6, "i32");
  const streams = routine.locals(4, "i32");
  const b = routine.local("v128");
  const last = (size: Local) => i32.sub(size.get, i32.of(1));
  /** A column that is missing from the last quarter repeats the last one, and stores the same. */
  const column = (stream: number) =>
    i32.least(i32.sum(j.get, i32.mul(quarter.get, i32.of(stream))), last(w.n));

  const put = (row: Local, stream: number) =>
    v128.storeLane(i32.sum(row.get, i32.mul(column(stream), i32.of(4))), b.get, stream);

  /** All rows, `height` of them at a time. */
  const over = (height: number): Code => {
    const rows = Array.from({ length: height }, () => ({
      from: routine.local("i32"),
      to: routine.local("i32"),
      a: routine.local("v128"),
      sums: routine.locals(4, "v128"),
    }));
    const step = (load: "four" | "first", k = 0): Code => [
      rows.map(({ from, a }) =>
        a.set(load === "four" ? v128.load(from.get, 4 * k) : v128.loadZero(from.get))
      ),
      streams.map((stream, s) => [
        b.set(loads[load](stream.get, loads.bytes * k)),
        rows.map(({ a, sums }) => sums[s]!.set(madd(a.get, b.get, sums[s]!.get))),
      ]),
    ];
    const onward = (steps: number): Code => [
      rows.map(({ from }) => from.step(i32.of(4 * steps))),
      streams.map((stream) => stream.step(i32.of(loads.bytes * steps))),
    ];
    return loop(i, w.m.get, height, [
      rows.map(({ from, to, sums }, index) => {
        // A missing row repeats the last one as well.
        const row = i32.least(i32.sum(i.get, i32.of(index)), last(w.m));
        return [
          from.set(i32.sum(w.a.get, i32.mul(row, w.aRow.get))),
          to.set(i32.sum(w.c.get, i32.mul(row, w.cRow.get))),
          sums.map((sum) => sum.set(f32x4.of(0))),
        ];
      }),
      streams.map((stream, s) => stream.set(i32.sum(w.b.get, i32.mul(column(s), w.bColumn.get)))),
      loop(p, many.get, 16, [[0, 4, 8, 12].map((k) => step("four", k)), onward(16)]),
      loop(p, whole.get, 4, [step("four"), onward(4)], many.get),
      loop(p, w.k.get, 1, [step("first"), onward(1)], whole.get),
      rows.map(({ to, sums }) => [b.set(columnSums(sums)), streams.map((_, s) => put(to, s))]),
    ]);
  };
  return routine.assemble([
    read,
    many.set(i32.and(w.k.get, i32.of(-16))),
    whole.set(i32.and(w.k.get, i32.of(-4))),
    quarter.set(i32.divide(i32.sum(w.n.get, i32.of(3)), i32.of(4))),
    loop(j, quarter.get, 1, when(i32.equal(w.m.get, i32.of(1)), over(1), over(2))),
  ], target.memory);
}

/** The sum of each vector's lanes, as one vector. */
function columnSums([a, b, c, d]: readonly [Local, Local, Local, Local]): Code {
  const pairs = (x: Local, y: Local) =>
    f32x4.add(
      v128.shuffle(x.get, y.get, [0, 1, 4, 5]),
      v128.shuffle(x.get, y.get, [2, 3, 6, 7]),
    );
  return f32x4.add(
    v128.shuffle(pairs(a, b), pairs(c, d), [0, 2, 4, 6]),
    v128.shuffle(pairs(a, b), pairs(c, d), [1, 3, 5, 7]),
  );
}
