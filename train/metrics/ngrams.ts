/**
 * Counting of n-grams: runs of n tokens.
 *
 * @module
 */

/** How often each n-gram occurs, its tokens joined by a space. */
export type Grams = ReadonlyMap<string, number>;

/** Counts the n-grams of the given order. */
export function countGrams(tokens: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let start = 0; start + order <= tokens.length; start++) {
    // Tokens hold no space, so the joined key is unique.
    let gram = tokens[start]!;
    for (let next = start + 1; next < start + order; next++) gram += ` ${tokens[next]}`;
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** The n-grams that a hypothesis shares with references, each as often as one of them has it. */
export function clippedMatches(hypothesis: Grams, references: readonly Grams[]): Grams {
  const matches = new Map<string, number>();
  for (const [gram, count] of hypothesis) {
    const limit = references.reduce((most, grams) => Math.max(most, grams.get(gram) ?? 0), 0);
    if (limit > 0) matches.set(gram, Math.min(count, limit));
  }
  return matches;
}
