/**
 * Which batches may take most memory: activations grow with tokens, weights of attention with the keys
 * that each is compared with, logits of a language model with the tokens that it predicts.
 *
 * @module
 */

import { batchesByLength } from "./batches.ts";

/** What decides how much memory a batch takes. */
export interface BatchSize {
  /** Tokens, padding included. */
  readonly tokens: number;
  /** Pairs of a token and another one of its row. */
  readonly pairs: number;
  /** Losses: examples, or tokens that are predicted. */
  readonly targets: number;
}

/** Size of a batch of some rows of a width. */
export function batchSize(rows: number, width: number, targets: number): BatchSize {
  return { tokens: rows * width, pairs: rows * width ** 2, targets };
}

/** Shares of tokens, pairs and targets by which batches are compared; what they cost is not known. */
const weightings: readonly (readonly [number, number, number])[] = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [1, 1, 0],
  [3, 0, 1],
  [1, 0, 1],
  [1, 0, 3],
  [1, 1, 1],
];

/** The few among some batches that are the largest, whatever tokens, pairs and targets cost. */
export function largest<T extends BatchSize>(batches: readonly T[]): T[] {
  const most = (sizeOf: (batch: T) => number) =>
    batches.reduce((most, batch) => Math.max(most, sizeOf(batch)), 1);
  const [tokens, pairs, targets] = [
    most((batch) => batch.tokens),
    most((batch) => batch.pairs),
    most((batch) => batch.targets),
  ];
  const found = new Set<T>();
  for (const [a, b, c] of weightings) {
    // Of equal ones, that which is larger by the rest.
    const [x, y, z] = [a + 1e-3, b + 1e-3, c + 1e-3];
    const score = (batch: T) =>
      x * batch.tokens / tokens + y * batch.pairs / pairs + z * batch.targets / targets;
    let best: { readonly batch: T; readonly score: number } | undefined;
    for (const batch of batches) {
      const own = score(batch);
      if (best === undefined || own > best.score) best = { batch, score: own };
    }
    if (best !== undefined) found.add(best.batch);
  }
  return [...found];
}

/**
 * The batches of {@linkcode batchesByLength} that may take most memory.
 *
 * @param lengths Number of tokens of every example
 * @param targets Losses of every example; default 1
 */
export function largestBatches(
  lengths: readonly number[],
  batch: number,
  targets?: readonly number[],
): (readonly number[])[] {
  const sizes = batchesByLength(lengths, batch).map((members) => {
    const width = members.reduce((most, i) => Math.max(most, lengths[i]!), 0);
    const losses = members.reduce((sum, i) => sum + (targets?.[i] ?? 1), 0);
    return { members, ...batchSize(members.length, width, losses) };
  });
  return largest(sizes).map(({ members }) => members);
}
