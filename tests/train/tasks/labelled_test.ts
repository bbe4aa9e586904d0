import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import type { TrainConfig } from "../../../train/config/config.ts";
import type { TaskName } from "../../../train/config/train_options.ts";
import { readGlue } from "../../../train/data/glue.ts";
import { type GlueTask, glueTasks } from "../../../train/data/glue_tasks.ts";
import type { Example } from "../../../train/data/example.ts";
import { readLabelled } from "../../../train/tasks/read_labelled.ts";
import {
  contentOf,
  folderOf,
  type Table,
  type TableKind,
  tableKinds,
} from "../../support/tables.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** A table as the hub has GLUE's: its own column names, numbers for labels. */
function hubTable(task: GlueTask, examples: readonly Example[], labels = true): Table {
  const { textA, textB } = task === "mrpc"
    ? { textA: "sentence1", textB: "sentence2" }
    : glueTasks[task];
  return {
    [textA]: examples.map((one) => one.textA),
    ...(textB !== undefined && { [textB]: examples.map((one) => one.textB ?? "") }),
    label: examples.map(({ label }) => labels ? label ?? -1 : -1),
    idx: examples.map(({ index }) => index),
  };
}

function read(
  config: Partial<TrainConfig> & { task: TaskName; data: string },
  known: string[] = [],
) {
  const whole = workspace.config("rte", config);
  return readLabelled(whole, known, { train: true, split: "dev" });
}

for (const task of ["rte", "cola", "stsb", "mrpc", "sst2"] as const) {
  Deno.test(`Tables of ${task} as the hub has them are read as the published files`, async () => {
    const directory = workspace.data(task);
    const train = await readGlue(task, directory, "train");
    const dev = await readGlue(task, directory, "dev");
    const kinds = task === "rte" ? tableKinds : ["parquet", "jsonl"] as const;
    for (const kind of kinds) {
      // A TSV of GLUE's name is taken for the published file.
      const name = kind === "tsv" ? "val" : "validation";
      await using folder = await folderOf({
        [kind === "tsv" ? "train/all.tsv" : `train.${kind}`]: contentOf(
          hubTable(task, train),
          kind,
        ),
        [`${name}.${kind}`]: contentOf(hubTable(task, dev), kind),
      });
      const found = await read({ task, data: folder.path });
      assertEquals(found.train, train, kind);
      assertEquals(found.dev, dev, kind);
      assertEquals(found.kind, glueTasks[task]);
    }
  });
}

Deno.test("Shards of a split are one split", async () => {
  const train = await readGlue("rte", workspace.data("rte"), "train");
  const part = (from: number, to: number) =>
    contentOf(hubTable("rte", train.slice(from, to)), "parquet");
  await using folder = await folderOf({
    "train-00001-of-00002.parquet": part(20, 32),
    "train-00000-of-00002.parquet": part(0, 20),
    "validation/0000.parquet": part(0, 4),
    "validation/0001.parquet": part(4, 8),
  });
  const found = await read({ task: "rte", data: folder.path });
  assertEquals(found.train, train);
  assertEquals(found.dev, train.slice(0, 8));
});

const verdicts = { headline: ["a", "b", "c"], body: ["d", "e", "f"], verdict: ["yes", "no", "so"] };
const columns = { textA: "headline", textB: "body", label: "verdict" };

async function own(
  table: Table,
  changes: Partial<TrainConfig>,
  known: string[] = [],
  kind: TableKind = "csv",
) {
  const content = contentOf(table, kind);
  await using folder = await folderOf({ [`train.${kind}`]: content, [`dev.${kind}`]: content });
  return await read({ task: "classification", data: folder.path, ...changes }, known);
}

for (const kind of tableKinds) {
  Deno.test(`A classification of the user's own is read from ${kind}`, async () => {
    const { kind: found, train, dev } = await own(verdicts, columns, [], kind);
    assertEquals(train, [
      { textA: "a", textB: "d", label: 2, index: 0 },
      { textA: "b", textB: "e", label: 0, index: 1 },
      { textA: "c", textB: "f", label: 1, index: 2 },
    ]);
    assertEquals(dev, train);
    assertEquals(found.labels, ["no", "so", "yes"]);
    assertEquals(found.metrics, ["accuracy", "macro_f1", "matthews"]);
  });
}

Deno.test("Words of classes get the numbers that the model has for them", async () => {
  const { kind, train } = await own(verdicts, columns, ["yes", "so", "no", "never"]);
  assertEquals(train.map(({ label }) => label), [0, 2, 1]);
  assertEquals(kind.labels, ["yes", "so", "no", "never"]);
});

Deno.test("Without flags, the columns are text and label, and there is one text", async () => {
  const { train, kind } = await own({ text: ["a", "b"], label: [1, 0] }, {});
  assertEquals(train, [{ textA: "a", label: 1, index: 0 }, { textA: "b", label: 0, index: 1 }]);
  assertEquals(kind.metrics, ["accuracy", "macro_f1", "matthews", "f1"]);
});

Deno.test("A regression of the user's own has scores of any size", async () => {
  const table = { text: ["a", "b"], label: [-1, 1234.5] };
  for (const kind of ["parquet", "jsonl", "csv"] as const) {
    const { train, kind: found } = await own(table, { task: "regression" }, [], kind);
    assertEquals(train.map(({ label }) => label), [-1, 1234.5]);
    assertEquals([found.labels, found.primaryMetric], [[], "pearson"]);
    assertEquals(found.metrics, ["pearson", "spearman", "mse"]);
  }
});

Deno.test("Columns that are named make a TSV of GLUE's name a table", async () => {
  const table = { a: ['x"y'], b: ["z"], label: ["not_entailment"] };
  const { train } = await own(table, { task: "rte", textA: "a", textB: "b" }, [], "tsv");
  assertEquals(train, [{ textA: 'x"y', textB: "z", label: 1, index: 0 }]);
});

const refused: [string, Table, Partial<TrainConfig>, TableKind, RegExp][] = [
  ["a missing column", verdicts, { textA: "title" }, "csv", /train\.csv:1: .*"title", "label" are/],
  [
    "a text that is a number",
    { text: [5], label: [0] },
    {},
    "jsonl",
    /:1: .*"text" as a text .* 5$/,
  ],
  [
    "no text",
    { text: ["a", null], label: [0, 1] },
    {},
    "parquet",
    /"text" of row 2 as a text .*none$/,
  ],
  ["no label", { text: ["a", "b"], label: [0, -1] }, {}, "parquet", /"label" of row 2 as .* -1$/],
  [
    "no GLUE label",
    { sentence: ["a", "b"], label: [0, -1] },
    { task: "cola" },
    "jsonl",
    /jsonl:3: .*a label/,
  ],
  [
    "no GLUE class",
    { sentence: ["a"], label: [2] },
    { task: "cola" },
    "jsonl",
    /:1: .*"0", "1".*|from 0 to 1/,
  ],
  ["a score as a class", { text: ["a"], label: [0.5] }, {}, "jsonl", /jsonl:1: .*name of a class/],
  [
    "a word as a score",
    verdicts,
    { ...columns, task: "regression" },
    "csv",
    /csv:2: .*a number .*"yes"/,
  ],
  ["no row", { text: [], label: [] }, {}, "csv", /at least 1 row is required: found 0$/],
];
for (const [what, table, changes, kind, says] of refused) {
  Deno.test(`Tables are refused with file and place: ${what}`, async () => {
    const { message, path } = await assertRejects(() => own(table, changes, [], kind), FileError);
    assertMatch(message, says);
    assert(path.endsWith(`/train.${kind}`));
  });
}

Deno.test("Tables may have very many rows", async () => {
  const text = "text\tlabel\n" + "a\t1\nb\t0\n".repeat(80_000);
  await using folder = await folderOf({ "train.tsv": text, "dev.tsv": "text\tlabel\na\t1\n" });
  const { train } = await read({ task: "classification", data: folder.path });
  assertEquals([train.length, train.at(-1)], [160_000, { textA: "b", label: 0, index: 159_999 }]);
});

Deno.test("A class that occurs in the development data alone is refused", async () => {
  await using folder = await folderOf({
    "train.csv": "text,label\na,x\nb,y\n",
    "dev.csv": "text,label\na,x\nb,z\n",
  });
  const data = folder.path;
  const reading = () => read({ task: "classification", data });
  const { message } = await assertRejects(reading, FileError);
  assertMatch(
    message,
    /dev\.csv:3: .*one of "x", "y" or a number from 0 to 1 is required: found "z"$/,
  );
});

Deno.test("A split that is not there is named, with what would be taken for it", async () => {
  await using folder = await folderOf({ "train.csv": "text,label\na,x\nb,y\n" });
  const reading = () => read({ task: "classification", data: folder.path });
  const { message } = await assertRejects(reading, FileError);
  assertMatch(message, /split dev as .* dev or validation or valid or val is required, with .*csv/);
});

Deno.test("Column names are refused where there are no tables", async () => {
  const { openTask } = await import("../../../train/tasks/open.ts");
  const config = workspace.config("e2e", { textA: "mr" });
  const opening = () => openTask(config, {} as never, {} as never);
  await assertRejects(opening, OptionError, "--text-a");
});
