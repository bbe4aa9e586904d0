/**
 * The GLUE tasks: columns, labels and metrics of each.
 *
 * @module
 */

import type { MetricName } from "../metrics/classification.ts";

/** Identifiers of the supported GLUE tasks. */
export const glueTaskNames = ["rte", "mrpc", "stsb", "sst2", "cola", "qnli", "wnli"] as const;
/** Identifier of a supported GLUE task. */
export type GlueTask = typeof glueTaskNames[number];

/** The three files of a task. */
export type GlueSplit = "train" | "dev" | "test";

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
  /** Words in the label column, at the position of their class; empty for regression. */
  readonly labels: readonly string[];
  /** Least and greatest score of a regression task. */
  readonly range?: readonly [number, number];
  /** Columns of the train and dev files that have no header line. */
  readonly headerless?: readonly string[];
  /** Whether the texts are published with a space at their end. */
  readonly padded?: boolean;
  /** Metrics to report. */
  readonly metrics: readonly MetricName[];
  /** Metric that chooses the best checkpoint. */
  readonly primaryMetric: MetricName;
}

const sentencePair = { textA: "sentence1", textB: "sentence2", label: "label" } as const;
const accuracyOnly = { metrics: ["accuracy"], primaryMetric: "accuracy" } as const;
const entailment = ["entailment", "not_entailment"] as const;
const binary = ["0", "1"] as const;

/**
 * All supported tasks.
 *
 * MRPC is chosen by accuracy, as in the HiddenKey paper, although GLUE also prints F1.
 *
 * Source: GLUE, https://gluebenchmark.com/tasks
 */
export const glueTasks: Readonly<Record<GlueTask, GlueTaskInfo>> = {
  rte: { title: "RTE", ...sentencePair, labels: entailment, ...accuracyOnly },
  wnli: { title: "WNLI", ...sentencePair, labels: binary, ...accuracyOnly },
  qnli: {
    title: "QNLI",
    textA: "question",
    textB: "sentence",
    label: "label",
    labels: entailment,
    ...accuracyOnly,
  },
  mrpc: {
    title: "MRPC",
    textA: "#1 String",
    textB: "#2 String",
    label: "Quality",
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
    metrics: ["pearson", "spearman"],
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
};
