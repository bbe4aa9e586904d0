/**
 * Quotients along a row whose divisor is the same for all of it: multiplied by its inverse.
 *
 * @module
 */

import { type Expr, variesByColumn } from "../../../../core/expr.ts";
import { f32x4, type Local, type Routine, v128 } from "../assembler/assembler.ts";
import type { Code } from "../assembler/code.ts";

/** What a dividend is multiplied by; the scale first, as inverses of subnormal numbers overflow. */
interface Inverse {
  readonly inverse: Local;
  readonly scale: Local | undefined;
}

/** The quotients of one routine. */
export class Quotients {
  readonly #inverses = new Map<Expr, Inverse>();

  constructor(readonly routine: Routine, readonly valueOf: (e: Expr) => Code) {}

  /** Code before a row that inverts the divisors of its quotients. */
  invert(columns: readonly Expr[]): Code[] {
    return columns.filter((e) => e.op === "div" && !variesByColumn(e.args[1]!)).map((e) => {
      const divisor = this.valueOf(e.args[1]!);
      const inverse = this.routine.local("v128");
      if (!isGiven(e.args[1]!)) {
        this.#inverses.set(e, { inverse, scale: undefined });
        return inverse.set(f32x4.div(f32x4.of(1), divisor));
      }
      const scale = this.routine.local("v128");
      this.#inverses.set(e, { inverse, scale });
      const subnormal = f32x4.less(f32x4.abs(divisor), f32x4.of(2 ** -126));
      return [
        scale.set(v128.select(subnormal, f32x4.of(2 ** 32), f32x4.of(1))),
        inverse.set(f32x4.div(f32x4.of(1), f32x4.mul(divisor, scale.get))),
      ];
    });
  }

  /** The value of a quotient. */
  quotient(e: Expr): Code {
    const [dividend, divisor] = e.args.map(this.valueOf) as [Code, Code];
    const by = this.#inverses.get(e);
    if (by === undefined) return f32x4.div(dividend, divisor);
    const scaled = by.scale === undefined ? dividend : f32x4.mul(dividend, by.scale.get);
    return f32x4.mul(scaled, by.inverse.get);
  }
}

/** Whether a value comes from outside and may be anything: sums of exponentials and lengths may not. */
function isGiven({ op }: Expr): boolean {
  return op === "input" || op === "scalar";
}
