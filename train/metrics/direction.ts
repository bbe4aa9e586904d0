/**
 * Which of two values of a metric is better.
 *
 * @module
 */

/** Metrics of which less is better, by the first word of their names; of all others more is. */
const lessIsBetter: ReadonlySet<string> = new Set([
  "loss",
  "nll",
  "perplexity",
  "brier",
  "ece",
  "mse",
  "ter",
]);

/** Whether less of a metric is better; parts of a data set follow the name: `perplexity_seen`. */
export function isMinimised(name: string): boolean {
  return lessIsBetter.has(name.split("_")[0]!);
}

/** Whether a value of a metric is better than another one; an equal one is not. */
export function isBetter(name: string, value: number, than: number): boolean {
  return isMinimised(name) ? value < than : value > than;
}
