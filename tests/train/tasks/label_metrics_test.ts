import { assertAlmostEquals, assertEquals } from "@std/assert";
import { classDistribution, scoreDistribution } from "../../../train/metrics/predictive.ts";
import { classificationMetrics, regressionMetrics } from "../../../train/tasks/label_metrics.ts";

const logs = (...probabilities: number[]) => probabilities.map(Math.log);

Deno.test("classificationMetrics() of one pass has one loss under two names", () => {
  const predictions = [[logs(0.8, 0.2)], [logs(0.6, 0.4)]].map(classDistribution);
  const metrics = classificationMetrics(["accuracy"], predictions, [0, 1], false);
  assertEquals(Object.keys(metrics), ["accuracy", "loss", "nll", "brier", "ece"]);
  assertEquals([metrics["accuracy"], metrics["nll"]], [0.5, metrics["loss"]]);
  assertAlmostEquals(metrics["loss"]!, -(Math.log(0.8) + Math.log(0.4)) / 2, 1e-15);
  assertAlmostEquals(metrics["brier"]!, (2 * 0.2 ** 2 + 2 * 0.6 ** 2) / 2, 1e-15);
  assertAlmostEquals(metrics["ece"]!, (0.2 + 0.6) / 2, 1e-15);
});

Deno.test("classificationMetrics() of passes has their mean loss, and that of their mean", () => {
  const predictions = [classDistribution([logs(0.9, 0.1), logs(0.3, 0.7)])];
  const metrics = classificationMetrics(["accuracy"], predictions, [0], true);
  assertAlmostEquals(metrics["loss"]!, -(Math.log(0.9) + Math.log(0.3)) / 2, 1e-14);
  assertAlmostEquals(metrics["nll"]!, -Math.log(0.6), 1e-14);
  assertAlmostEquals(metrics["brier"]!, 2 * 0.4 ** 2, 1e-14);
  assertAlmostEquals(metrics["ece"]!, 0.4, 1e-14);
  const { entropy, mutualInformation } = predictions[0]!;
  assertEquals(metrics["predictive_entropy"], entropy);
  assertEquals(metrics["mutual_information"], mutualInformation);
});

Deno.test("regressionMetrics() has the mean squared error of a pass, not that of the mean", () => {
  const predictions = [[[1], [3]], [[4], [4]]].map(scoreDistribution);
  const metrics = regressionMetrics(["pearson"], predictions, [2, 5], true);
  assertEquals(Object.keys(metrics), ["pearson", "loss", "score_deviation"]);
  // Errors of the passes: 1 and 1, then 1 and 1.
  assertEquals([metrics["loss"], metrics["score_deviation"]], [1, 0.5]);
  assertAlmostEquals(metrics["pearson"]!, 1, 1e-15);
  const clean = regressionMetrics(["pearson"], predictions, [2, 5], false);
  assertEquals(Object.keys(clean), ["pearson", "loss"]);
});
