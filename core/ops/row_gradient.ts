/**
 * How the gradient of a rowwise operation is computed: again expressions over rows, and where each
 * of their inputs comes from.
 *
 * @module
 */

import { derive } from "../derive.ts";
import type { Kind } from "../dtype.ts";
import {
  type Expr,
  type Float,
  float,
  input,
  type Level,
  substitute,
  topological,
  variesByColumn,
} from "../expr.ts";

/**
 * Gradients of the inputs by hand, where derivation would repeat costly work. It speaks of the first
 * output's cotangent alone and may read every output.
 */
export type Override = (
  cotangents: readonly (Float | undefined)[],
  outputs: readonly Float[],
) => readonly (Float | undefined)[];

/** What {@linkcode planGradient} reads of an operation. */
export interface RowDeclaration {
  /** Kind of each input. */
  readonly inputs: readonly Kind[];
  /** One expression an output. */
  readonly outputs: readonly Expr[];
  /** Gradient by hand, for operations that have one. */
  readonly override: Override | undefined;
}

/** Which gradients are asked for, and of what. */
export interface GradientRequest {
  /** Which outputs have a cotangent. */
  readonly cotangents: readonly boolean[];
  /** Which inputs need a gradient. */
  readonly needsGradient: readonly boolean[];
  /** To which inputs' gradients what came before is added. */
  readonly carried: readonly boolean[];
}

/** Expressions of a gradient, over inputs of their own. */
export interface GradientPlan {
  /** Kinds of the inputs. */
  readonly inputs: readonly Kind[];
  /** One expression for each gradient that has to be computed. */
  readonly outputs: readonly Expr[];
  /** Where each input comes from. */
  readonly sources: readonly Source[];
  /** Where the gradient of each of the operation's inputs is found; undefined where it has none. */
  readonly results: readonly (Result | undefined)[];
}

/** Where an input comes from; `accumulated` is the gradient that one of the inputs has so far. */
interface Source {
  readonly from: "cotangent" | "input" | "output" | "accumulated";
  readonly position: number;
}

/** Where the gradient of one input is found, and whether it stands for a whole row of equal ones. */
interface Result {
  readonly from: "cotangent" | "made";
  readonly position: number;
  readonly broadcasts: boolean;
}

/** Places of the leaves: inputs, cotangents, outputs that were saved, gradients so far. */
function sourceOf(slot: number, n: number, m: number): Source {
  if (slot < n) return { from: "input", position: slot };
  if (slot < n + m) return { from: "cotangent", position: slot - n };
  if (slot < n + 2 * m) return { from: "output", position: slot - n - m };
  return { from: "accumulated", position: slot - n - 2 * m };
}

/** Derives the gradient and renumbers the leaves it reads. */
export function planGradient(
  { inputs, outputs, override }: RowDeclaration,
  { cotangents, needsGradient, carried }: GradientRequest,
): GradientPlan {
  const [n, m] = [inputs.length, outputs.length];
  const stored = (e: Expr): Level => variesByColumn(e) ? 3 : 1;
  const given = outputs.map((e, i) => cotangents[i] ? input(n + i, "f32", stored(e)) : undefined);
  const saved = new Map<Expr, Expr>();
  outputs.forEach((e, i) => {
    if (e.kind === "f32" && e.args.length > 0) saved.set(e, input(n + m + i, "f32", stored(e)));
  });
  const used = topological(outputs).filter((e) => e.op === "input");
  const leaf = (i: number) => used.find((e) => e.attribute === i);
  // An override speaks of the first output alone.
  const byHand = override !== undefined && cotangents.every((present, i) => !present || i === 0);
  const raw = byHand
    ? override(given, outputs.map((e) => (saved.get(e) ?? e) as Float))
    : derive(outputs as Float[], given, inputs.map((_, i) => leaf(i) ?? float(0)));
  const expressions: Expr[] = [];
  const results = inputs.map((kind, i): Result | undefined => {
    const e = needsGradient[i] && kind === "f32" && leaf(i) !== undefined ? raw[i] : undefined;
    if (e === undefined) return undefined;
    const same = given.findIndex((g) => g !== undefined && g === e);
    const final = same < 0 ? substitute(e, saved) : e;
    const broadcasts = variesByColumn(leaf(i)!) && !variesByColumn(final);
    if (same >= 0) return { from: "cotangent", position: same, broadcasts };
    const sum = carried[i] ? final.add(input(n + 2 * m + i, "f32", 3)) : final;
    return { from: "made", position: expressions.push(sum) - 1, broadcasts };
  });
  const leaves = topological(expressions).filter((e) => e.op === "input");
  const compact = new Map(leaves.map((e, slot) => [e, input(slot, e.kind as "f32", e.level)]));
  return {
    inputs: leaves.map((e) => e.kind),
    outputs: expressions.map((e) => substitute(e, compact)),
    sources: leaves.map(({ attribute: slot }) => sourceOf(slot, n, m)),
    results,
  };
}
