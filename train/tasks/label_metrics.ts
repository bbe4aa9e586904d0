/**
 * From the predictions of a data set to its metrics: those that a task is published with, its loss,
 * and how far its probabilities can be believed.
 *
 * @module
 */

import { negativeLogLikelihood, sortedMean } from "../metrics/calibration.ts";
import { distributionMetrics, labelMetrics, type MetricName } from "../metrics/metric_table.ts";
import type { ClassDistribution, ScoreDistribution } from "../metrics/predictive.ts";
import type { Metrics } from "./task.ts";

/**
 * Metrics of predicted classes. `loss` is the mean loss of the passes, `nll` that of their mean
 * distribution: the same where there is one pass.
 *
 * @param isSampled Whether something was dropped: what the passes disagree about is reported then
 * @throws {ShapeError} If the lengths differ or there are too few examples
 * @throws {IndexError} If a label is no class
 */
export function classificationMetrics(
  names: readonly MetricName[],
  predictions: readonly ClassDistribution[],
  labels: readonly number[],
  isSampled: boolean,
): Metrics {
  const logs = predictions.map(({ logMean }) => logMean);
  const distributions = Object.fromEntries(
    Object.entries(distributionMetrics).map(([name, compute]) => [name, compute(logs, labels)]),
  );
  return {
    ...published(names, predictions.map(({ predicted }) => predicted), labels),
    loss: negativeLogLikelihood(predictions.map(({ meanLog }) => meanLog), labels),
    ...distributions,
    ...(isSampled && {
      predictive_entropy: sortedMean(predictions.map(({ entropy }) => entropy)),
      mutual_information: sortedMean(predictions.map((each) => each.mutualInformation)),
    }),
  };
}

/**
 * Metrics of predicted scores. `loss` is the mean squared error of a pass.
 *
 * @param isSampled Whether something was dropped: how far the passes lie apart is reported then
 * @throws {ShapeError} If the lengths differ or there are too few examples
 */
export function regressionMetrics(
  names: readonly MetricName[],
  predictions: readonly ScoreDistribution[],
  labels: readonly number[],
  isSampled: boolean,
): Metrics {
  const errors = predictions.map(({ mean, deviation }, i) => {
    return (mean - labels[i]!) ** 2 + deviation ** 2;
  });
  return {
    ...published(names, predictions.map(({ mean }) => mean), labels),
    loss: sortedMean(errors),
    ...(isSampled && {
      score_deviation: sortedMean(predictions.map(({ deviation }) => deviation)),
    }),
  };
}

function published(
  names: readonly MetricName[],
  predicted: readonly number[],
  labels: readonly number[],
): Metrics {
  return Object.fromEntries(
    names.map((name) => [name, labelMetrics[name].compute(predicted, labels)]),
  );
}
