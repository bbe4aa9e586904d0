/**
 * The operands of a row routine: where each one is, and the code that loads, stores and moves along.
 *
 * @module
 */

import type { Motion } from "../../../plan/row_passes.ts";
import { i32, i32x4, type Local, type Routine, v128 } from "../assembler/assembler.ts";
import type { Code } from "../assembler/code.ts";
import { type Format, loadsOf } from "../assembler/load.ts";
import type { Lane } from "./row_reduction.ts";

const fourLanes = [0, 1, 2, 3] as const;

/** Variables of one operand: bytes for memory, values for indices. */
export interface RowOperand {
  /** How it moves along the row. */
  readonly motion: Motion;
  /** Where its row begins. */
  readonly base: Local;
  /** From row to row. */
  readonly rowStep: Local;
  /** From column to column. */
  readonly columnStep: Local;
  /** Memory runs along as an address, an index as four values. */
  readonly at: Local;
}

/** What the operands of a routine are. */
export interface OperandLayout {
  /** Motion of each operand: inputs, outputs, indices. */
  readonly motions: readonly Motion[];
  /** Formats of the inputs. */
  readonly formats: readonly Format[];
  /** How many come before the indices. */
  readonly inMemory: number;
  /** Bytes of the columns that are done. */
  readonly column: Local;
}

/** All operands of a routine: inputs, outputs, indices. */
export class RowOperands {
  readonly #list: readonly RowOperand[];

  constructor(readonly routine: Routine, readonly layout: OperandLayout) {
    this.#list = layout.motions.map((motion, k) => ({
      motion,
      base: routine.local("i32"),
      rowStep: routine.local("i32"),
      columnStep: routine.local("i32"),
      at: routine.local(k < layout.inMemory ? "i32" : "v128"),
    }));
  }

  /** Reads base and steps of each operand, three words of the task each. */
  read(word: (index: number) => Code): Code {
    return this.#list.map(({ base, rowStep, columnStep }, k) => [
      base.set(word(3 * k)),
      rowStep.set(word(3 * k + 1)),
      columnStep.set(word(3 * k + 2)),
    ]);
  }

  /** Elements of an operand in memory: of the row, of four columns, or of one. */
  load(operand: number, lane: Lane, copy: number): Code {
    const { motion, base, columnStep, at } = this.#list[operand]!;
    const loads = loadsOf(this.layout.formats[operand] ?? "f32", this.routine);
    if (lane === "row" || motion === "fixed") return loads.splat(base.get);
    if (motion === "unit") {
      const done = this.layout.column.get;
      const along = loads.bytes === 4 ? done : i32.divide(done, i32.of(2));
      const address = i32.add(base.get, along);
      return lane === "four" ? loads.four(address, 4 * loads.bytes * copy) : loads.splat(address);
    }
    if (lane === "one") return loads.splat(at.get);
    const place = (n: number) => i32.add(at.get, i32.mul(columnStep.get, i32.of(n)));
    if (loads.bytes === 2) {
      const lanes = this.routine.local("v128");
      return fourLanes.map((n) => {
        const value = loads.splat(place(n));
        const mine = i32x4.of(...fourLanes.map((lane) => lane === n ? 0xffffffff : 0));
        return lanes.set(v128.select(mine, value, lanes.get));
      }).concat(lanes.get);
    }
    return [1, 2, 3].reduce<Code>(
      (lanes, n) => v128.loadLane(place(n), lanes, n),
      v128.loadZero(at.get),
    );
  }

  /** Values of an index. */
  index(operand: number, byColumn: boolean): Code {
    const { base, at } = this.#list[operand]!;
    return byColumn ? at.get : i32x4.splat(base.get);
  }

  /** Stores elements of an output. */
  store(operand: number, value: Code, lane: Lane, copy = 0): Code {
    const { motion, base, columnStep, at } = this.#list[operand]!;
    if (lane === "row" || motion === "fixed") return v128.storeLane(base.get, value, 0);
    if (motion === "unit") {
      const address = i32.add(base.get, this.layout.column.get);
      return lane === "four"
        ? v128.store(address, value, 16 * copy)
        : v128.storeLane(address, value, 0);
    }
    if (lane === "one") return v128.storeLane(at.get, value, 0);
    return fourLanes.map((n) =>
      v128.storeLane(i32.add(at.get, i32.mul(columnStep.get, i32.of(n))), value, n)
    );
  }

  /** Those that run along the row in a variable of their own; of the indices, those that are read. */
  moving(reads: (operand: number) => boolean): readonly RowOperand[] {
    return this.#list.filter(({ motion, at }, k) =>
      at.type === "v128" ? reads(k) : motion === "step"
    );
  }

  /** Code that moves every address on by one row. */
  nextRow(): Code {
    return this.#list.map(({ base, rowStep }) => base.step(rowStep.get));
  }
}

/** Puts an operand at the first column. */
export function toFirstColumn({ at, base, columnStep }: RowOperand): Code {
  return at.set(
    at.type === "i32" ? base.get : i32x4.add(
      i32x4.splat(base.get),
      i32x4.mul(i32x4.splat(columnStep.get), i32x4.of(0, 1, 2, 3)),
    ),
  );
}

/** Moves an operand on by four columns, or by one. */
export function onward({ at, columnStep }: RowOperand, lane: "four" | "one"): Code {
  const step = i32.mul(columnStep.get, i32.of(lane === "four" ? 4 : 1));
  return at.set(at.type === "i32" ? i32.add(at.get, step) : i32x4.add(at.get, i32x4.splat(step)));
}
