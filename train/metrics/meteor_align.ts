/**
 * METEOR's alignment of two lists of words: which word of the hypothesis stands for which word of
 * the reference. A beam search from left to right through the reference.
 *
 * @module
 */

/** Which modules match two words, as bits: bit 0 for the first module, and so on. */
export type Relation<W> = (hypothesis: W, reference: W) => number;

/** A word of the reference and its partner in the hypothesis, by their indices. */
export interface Pair {
  /** Index of the word of the reference. */
  readonly word: number;
  /** Index of its partner in the hypothesis. */
  readonly partner: number;
  /** Index of the module that matched them. */
  readonly module: number;
}

/** Pairs that were chosen, the last first. */
interface Chain {
  readonly pair: Pair;
  readonly previous: Chain | undefined;
}

/** An alignment of the reference's words so far. */
interface Path {
  chosen: Chain | undefined;
  /** Pairs of equal words. METEOR adds half a point for other pairs, but to an integer: nothing. */
  exact: number;
  chunks: number;
  /** The index after the previous word's partner, or -1. */
  next: number;
  distance: number;
}

const beamSize = 40;

/**
 * Aligns two lists of words. Each word has at most one partner. Most equal words win, then fewest
 * chunks, then the shortest distance.
 *
 * Source: Denkowski and Lavie, https://aclanthology.org/W11-2107, and METEOR 1.5, with all that
 * decides there among equals
 *
 * @param modules Number of modules
 * @returns The pairs, in the order of the reference
 */
export function alignWords<W>(
  hypothesis: readonly W[],
  reference: readonly W[],
  relation: Relation<W>,
  modules: number,
): Pair[] {
  const bits = reference.map((other) => hypothesis.map((word) => relation(word, other)));
  // Between equal texts any pair but of equal words would only mislead the beam.
  const equal = hypothesis.length === reference.length &&
    bits.every((row, i) => (row[i]! & 1) === 1);
  const count = equal ? 1 : modules;
  const coverage = hypothesis.map(() => 0);
  const choices = bits.map((row, word) => {
    const found: Pair[] = [];
    for (let module = 0; module < count; module++) {
      for (let partner = 0; partner < row.length; partner++) {
        if ((row[partner]! >> module & 1) === 0) continue;
        found.push({ word, partner, module });
        coverage[partner]!++;
      }
    }
    return found;
  });
  let paths: Path[] = [{ chosen: undefined, exact: 0, chunks: 0, next: -1, distance: 0 }];
  for (const found of choices) {
    const [only] = found;
    const settled = only !== undefined && found.length === 1 && coverage[only.partner] === 1;
    paths = best(paths).flatMap((path) => settled ? [settle(path, only)] : extend(path, found));
  }
  const complete = best(paths);
  for (const path of complete) if (path.next >= 0) path.chunks++;
  const pairs: Pair[] = [];
  for (let chain = best(complete)[0]!.chosen; chain !== undefined; chain = chain.previous) {
    pairs.push(chain.pair);
  }
  return pairs.reverse();
}

/** Runs of words that are adjacent and in the same order in both texts. */
export function countChunks(pairs: readonly Pair[]): number {
  return pairs.filter(({ word, partner }, i) => {
    const previous = pairs[i - 1];
    return previous?.word !== word - 1 || previous.partner !== partner - 1;
  }).length;
}

/** The best paths first; the order of equals stays, as it decides later. */
function best(paths: Path[]): Path[] {
  if (paths.length === 1) return paths;
  paths.sort((a, b) => b.exact - a.exact || a.chunks - b.chunks || a.distance - b.distance);
  return paths.slice(0, beamSize);
}

/** Adds the pair of two words that have no other choice. */
function settle(path: Path, pair: Pair): Path {
  choose(path, pair);
  path.distance += Math.abs(pair.word - pair.partner);
  return path;
}

/** One path for each choice that is left, and one without the word. */
function extend(path: Path, found: readonly Pair[]): Path[] {
  const paths: Path[] = [];
  for (const pair of found) {
    if (isTaken(path.chosen, pair.partner)) continue;
    const { chosen, exact, chunks, next, distance } = path;
    const longer = { chosen, exact, chunks, next, distance };
    choose(longer, pair);
    paths.push(longer);
    // METEOR adds the distance to the path it came from, which leaves the word out.
    path.distance += Math.abs(pair.word - pair.partner);
  }
  if (path.next >= 0) path.chunks++;
  path.next = -1;
  paths.push(path);
  return paths;
}

function choose(path: Path, pair: Pair): void {
  path.chosen = { pair, previous: path.chosen };
  if (pair.module === 0) path.exact++;
  if (path.next >= 0 && path.next !== pair.partner) path.chunks++;
  path.next = pair.partner + 1;
}

function isTaken(chosen: Chain | undefined, partner: number): boolean {
  for (let chain = chosen; chain !== undefined; chain = chain.previous) {
    if (chain.pair.partner === partner) return true;
  }
  return false;
}
