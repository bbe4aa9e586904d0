import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FileError } from "../../../core/errors.ts";
import { parseGlue, readGlue } from "../../../train/data/glue.ts";
import type { Split } from "../../../train/data/example.ts";
import { type GlueTask, glueTasks } from "../../../train/data/glue_tasks.ts";
import { shared, sharedTest } from "../../support/shared.ts";

const rteHeader = "index\tsentence1\tsentence2\tlabel\n";

Deno.test("parseGlue() reads a pair and its label word", () => {
  const text = `${rteHeader}0\tA cat sat.\tA "cat sat.\tnot_entailment\n1\tB\tC\tentailment\n`;
  assertEquals(parseGlue("rte", "train", text, "train.tsv"), [
    { textA: "A cat sat.", textB: 'A "cat sat.', label: 1, index: 0 },
    { textA: "B", textB: "C", label: 0, index: 1 },
  ]);
});

Deno.test("parseGlue() leaves out a byte order mark and carriage returns", () => {
  const text = "\uFEFFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t7\t8\tx\ty\r\n";
  assertEquals(parseGlue("mrpc", "dev", text, "dev.tsv"), [
    { textA: "x", textB: "y", label: 1, index: 0 },
  ]);
});

Deno.test("parseGlue() trims the space that ends the sentences of SST-2, and no other", () => {
  const sst = parseGlue("sst2", "dev", "sentence\tlabel\n fine \t0", "dev.tsv");
  assertEquals(sst, [{ textA: " fine", label: 0, index: 0 }]);
  const rte = parseGlue("rte", "dev", `${rteHeader}0\ta \tb \tentailment`, "dev.tsv");
  assertEquals(rte[0]?.textB, "b ");
});

Deno.test("parseGlue() reads CoLA without a header, its test file with one", () => {
  assertEquals(parseGlue("cola", "dev", "gj04\t0\t*\tSlept he.\n", "dev.tsv"), [
    { textA: "Slept he.", label: 0, index: 0 },
  ]);
  assertEquals(parseGlue("cola", "test", "index\tsentence\n0\tHe slept.\n", "test.tsv"), [
    { textA: "He slept.", label: undefined, index: 0 },
  ]);
  const error = assertThrows(
    () => parseGlue("cola", "dev", "source\tlabel\tmark\tsentence\n", "dev.tsv"),
    FileError,
    'Cannot read label as CoLA requires one of "0", "1": found "label"',
  );
  assertEquals(error.line, 1);
});

Deno.test("parseGlue() finds columns by name, wherever they stand", () => {
  const text = "label\tsentence\tquestion\tindex\nentailment\tS\tQ\t0\n";
  assertEquals(parseGlue("qnli", "dev", text, "dev.tsv"), [
    { textA: "Q", textB: "S", label: 0, index: 0 },
  ]);
});

Deno.test("parseGlue() never reads a label in a test file", () => {
  const [example] = parseGlue("rte", "test", `${rteHeader}0\ta\tb\tentailment\n`, "test.tsv");
  assertEquals(example, { textA: "a", textB: "b", label: undefined, index: 0 });
});

Deno.test("parseGlue() names the row with a wrong number of columns", () => {
  const text = `${rteHeader}0\ta\tb\tentailment\n1\ta\tentailment\n`;
  const error = assertThrows(
    () => parseGlue("rte", "dev", text, "RTE/dev.tsv"),
    FileError,
    "RTE/dev.tsv:3: Cannot read row as RTE requires 4 columns: found 3",
  );
  assertEquals([error.path, error.line], ["RTE/dev.tsv", 3]);
});

Deno.test("parseGlue() refuses an empty line between rows", () => {
  const text = `${rteHeader}0\ta\tb\tentailment\n\n1\ta\tb\tentailment\n`;
  const error = assertThrows(() => parseGlue("rte", "dev", text, "dev.tsv"), FileError, "found 1");
  assertEquals(error.line, 3);
});

Deno.test("parseGlue() refuses label words of another task", () => {
  assertThrows(
    () => parseGlue("wnli", "dev", `${rteHeader}0\ta\tb\tentailment\n`, "dev.tsv"),
    FileError,
    'dev.tsv:2: Cannot read label as WNLI requires one of "0", "1": found "entailment"',
  );
});

Deno.test("parseGlue() refuses scores that are no number from 0 to 5", () => {
  const read = (score: string) =>
    parseGlue("stsb", "dev", `sentence1\tsentence2\tscore\na\tb\t${score}\n`, "dev.tsv");
  assertEquals(["0", "2.600", "5"].map((score) => read(score)[0]?.label), [0, 2.6, 5]);
  for (const score of ["", " ", "5.01", "-1", "x", "NaN", "Infinity"]) {
    assertThrows(() => read(score), FileError, "requires a number from 0 to 5: found");
  }
});

Deno.test("parseGlue() names the columns that the header lacks", () => {
  assertThrows(
    () => parseGlue("rte", "dev", "index\tsentence1\n0\ta\n", "dev.tsv"),
    FileError,
    'requires the columns "sentence1", "sentence2", "label": found "index", "sentence1"',
  );
});

Deno.test("parseGlue() refuses a file without rows", () => {
  for (const text of [rteHeader, rteHeader.trimEnd()]) {
    assertThrows(() => parseGlue("rte", "dev", text, "dev.tsv"), FileError, "at least 1 row");
  }
  assertThrows(() => parseGlue("rte", "dev", "", "dev.tsv"), FileError, "requires the columns");
  assertThrows(
    () => parseGlue("cola", "train", "\uFEFF", "train.tsv"),
    FileError,
    "at least 1 row",
  );
});

Deno.test("parseGlue() gives back any texts without tabs and line ends", () => {
  const cell = fc.string({ unit: "binary" }).filter((text) => !/[\t\n\r]/.test(text));
  const row = fc.record({ textA: cell, textB: cell, label: fc.constantFrom(0, 1) });
  fc.assert(fc.property(fc.array(row, { minLength: 1 }), (rows) => {
    const lines = rows.map(({ textA, textB, label }, index) =>
      [index, textA, textB, glueTasks.rte.labels[label]].join("\t")
    );
    const examples = parseGlue("rte", "train", rteHeader + lines.join("\n"), "train.tsv");
    assertEquals(examples, rows.map((example, index) => ({ ...example, index })));
  }));
});

Deno.test("readGlue() names a missing file", async () => {
  await assertRejects(
    () => readGlue("rte", "no/such/RTE", "dev"),
    FileError,
    "no/such/RTE/dev.tsv",
  );
});

const officialRows: [task: GlueTask, folder: string, rows: [number, number, number]][] = [
  ["rte", "RTE", [2490, 277, 3000]],
  ["mrpc", "MRPC", [3668, 408, 1725]],
  ["stsb", "STS-B", [5749, 1500, 1379]],
  ["cola", "CoLA", [8551, 1043, 1063]],
  ["sst2", "SST-2", [67349, 872, 1821]],
];
for (const [task, folder, rows] of officialRows) {
  sharedTest(`readGlue() reads the official number of rows of ${folder}`, async () => {
    const splits: Split[] = ["train", "dev", "test"];
    const read = await Promise.all(
      splits.map((split) => readGlue(task, shared(`data/glue/${folder}`), split)),
    );
    assertEquals(read.map((examples) => examples.length), rows);
    const labelled = read.map((examples) => examples.filter((one) => one.label !== undefined));
    assertEquals(labelled.map((examples) => examples.length), [rows[0], rows[1], 0]);
    const pair = glueTasks[task].textB !== undefined;
    for (const { textA, textB } of read.flat()) {
      if (textA === "" || (textB !== undefined) !== pair || textB === "") {
        throw new Error(`Empty or missing text in ${folder}: ${JSON.stringify({ textA, textB })}`);
      }
    }
  });
}

sharedTest("readGlue() finds the class counts of the RTE and MRPC dev files", async () => {
  const count = async (task: GlueTask, folder: string) => {
    const examples = await readGlue(task, shared(`data/glue/${folder}`), "dev");
    return [0, 1].map((label) => examples.filter((one) => one.label === label).length);
  };
  assertEquals(await count("rte", "RTE"), [146, 131]);
  assertEquals(await count("mrpc", "MRPC"), [129, 279]);
});

Deno.test("each task has the metrics that GLUE reports, of which one chooses the best", () => {
  const rows = Object.entries(glueTasks).map(([task, { metrics, primaryMetric, labels }]) => {
    return [task, metrics.join(), primaryMetric, labels.length];
  });
  assertEquals(rows, [
    ["rte", "accuracy", "accuracy", 2],
    ["mrpc", "accuracy,f1", "accuracy", 2],
    ["stsb", "pearson,spearman,mse", "pearson", 0],
    ["sst2", "accuracy", "accuracy", 2],
    ["cola", "matthews", "matthews", 2],
    ["qnli", "accuracy", "accuracy", 2],
    ["wnli", "accuracy", "accuracy", 2],
  ]);
});
