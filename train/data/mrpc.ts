/**
 * MRPC as GLUE has it: made from the paraphrase corpus and the identifiers of development pairs.
 *
 * @module
 */

import { linesOf } from "./text.ts";

/**
 * Splits the corpus by the rule of GLUE's own script: the development pairs are those of the
 * training file that are listed; test pairs lose their labels and get a number.
 *
 * Source: download_glue_data.py, https://github.com/nyu-mll/GLUE-baselines
 *
 * @throws {Error} If a listed pair is not in the training file
 */
export function splitMrpc(
  train: Uint8Array,
  test: Uint8Array,
  devIds: Uint8Array,
): Map<string, Uint8Array> {
  const decoder = new TextDecoder();
  const lines = (bytes: Uint8Array) => linesOf(decoder.decode(bytes), "MRPC");
  const ids = (line: string, from: number) => line.split("\t", from + 2).slice(from).join("\t");
  const listed = new Set(lines(devIds).map((line) => ids(line, 0)));
  const [header = "", ...pairs] = lines(train);
  const dev = pairs.filter((line) => listed.has(ids(line, 1)));
  if (dev.length !== listed.size) {
    throw new Error(`${listed.size} development pairs are listed, ${dev.length} are there`);
  }
  const rest = pairs.filter((line) => !listed.has(ids(line, 1)));
  const [testHeader = "", ...tested] = lines(test);
  const unlabelled = (line: string) => line.slice(line.indexOf("\t") + 1);
  const numbered = tested.map((line, index) => `${index}\t${unlabelled(line)}`);
  const file = (rows: readonly string[], mark = "") =>
    new TextEncoder().encode(mark + rows.map((row) => `${row}\n`).join(""));
  // GLUE's own files keep the corpus's byte order mark.
  return new Map([
    ["MRPC/train.tsv", file([header, ...rest], "\uFEFF")],
    ["MRPC/dev.tsv", file([header, ...dev], "\uFEFF")],
    ["MRPC/test.tsv", file([`index\t${unlabelled(testHeader)}`, ...numbered])],
  ]);
}
