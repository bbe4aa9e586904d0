/**
 * The four kinds of cells that a map has, what each method puts there by the paper's equations, and
 * that in numbers.
 *
 * @module
 */

import type { RowMethod } from "./compute.ts";

/** A weight and a logit: row and column of a map. */
export type JacobianCell = readonly [weight: number, logit: number];

/** Below this a derivative is the rounding of 32 bits, where mathematics has 0. */
export const negligible = 1e-6;

/** The kinds: by whose weight it is, and by whose logit. */
export const cellKinds = ["own", "other", "noise", "gone"] as const;
/**
 * A kept weight by its `own` logit, by that of an`other` kept key, by that of a dropped key (`noise`);
 * or the weight of a dropped key, which is `gone`.
 */
export type CellKind = typeof cellKinds[number];

/** The kind of a cell. */
export function kindOfCell([weight, logit]: JacobianCell, dropped: readonly number[]): CellKind {
  if (dropped.includes(weight)) return "gone";
  if (dropped.includes(logit)) return "noise";
  return weight === logit ? "own" : "other";
}

/**
 * A cell of a kind that shows it best: large weights on large logits; undefined where there is none.
 *
 * @param from Stays chosen as far as it fits
 */
export function cellOfKind(
  kind: CellKind,
  before: ArrayLike<number>,
  dropped: readonly number[],
  from: JacobianCell,
): JacobianCell | undefined {
  const keys = Array.from({ length: before.length }, (_, key) => key)
    .sort((a, b) => before[b]! - before[a]!);
  const best = (fits: (key: number) => boolean, first: number) =>
    fits(first) ? first : keys.find(fits);
  const isDropped = (key: number) => dropped.includes(key);
  const isKept = (key: number) => !isDropped(key);
  const weight = best(kind === "gone" ? isDropped : isKept, from[0]);
  if (weight === undefined) return undefined;
  const logit = kind === "own"
    ? weight
    : best(kind === "noise" ? isDropped : (key) => isKept(key) && key !== weight, from[1]);
  return logit === undefined ? undefined : [weight, logit];
}

/** What an equation gives in a cell. */
export interface CellAccount {
  /** Number of the equation in the paper, where it has one. */
  readonly equation?: string;
  /** The calculation, in numbers; nothing to calculate where it is absent. */
  readonly numbers?: string;
  /** What comes of it. */
  readonly value: number;
}

/** What the paper's equations give in a cell under a method, from the weights before the drop. */
export function accountOf(
  method: RowMethod,
  [u, j]: JacobianCell,
  before: ArrayLike<number>,
  dropped: readonly number[],
): CellAccount {
  const kind = kindOfCell([u, j], dropped);
  const kept = Array.from(before).reduce((sum, w, key) => dropped.includes(key) ? sum : sum + w, 0);
  const short = (value: number) => value.toFixed(3);
  if (kind === "gone") return { equation: method === "dropkey" ? "4" : "6", value: 0 };
  if (method === "nograd") {
    const [w, by, S] = [short(before[u]!), short(before[j]!), short(kept)];
    return kind === "own"
      ? {
        equation: "9",
        numbers: `${w} × (1 − ${w}) / ${S}`,
        value: before[u]! * (1 - before[u]!) / kept,
      }
      : {
        ...(kind === "noise" && { equation: "8" }),
        numbers: `−${w} × ${by} / ${S}`,
        value: -before[u]! * before[j]! / kept,
      };
  }
  if (kind === "noise") return { equation: "7", value: 0 };
  const [own, other] = [before[u]! / kept, before[j]! / kept];
  return kind === "own"
    ? { equation: "7", numbers: `${short(own)} × (1 − ${short(own)})`, value: own * (1 - own) }
    : { numbers: `−${short(own)} × ${short(other)}`, value: -own * other };
}
