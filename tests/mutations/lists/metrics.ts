/** Mutations of metrics of labels. */

import type { Mutation } from "../mutation.ts";

/** Mutations of metrics of labels. */
export const metricsMutations: readonly Mutation[] = [
  {
    name: "accuracy counts errors",
    file: "train/metrics/classification.ts",
    find: "prediction === labels[row]) / labels.length;",
    replace: "prediction !== labels[row]) / labels.length;",
    why: "accuracy counts hits",
    tests: ["tests/train/metrics/classification_metrics_test.ts"],
  },
  {
    name: "F1 is of class 0",
    file: "train/metrics/classification.ts",
    find: "const predicted = countWhere(predictions, (value) => value === 1);",
    replace: "const predicted = countWhere(predictions, (value) => value === 0);",
    why: "F1 is of class 1",
    tests: ["tests/train/metrics/classification_metrics_test.ts"],
  },
  {
    name: "F1 is precision",
    file: "train/metrics/classification.ts",
    find: "2 * hits / (predicted + present)",
    replace: "hits / predicted",
    why: "F1 is the harmonic mean",
    tests: ["tests/train/metrics/classification_metrics_test.ts"],
  },
  {
    name: "Matthews forgets labels that are not predicted",
    file: "train/metrics/classification.ts",
    find: "new Set([...predictions, ...labels])",
    replace: "new Set(predictions)",
    why: "all classes count",
    tests: ["tests/train/metrics/classification_metrics_test.ts"],
  },
  {
    name: "Matthews of two classes alone",
    file: "train/metrics/classification.ts",
    find: "(hits * total - joint) / Math.sqrt(spread)",
    replace: "(2 * hits - total) / total",
    why: "it is no accuracy",
    tests: ["tests/train/metrics/classification_metrics_test.ts"],
  },
  {
    name: "Pearson is not centred",
    file: "train/metrics/classification.ts",
    find: "const centred = values.map((value) => value - mean);",
    replace: "const centred = values.map((value) => value - 0 * mean);",
    why: "correlations are of deviations",
    tests: ["tests/train/metrics/classification_metrics_test.ts"],
  },
  {
    name: "equal ranks take the first",
    file: "train/metrics/classification.ts",
    find: "result[row] = (start + end + 1) / 2;",
    replace: "result[row] = start + 1;",
    why: "equal values share a rank",
    tests: ["tests/train/metrics/classification_metrics_test.ts"],
  },
];
