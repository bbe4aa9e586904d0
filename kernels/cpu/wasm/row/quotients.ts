/**
 * Quotients along a row whose divisor is the same for all of it: multiplied by its inverse, but
 * divided where that overflows, as it does for subnormal divisors.
 *
 * @module
 */

import { type Expr, variesByColumn } from "../../../../core/expr.ts";
import { f32x4, type Local, type Routine, v128, when } from "../assembler/assembler.ts";
import type { Code } from "../assembler/code.ts";

/** The quotients of one routine. */
export class Quotients {
  readonly #inverses = new Map<Expr, Local>();
  /** Whether the code at hand is for rows with an inverse that overflows. */
  #divides = false;

  constructor(readonly routine: Routine, readonly valueOf: (e: Expr) => Code) {}

  /** Code before a row that inverts the divisors of its quotients. */
  invert(columns: readonly Expr[]): Code[] {
    return columns.filter(isInverted).map((e) => {
      const inverse = this.routine.local("v128");
      this.#inverses.set(e, inverse);
      return inverse.set(f32x4.div(f32x4.of(1), this.valueOf(e.args[1]!)));
    });
  }

  /** The code of a row, in two ways where a divisor may be subnormal. */
  along(columns: readonly Expr[], row: () => Code): Code {
    const subnormal = columns.filter((e) => isInverted(e) && isGiven(e.args[1]!)).map((e) =>
      f32x4.less(f32x4.abs(this.valueOf(e.args[1]!)), f32x4.of(2 ** -126))
    );
    if (subnormal.length === 0) return row();
    this.#divides = true;
    const exact = row();
    this.#divides = false;
    return when(v128.any(subnormal.reduce((all, one) => v128.or(all, one))), exact, row());
  }

  /** The value of a quotient. */
  quotient(e: Expr): Code {
    const [dividend, divisor] = e.args.map(this.valueOf) as [Code, Code];
    const inverse = this.#divides ? undefined : this.#inverses.get(e);
    if (inverse === undefined) return f32x4.div(dividend, divisor);
    return f32x4.mul(dividend, inverse.get);
  }
}

/** Whether a value of a column is a quotient by a value of the row. */
function isInverted({ op, args }: Expr): boolean {
  return op === "div" && !variesByColumn(args[1]!);
}

/** Whether a value comes from outside and may be anything: sums of exponentials and lengths may not. */
function isGiven({ op }: Expr): boolean {
  return op === "input" || op === "scalar";
}
