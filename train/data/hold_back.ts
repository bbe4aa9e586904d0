/**
 * Which of the training examples are held back to evaluate.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { foldKey, type Key } from "../../core/random.ts";
import { shuffled } from "./batches.ts";

/** Positions of training examples, in their order. */
export interface HeldBack {
  /** Those that are trained on. */
  readonly kept: readonly number[];
  /** Those that are evaluated. */
  readonly held: readonly number[];
}

/** What examples are, as far as holding some back goes. */
export interface Holding {
  /** Share that is held back, in (0, 1). */
  readonly fraction: number;
  /** Root of what is drawn. */
  readonly key: Key;
  /** What an example stays together with: those of equal group. */
  readonly groupOf: (position: number) => unknown;
  /** Of what the share is the same: the class of an example. */
  readonly stratumOf: (position: number) => unknown;
  /** What messages call the option and the examples; default those of training. */
  readonly words?: { readonly option: string; readonly examples: string };
}

const ofTraining = { option: "--dev-fraction", examples: "training" };

/**
 * Draws a share of all groups, the same of each stratum up to one group; a stratum keeps at least one
 * group to train on.
 *
 * @param count Training examples
 * @throws {OptionError} If nothing can be held back
 */
export function holdBack(
  count: number,
  { fraction, key, groupOf, stratumOf, words = ofTraining }: Holding,
): HeldBack {
  const positions = Array.from({ length: count }, (_, position) => position);
  const groups = [...Map.groupBy(positions, groupOf).values()];
  const strata = [...Map.groupBy(groups, ([first]) => stratumOf(first!)).values()];
  const sizes = strata.map(({ length }) => length);
  const root = foldKey(key, "held back");
  const held = sharesOf(sizes, fraction).flatMap((share, i) =>
    shuffled(strata[i]!, foldKey(root, i)).slice(0, share).flat()
  );
  if (held.length === 0) {
    throw new OptionError(
      `Cannot use ${words.option} as two ${words.examples} examples of one class are required, or ` +
        `of two contexts: found ${count} ${words.examples} examples`,
    );
  }
  const chosen = new Set(held);
  return {
    kept: positions.filter((position) => !chosen.has(position)),
    held: positions.filter((position) => chosen.has(position)),
  };
}

/** Groups to hold back of each stratum: the whole part of its share, then the largest remainders. */
function sharesOf(sizes: readonly number[], fraction: number): number[] {
  const exact = sizes.map((size) => fraction * size);
  const shares = exact.map((share, i) => Math.min(Math.floor(share), sizes[i]! - 1));
  const all = sizes.reduce((sum, size) => sum + size, 0);
  const open = Math.max(1, Math.round(fraction * all)) - shares.reduce((sum, x) => sum + x, 0);
  const remainder = (i: number) => exact[i]! - Math.floor(exact[i]!);
  const next = shares.map((_, i) => i).filter((i) => shares[i]! < sizes[i]! - 1)
    .sort((a, b) => remainder(b) - remainder(a));
  for (const i of next.slice(0, Math.max(0, open))) shares[i]!++;
  return shares;
}
