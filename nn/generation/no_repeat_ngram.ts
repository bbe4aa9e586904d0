/**
 * Which tokens would repeat an n-gram.
 *
 * @module
 */

/**
 * Tokens that would complete an n-gram for the second time.
 *
 * @param ids Tokens so far
 * @param size Tokens of an n-gram; 0 bans nothing
 */
export function bannedTokens(ids: readonly number[], size: number): number[] {
  const found = new Set<number>();
  if (size === 0) return [];
  const last = ids.length - size;
  for (let at = 0; at <= last; at++) {
    let same = 0;
    while (same < size - 1 && ids[at + same] === ids[last + 1 + same]) same++;
    if (same === size - 1) found.add(ids[at + size - 1]!);
  }
  return [...found];
}
