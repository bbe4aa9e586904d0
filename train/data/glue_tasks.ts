/**
 * The GLUE tasks: columns, labels and metrics of each. One more task is its name
 * and its row here.
 *
 * @module
 */

import type { MetricName } from "../metrics/metric_table.ts";

/** Identifiers of the supported GLUE tasks. */
export const glueTaskNames = ["rte", "mrpc", "stsb", "sst2", "cola", "qnli", "wnli"] as const;
/** Identifier of a supported GLUE task. */
export type GlueTask = typeof glueTaskNames[number];

/** What is known about one GLUE task. */
export interface GlueTaskInfo {
  /** Name as the benchmark prints it. */
  readonly title: string;
  /** Name of the column with the first or only text. */
  readonly textA: string;
  /** Name of the column with the second text; absent for single sentences. */
  readonly textB?: string;
  /** Name of the column with the label in the train and dev files. */
  readonly label: string;
  /** Columns of the texts in the hub's conversion, where it renames them. */
  readonly hubColumns?: { readonly textA: string; readonly textB: string };
  /** Words in the label column, at the position of their class; empty for regression. */
  readonly labels: readonly string[];
  /** Least and greatest score of a regression task. */
  readonly range?: readonly [number, number];
  /** Columns of the train and dev files that have no header line. */
  readonly headerless?: readonly string[];
  /** Whether the texts are published with a space at their end. */
  readonly padded?: boolean;
  /** Metrics that the benchmark reports. */
  readonly metrics: readonly MetricName[];
  /** Metric that chooses the best checkpoint. */
  readonly primaryMetric: MetricName;
}

const sentencePair = { textA: "sentence1", textB: "sentence2" } as const;
const accuracyOnly = { metrics: ["accuracy"], primaryMetric: "accuracy" } as const;
const entailment = ["entailment", "not_entailment"] as const;
const binary = ["0", "1"] as const;

/**
 * All supported tasks.
 *
 * Source: GLUE, https://gluebenchmark.com/tasks
 */
export const glueTasks: Readonly<Record<GlueTask, GlueTaskInfo>> = {
  rte: { title: "RTE", ...sentencePair, label: "label", labels: entailment, ...accuracyOnly },
  // Chosen by accuracy, as in the HiddenKey paper, although GLUE also prints F1.
  mrpc: {
    title: "MRPC",
    textA: "#1 String",
    textB: "#2 String",
    label: "Quality",
    hubColumns: sentencePair,
    labels: binary,
    metrics: ["accuracy", "f1"],
    primaryMetric: "accuracy",
  },
  stsb: {
    title: "STS-B",
    ...sentencePair,
    label: "score",
    labels: [],
    range: [0, 5],
    metrics: ["pearson", "spearman", "mse"],
    primaryMetric: "pearson",
  },
  sst2: {
    title: "SST-2",
    textA: "sentence",
    label: "label",
    labels: binary,
    padded: true,
    ...accuracyOnly,
  },
  cola: {
    title: "CoLA",
    textA: "sentence",
    label: "label",
    labels: binary,
    headerless: ["source", "label", "mark", "sentence"],
    metrics: ["matthews"],
    primaryMetric: "matthews",
  },
  qnli: {
    title: "QNLI",
    textA: "question",
    textB: "sentence",
    label: "label",
    labels: entailment,
    ...accuracyOnly,
  },
  wnli: { title: "WNLI", ...sentencePair, label: "label", labels: binary, ...accuracyOnly },
};

/** Whether a task is one of GLUE. */
export function isGlue(task: string): task is GlueTask {
  return Object.hasOwn(glueTasks, task);
}
