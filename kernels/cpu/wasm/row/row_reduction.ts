/**
 * Reductions of a row: its sum or its largest value.
 *
 * @module
 */

import { f32x4, f64, type Local, type Routine, v128 } from "../assembler/assembler.ts";
import type { Code } from "../assembler/code.ts";

/** Which columns a piece of code is for: none, four, or one. */
export type Lane = "row" | "four" | "one";

/** What joins a reduction. */
export interface Term {
  /** Code that reads the reduced value. */
  readonly value: Code;
  /** Its value and a sum. */
  onto(sum: Code): Code;
}

/**
 * A reduction under way: lanes apart, for each copy of the loop's body; sums are folded into a
 * double after every chunk.
 */
export function accumulator(sums: boolean, routine: Routine, copies: number) {
  const every = Array.from({ length: copies }, () => routine.local("v128"));
  const [lanes, ...others] = every as [Local, ...Local[]];
  const swap = (order: number[]) => v128.shuffle(lanes.get, lanes.get, order);
  if (!sums) {
    const larger = (lanes: Local, other: Code) => lanes.set(f32x4.larger(lanes.get, other));
    return {
      start: every.map((lanes) => lanes.set(f32x4.of(-Infinity))),
      add: ({ value }: Term, lane: Lane, copy: number) =>
        larger(every[copy]!, lane === "four" ? value : f32x4.splat(f32x4.lane(value, 0))),
      fold: undefined,
      result: [
        others.map((other) => larger(lanes, other.get)),
        larger(lanes, swap([2, 3, 0, 1])),
        larger(lanes, swap([1, 0, 3, 2])),
        lanes.get,
      ],
    };
  }
  const total = routine.local("f64");
  const join = (value: Code) => total.set(f64.add(total.get, f64.promote(f32x4.lane(value, 0))));
  return {
    start: [total.set(f64.of(0)), every.map((lanes) => lanes.set(f32x4.of(0)))],
    add: ({ value, onto }: Term, lane: Lane, copy: number) =>
      lane === "four" ? every[copy]!.set(onto(every[copy]!.get)) : join(value),
    fold: [
      others.map((other) => lanes.set(f32x4.add(lanes.get, other.get))),
      lanes.set(f32x4.add(lanes.get, swap([2, 3, 0, 1]))),
      join(f32x4.add(lanes.get, swap([1, 0, 3, 2]))),
      every.map((lanes) => lanes.set(f32x4.of(0))),
    ],
    result: f32x4.splat(f64.demote(total.get)),
  };
}
