/**
 * How the leaves of masks are read: at a head, a query and a key.
 *
 * @module
 */

import { type Expr, topological } from "../../../core/expr.ts";
import { maskExpressions } from "../../../core/program.ts";
import { keyAxis, queryAxis } from "../../plan/attention.ts";
import type { LeafRegisters } from "../ptx/expression.ts";
import type { AttentionFrame, HeadPlace } from "./frame.ts";

/** Registers of the coordinates within a head; a leaf reads those along which it varies. */
export interface MaskPlace {
  readonly query?: string;
  readonly key?: string;
}

/** Reads leaves. */
export class MaskReads {
  readonly nodes: readonly Expr[];
  readonly #levels = new Map<string, number>();
  readonly #heads = new Map<string, string>();

  constructor(readonly frame: AttentionFrame) {
    this.nodes = topological(maskExpressions(frame.program.masks));
    for (const { op, attribute, level } of this.nodes) {
      if (op === "input" || op === "index") this.#levels.set(`${op}${attribute}`, level);
    }
  }

  /** Finds where the head begins in every leaf. */
  begin(head: HeadPlace): void {
    for (const { op, attribute } of this.nodes) {
      const name = `${op}${attribute}`;
      if (op === "input") {
        this.#heads.set(name, this.frame.base(this.frame.maskOperand(attribute), head));
      } else if (op === "index") this.#heads.set(name, this.frame.indexBase(attribute, head));
    }
  }

  /** How leaves are read at a place. */
  at(place: MaskPlace): LeafRegisters {
    const { text, shape } = this.frame;
    const along = (name: string, operand: number, inMemory: boolean) => {
      const level = this.#levels.get(name)!;
      let sum = this.#heads.get(name)!;
      const steps = [[1, place.query, queryAxis], [2, place.key, keyAxis]] as const;
      for (const [bit, at, axis] of steps) {
        if ((level & bit) === 0) continue;
        if (at === undefined) throw new TypeError(`Cannot read ${name} before its place is known`);
        const step = this.frame.step(operand, axis);
        sum = inMemory
          ? text.into("b64", "mad.wide.s32", at, step, sum)
          : text.into("b32", "mad.lo.u32", at, step, sum);
      }
      return sum;
    };
    return {
      element: (_, slot) => {
        const address = along(`input${slot}`, this.frame.maskOperand(slot), true);
        return text.into("b32", "ld.global.b32", `[${address}]`);
      },
      index: (slot) => along(`index${slot}`, shape.dtypes.length + slot, false),
      scalar: (slot, kind) => this.frame.scalar(slot, kind),
      columns: () => {
        throw new TypeError("Cannot read the length of a row in a mask");
      },
    };
  }
}
