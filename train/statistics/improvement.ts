/**
 * How often a run of one method beats a run of another, whatever the scale of the scores.
 *
 * @module
 */

import { type BootstrapOptions, type Interval, stratifiedBootstrap } from "./bootstrap.ts";
import { requireFinite } from "./finite_sample.ts";
import { sampleMean } from "./summary.ts";

/** Scores of two methods on one task, those of the runs of each in any order. */
export interface TaskScores {
  /** Scores of the method that may be better. */
  readonly method: readonly number[];
  /** Scores of the one it is compared with. */
  readonly baseline: readonly number[];
}

/**
 * Probability that a run of one method has a larger score than a run of the other, ties counting one
 * half: Mann and Whitney's `U / (n m)`. Where smaller scores are better, exchange the two. NaN where one
 * has no run.
 *
 * **Source**: Mann and Whitney 1947, "On a test of whether one of two random variables is
 * stochastically larger than the other"; Agarwal et al. 2021, arXiv 2108.13264.
 *
 * @throws {NumericError} If a score is not finite
 */
export function probabilityOfImprovement({ method, baseline }: TaskScores): number {
  requireFinite("a probability of improvement", method);
  requireFinite("a probability of improvement", baseline);
  const [upper, lower] = [method, baseline].map((scores) => Float64Array.from(scores).sort());
  let [halves, below, notAbove] = [0, 0, 0];
  for (const score of upper!) {
    while (lower![below]! < score) below++;
    while (lower![notAbove]! <= score) notAbove++;
    halves += below + notAbove;
  }
  return halves / (2 * method.length * baseline.length);
}

/**
 * Mean of the probability of improvement over tasks, each counting the same; NaN without tasks or where
 * a task lacks runs.
 *
 * **Source**: Agarwal et al. 2021, arXiv 2108.13264.
 *
 * @throws {NumericError} If a score is not finite
 */
export function meanImprovement(tasks: readonly TaskScores[]): number {
  return sampleMean(tasks.map(probabilityOfImprovement));
}

/**
 * Interval of `meanImprovement` by the stratified bootstrap: runs are drawn within each method and
 * task. NaN without tasks or where a method has fewer than two runs of one.
 *
 * **Source**: Agarwal et al. 2021, arXiv 2108.13264.
 *
 * @throws {NumericError} If a score is not finite
 * @throws {OptionError} If an option is unusable
 */
export function improvementInterval(
  tasks: readonly TaskScores[],
  options?: BootstrapOptions,
): Interval {
  const strata = tasks.flatMap(({ method, baseline }) => [method, baseline]);
  return stratifiedBootstrap(
    strata,
    (drawn) =>
      meanImprovement(
        tasks.map((_, i) => ({ method: drawn[2 * i]!, baseline: drawn[2 * i + 1]! })),
      ),
    options,
  );
}
