/**
 * The counts that METEOR sums over a corpus, and the metrics they give.
 *
 * @module
 */

/** A way in which words are found to match, in the order in which they are tried. */
export type MeteorModule = "exact" | "stem" | "synonym";

/** METEOR and what it is made of, of one segment or of a corpus. */
export interface MeteorMetrics {
  /** METEOR, from 0 to 1. */
  readonly score: number;
  /** Weighted share of the hypotheses' words with a partner. */
  readonly precision: number;
  /** Weighted share of the references' words with a partner. */
  readonly recall: number;
  /** Share that is taken away for words in another order. */
  readonly penalty: number;
}

/** Words of one of the two texts: all of them, and by module those with a partner. */
export interface Side {
  /** Number of words. */
  length: number;
  /** Function words among them. */
  functionWords: number;
  /** Content words with a partner, by module. */
  readonly contentMatches: number[];
  /** Function words with a partner, by module. */
  readonly functionMatches: number[];
}

/** Counts of a segment or of a corpus. */
export interface MeteorCounts {
  /** Counts of the hypothesis' words. */
  readonly hypothesis: Side;
  /** Counts of the reference's words. */
  readonly reference: Side;
  /** Runs of words that are adjacent and in the same order in both texts. */
  chunks: number;
}

/** Parameters for English, tuned to human rankings. */
const alpha = 0.85, beta = 0.2, gamma = 0.6, delta = 0.75;
const weights: Readonly<Record<MeteorModule, number>> = { exact: 1, stem: 0.6, synonym: 0.8 };

/** Counts before any segment, all zero. */
export function emptyStatistics(modules: number): MeteorCounts {
  const side = (): Side => ({
    length: 0,
    functionWords: 0,
    contentMatches: new Array<number>(modules).fill(0),
    functionMatches: new Array<number>(modules).fill(0),
  });
  return { hypothesis: side(), reference: side(), chunks: 0 };
}

/** Adds the counts of a segment to those of a corpus. */
export function addStatistics(total: MeteorCounts, segment: MeteorCounts): void {
  // METEOR counts no chunk for a hypothesis that is its reference.
  if (!isWhole(segment)) total.chunks += segment.chunks;
  for (const name of ["hypothesis", "reference"] as const) {
    const sum = total[name], side = segment[name];
    sum.length += side.length;
    sum.functionWords += side.functionWords;
    side.contentMatches.forEach((count, module) => sum.contentMatches[module]! += count);
    side.functionMatches.forEach((count, module) => sum.functionMatches[module]! += count);
  }
}

/** METEOR of counts; texts without a match, and empty ones, score 0. */
export function meteorMetrics(
  statistics: MeteorCounts,
  modules: readonly MeteorModule[],
): MeteorMetrics {
  const { hypothesis, reference, chunks } = statistics;
  const precision = weightedShare(hypothesis, modules);
  const recall = weightedShare(reference, modules);
  const mean = 1 / ((1 - alpha) / precision + alpha / recall);
  const matches = (matchesOf(hypothesis) + matchesOf(reference)) / 2;
  const fragmentation = isWhole(statistics) ? 0 : chunks / matches;
  const penalty = gamma * fragmentation ** beta;
  const score = mean * (1 - penalty);
  return { score: Number.isNaN(score) ? 0 : Math.max(0, score), precision, recall, penalty };
}

function weightedShare(side: Side, modules: readonly MeteorModule[]): number {
  let matches = 0;
  // In the order of METEOR's sums, so that scores equal its own to the last bit.
  modules.forEach((name, i) => matches += side.contentMatches[i]! * weights[name] * delta);
  modules.forEach((name, i) => matches += side.functionMatches[i]! * weights[name] * (1 - delta));
  return matches / (delta * (side.length - side.functionWords) + (1 - delta) * side.functionWords);
}

function matchesOf({ contentMatches, functionMatches }: Side): number {
  return [...contentMatches, ...functionMatches].reduce((sum, count) => sum + count, 0);
}

/** Whether every word of both texts has a partner, in one chunk. */
function isWhole({ hypothesis, reference, chunks }: MeteorCounts): boolean {
  return chunks === 1 && matchesOf(hypothesis) === hypothesis.length &&
    matchesOf(reference) === reference.length;
}
