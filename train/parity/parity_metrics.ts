/**
 * Comparison of the metrics with recorded values of the libraries that others publish with.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { readJson } from "../files/files.ts";
import { corpusBleu } from "../metrics/bleu.ts";
import { chrf } from "../metrics/chrf.ts";
import { type LabelMetric, labelMetrics } from "../metrics/metric_table.ts";
import { ter } from "../metrics/ter.ts";
import { type ParityRow, relativeError } from "./parity_rows.ts";
import { isRecord, type JsonObject } from "../../nn/formats/json_record.ts";

/** Largest error of a metric, relative to its largest value; all are computed in doubles. */
export const metricTolerance = 1e-9;

type Compute = (record: JsonObject, path: string) => readonly number[];

function texts(value: unknown, key: string, path: string): string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new FileError(`Cannot compare metrics as they require a list of texts in ${key}`, path);
}

function numbers(record: JsonObject, key: string, path: string): number[] {
  const value = record[key];
  if (Array.isArray(value) && value.every((item) => typeof item === "number")) return value;
  throw new FileError(`Cannot compare metrics as they require a list of numbers in ${key}`, path);
}

/** The outputs and the lists of references of a record. */
function generated({ hypotheses, references }: JsonObject, path: string): [string[], string[][]] {
  const lists: unknown[] = Array.isArray(references) ? references : [references];
  const read = lists.map((list) => texts(list, "references", path));
  return [texts(hypotheses, "hypotheses", path), read];
}

const labelled = ({ compute, of }: LabelMetric): Compute => (record, path) => {
  const [predictions, labels] = of === "classes" ? ["predictions", "labels"] : ["scores", "gold"];
  return [compute(numbers(record, predictions, path), numbers(record, labels, path))];
};

/** Names of the file where they differ from the table's. */
const recordedNames: Readonly<Record<string, string>> = { matthews: "mcc" };

/** By section of the file and key: how this project computes the value. */
const computed: Readonly<Record<string, Readonly<Record<string, Compute>>>> = {
  classification: Object.fromEntries(
    Object.entries(labelMetrics).map((
      [name, metric],
    ) => [recordedNames[name] ?? name, labelled(metric)]),
  ),
  generation: {
    bleu_13a: (...one) => [corpusBleu(...generated(...one)).score],
    bleu_13a_lower: (...one) => [corpusBleu(...generated(...one), { lowercase: true }).score],
    bleu_precisions: (...one) => corpusBleu(...generated(...one)).precisions,
    bp: (...one) => [corpusBleu(...generated(...one)).brevityPenalty],
    ter: (...one) => [100 * ter(...generated(...one)).score],
    chrfpp: (...one) => [chrf(...generated(...one), { wordOrder: 2 }).score],
  },
};

/** Keys of a record that are given, not computed. */
const given = ["hypotheses", "references", "labels", "predictions", "scores", "gold"];

/**
 * Computes every recorded metric anew; a metric is one row over all its records.
 *
 * @param path Path of the recorded metrics
 * @returns One row a metric; those that are not known here are skipped by name
 * @throws {FileError} If the file cannot be read or a record lacks what its metric requires
 */
export async function compareMetrics(path: string): Promise<ParityRow[]> {
  const file = await readJson(path);
  const rows: ParityRow[] = [];
  for (const [section, table] of Object.entries(computed)) {
    const records = isRecord(file) ? file[section] : undefined;
    if (!Array.isArray(records) || records.length === 0 || !records.every(isRecord)) {
      throw new FileError(`Cannot compare metrics as they require records in ${section}`, path);
    }
    const names = new Set(records.flatMap((record) => Object.keys(record)));
    for (const name of names) {
      if (given.includes(name)) continue;
      const row = { case: "metrics", quantity: `${section}.${name}` };
      const compute = Object.hasOwn(table, name) ? table[name] : undefined;
      if (compute === undefined) {
        rows.push({ ...row, ok: "skipped", note: `${name} is not computed here` });
        continue;
      }
      const holders = records.filter((record) => name in record);
      const actual = holders.flatMap((record) => compute(record, path));
      const expected = holders.flatMap((record) => record[name]).map(Number);
      const error = relativeError(actual, expected);
      rows.push({ ...row, error, tolerance: metricTolerance, ok: error <= metricTolerance });
    }
  }
  return rows;
}
