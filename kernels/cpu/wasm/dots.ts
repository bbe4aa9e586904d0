/**
 * Products of a few rows, where packing B would cost more than it saves: each element is a sum
 * along the inner axis, dense in A and in B; four columns at a time.
 *
 * @module
 */

import { type Code, f32x4, i32, type Local, loop, Routine, v128, when } from "./assembler.ts";
import { multiplyAdd } from "./functions.ts";
import { type Format, loadsOf } from "./load.ts";
import { productWords } from "./product.ts";
import { readWords, type Target } from "./task.ts";

/** `C = A·B` for tasks with the words of a product, which pack nothing and add to nothing. */
export function dotRoutine(target: Target, format: Format): Uint8Array<ArrayBuffer> {
  const routine = new Routine(2);
  const { words: w, read } = readWords(routine, productWords);
  const madd = multiplyAdd(target.relaxed);
  const [i, j, p, whole, left, pa, from, to] = routine.locals(8, "i32");
  const offsets = routine.locals(4, "i32");
  const sums = routine.locals(4, "v128");
  const a = routine.local("v128");
  const loads = loadsOf(format, routine);
  const step = (load: "four" | "first", count: number): Code => [
    a.set(load === "four" ? v128.load(pa.get) : v128.loadZero(pa.get)),
    sums.map((sum, column) => {
      const b = loads[load](i32.sum(from.get, offsets[column]!.get));
      return sum.set(madd(a.get, b, sum.get));
    }),
    pa.step(i32.of(4 * count)),
    from.step(i32.of(loads.bytes * count)),
  ];
  const result = a;
  return routine.assemble([
    read,
    whole.set(i32.and(w.k.get, i32.of(-4))),
    loop(j, w.n.get, 4, [
      left.set(i32.sub(w.n.get, j.get)),
      // A missing column repeats the last one and is not stored.
      offsets.map((offset, column) =>
        offset.set(i32.mul(
          i32.least(i32.of(column), i32.sub(left.get, i32.of(1))),
          w.bColumn.get,
        ))
      ),
      loop(i, w.m.get, 1, [
        pa.set(i32.sum(w.a.get, i32.mul(i.get, w.aRow.get))),
        from.set(i32.sum(w.b.get, i32.mul(j.get, w.bColumn.get))),
        to.set(i32.sum(w.c.get, i32.mul(i.get, w.cRow.get), i32.mul(j.get, i32.of(4)))),
        sums.map((sum) => sum.set(f32x4.of(0))),
        loop(p, whole.get, 4, step("four", 4)),
        loop(p, w.k.get, 1, step("first", 1), whole.get),
        result.set(columnSums(sums)),
        when(
          i32.less(i32.of(3), left.get),
          v128.store(to.get, result.get),
          [0, 1, 2].map((lane) =>
            when(
              i32.less(i32.of(lane), left.get),
              v128.storeLane(to.get, result.get, lane, 4 * lane),
            )
          ),
        ),
      ]),
    ]),
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
