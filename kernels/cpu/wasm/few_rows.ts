/**
 * Products of one or two rows with a B that is dense along its columns: rows of B are read in
 * memory's order, four at a time, scaled and added to the result.
 *
 * @module
 */

import { type Code, f32x4, i32, type Local, loop, Routine, v128 } from "./assembler.ts";
import { multiplyAdd } from "./functions.ts";
import { productWords } from "./product.ts";
import { readWords, type Target } from "./task.ts";

/** `C = A·B` for tasks with the words of a product, which pack nothing and add to nothing. */
export function fewRowsRoutine(target: Target): Uint8Array<ArrayBuffer> {
  const routine = new Routine(2);
  const { words: w, read } = readWords(routine, productWords);
  const madd = multiplyAdd(target.relaxed);
  const [i, j, p, pa, to] = routine.locals(5, "i32");
  const factors = routine.locals(4, "v128");
  const rows = routine.locals(4, "i32");
  const whole = i32.and(w.n.get, i32.of(-4));
  const at = (row: Local) => i32.sum(row.get, i32.mul(j.get, i32.of(4)));
  const alongColumns = (four: Code, one: Code): Code => [
    loop(j, whole, 4, four),
    loop(j, w.n.get, 1, one, whole),
  ];

  /** Adds `count` rows of B, from step p on. */
  const add = (count: number): Code => {
    const sum = (load: (address: Code) => Code): Code =>
      factors.slice(0, count).reduce<Code>(
        (sum, factor, step) => madd(factor.get, load(at(rows[step]!)), sum),
        load(at(to)),
      );
    return [
      factors.slice(0, count).map((factor, step) => [
        factor.set(v128.loadSplat(i32.sum(pa.get, i32.mul(w.aInner.get, i32.of(step))))),
        rows[step]!.set(i32.sum(w.b.get, i32.mul(i32.sum(p.get, i32.of(step)), w.bInner.get))),
      ]),
      alongColumns(
        v128.store(at(to), sum(v128.load)),
        v128.storeLane(at(to), sum(v128.loadSplat), 0),
      ),
      pa.step(i32.mul(w.aInner.get, i32.of(count))),
    ];
  };
  const fours = i32.and(w.k.get, i32.of(-4));
  return routine.assemble([
    read,
    loop(i, w.m.get, 1, [
      pa.set(i32.sum(w.a.get, i32.mul(i.get, w.aRow.get))),
      to.set(i32.sum(w.c.get, i32.mul(i.get, w.cRow.get))),
      alongColumns(
        v128.store(at(to), f32x4.of(0)),
        v128.storeLane(at(to), f32x4.of(0), 0),
      ),
      loop(p, fours, 4, add(4)),
      loop(p, w.k.get, 1, add(1), fours),
    ]),
  ], target.memory);
}
