import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { findSplit } from "../../../train/data/splits.ts";
import { readTable } from "../../../train/data/table.ts";
import { needsPython, runPython, withoutPython } from "../../support/python.ts";
import { codecs, contentOf, folderOf, parquetOf, tableKinds } from "../../support/tables.ts";

const table = {
  id: [7, 8, 9],
  text: ['say "hi", twice', "ünïcode ✓", ""],
  label: [1, 0, 2],
};

for (const kind of tableKinds) {
  Deno.test(`readTable() reads ${kind}`, async () => {
    await using folder = await folderOf({ [`a.${kind}`]: contentOf(table, kind) });
    const columns = { required: ["label", "text"], optional: ["score", "id"] };
    const rows = await readTable(`${folder.path}/a.${kind}`, columns);
    const typed = kind === "parquet" ? BigInt : /csv|tsv/.test(kind) ? String : Number;
    const expected = table.id.map((id, i) => [
      typed(table.label[i]!),
      table.text[i],
      undefined,
      typed(id),
    ]);
    assertEquals(rows.map(({ cells }) => cells), expected as unknown[][]);
    const lines = kind === "parquet"
      ? [undefined, undefined, undefined]
      : /json/.test(kind)
      ? [1, 3, 5]
      : [2, 3, 4];
    assertEquals(rows.map(({ line }) => line), lines);
    assertEquals(rows.map(({ row }) => row), [1, 2, 3]);
  });
}

for (const codec of Object.keys(codecs) as (keyof typeof codecs)[]) {
  Deno.test(`readTable() reads parquet packed with ${codec}`, async () => {
    const text = Array.from({ length: 500 }, (_, i) => `row ${i % 7}`);
    await using folder = await folderOf({ "a.parquet": parquetOf({ text }, codec) });
    const rows = await readTable(`${folder.path}/a.parquet`, { required: ["text"] });
    assertEquals(rows.map(({ cells }) => cells[0]), text);
  });
}

Deno.test({
  name: `readTable() reads what pyarrow writes ${needsPython}`,
  ignore: withoutPython,
  async fn() {
    await using folder = await folderOf({});
    const files = await runPython("parquet_files.py", [folder.path]) as Record<string, unknown[][]>;
    assertEquals(Object.keys(files).length, 12);
    for (const [path, expected] of Object.entries(files)) {
      const rows = await readTable(path, { required: ["text", "label", "score"] });
      const cells = rows.map(({ cells: [text, label, score] }) => [text, Number(label), score]);
      assertEquals(cells, expected, path);
    }
  },
});

const faults: [string, string, string | Uint8Array, RegExp][] = [
  ["a missing file", "b.csv", "", /a\.csv: Cannot read file .* found nothing there$/],
  ["missing parquet", "b.parquet", "", /a\.parquet: Cannot read file .* found nothing there$/],
  ["an extension", "a.xlsx", "x", /a\.xlsx: .* one of parquet, jsonl, ndjson, csv, tsv .* xlsx$/],
  [
    "a header",
    "a.csv",
    "id,txt\n1,b\n",
    /a\.csv:1: .*columns "text" are required: found "id", "txt"$/,
  ],
  ["an empty file", "a.tsv", "", /a\.tsv:1: .*columns "text" are required: found $/],
  ["a column twice", "a.csv", "text,text\n", /a\.csv:1: .*column "text" occurs twice$/],
  ["a short row", "a.csv", 'text,n\n"a\nb",1\nc\n', /a\.csv:4: .*requires 2 columns: found 1$/],
  ["a long row", "a.tsv", "text\na\tb\n", /a\.tsv:2: .*requires 1 columns: found 2$/],
  [
    "a torn line",
    "a.jsonl",
    '{"text":"a"}\n{"text"\n',
    /a\.jsonl:2: .*one JSON object .*found "\{/,
  ],
  ["a list", "a.jsonl", "[1]\n", /a\.jsonl:1: .*one JSON object is required: found \[1\]$/],
  ["other bytes", "a.csv", Uint8Array.of(255, 254), /a\.csv: .*UTF-8/],
  ["no gzip", "a.csv.gz", "text\na\n", /a\.csv\.gz: .*gzip is required/],
  ["torn gzip", "a.csv.gz", contentOf(table, "csv.gz").slice(0, 30), /gzip is required/],
  ["no parquet", "a.parquet", "PAR1 no more", /a\.parquet: .*valid parquet is required: /],
  [
    "torn parquet",
    "a.parquet",
    contentOf(table, "parquet").slice(9),
    /valid parquet is required: /,
  ],
  [
    "a column of parquet",
    "a.parquet",
    parquetOf({ txt: ["a"] }),
    /"text" are required: found "txt"$/,
  ],
];
for (const [what, name, content, says] of faults) {
  Deno.test(`readTable() refuses ${what}`, async () => {
    await using folder = await folderOf({ [name]: content });
    const path = `${folder.path}/${name.replace(/^b/, "a")}`;
    const { message } = await assertRejects(
      () => readTable(path, { required: ["text"] }),
      FileError,
    );
    assertMatch(message, says);
    assertStringIncludes(message, folder.path);
  });
}

const folders: [string, string[], string[]][] = [
  ["one file", ["train.csv", "dev.csv", "readme.txt"], ["dev.csv"]],
  ["validation", ["validation.parquet", "test.parquet"], ["validation.parquet"]],
  ["valid under gzip", ["valid.jsonl.gz"], ["valid.jsonl.gz"]],
  ["a folder", ["val/1.csv", "val/0.csv", "val/notes.md"], ["val/0.csv", "val/1.csv"]],
  ["shards", ["dev-00001-of-00002.parquet", "dev-00000-of-00002.parquet"], [
    "dev-00000-of-00002.parquet",
    "dev-00001-of-00002.parquet",
  ]],
  ["other names", ["devel.csv", "dev-1.csv", "dev.csv.bak", "mydev.csv"], []],
];
for (const [what, names, expected] of folders) {
  Deno.test(`findSplit() finds ${what}`, async () => {
    await using folder = await folderOf(Object.fromEntries(names.map((name) => [name, ""])));
    const found = await findSplit(folder.path, "dev");
    assertEquals(found, expected.map((name) => `${folder.path}/${name}`));
  });
}

Deno.test("findSplit() finds nothing where there is no folder", async () => {
  assertEquals(await findSplit("/nowhere/at/all", "train"), []);
});

const doubtful: [string, string[], RegExp][] = [
  ["two kinds", ["dev.csv", "dev.jsonl"], /dev\.csv and dev\.jsonl$/],
  ["two names", ["dev.csv", "validation.csv"], /dev\.csv and validation\.csv$/],
  ["a file and a folder", ["dev.csv", "dev/0.csv"], /dev\/0\.csv and dev\.csv$/],
  ["a missing shard", ["dev-00000-of-00002.csv"], /2 shards are required: found 1$/],
];
for (const [what, names, says] of doubtful) {
  Deno.test(`findSplit() refuses ${what}`, async () => {
    await using folder = await folderOf(Object.fromEntries(names.map((name) => [name, ""])));
    const { message } = await assertRejects(() => findSplit(folder.path, "dev"), FileError);
    assertMatch(message, says);
  });
}
