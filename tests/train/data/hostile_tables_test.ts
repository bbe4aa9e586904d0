import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { gzipSync, zipSync } from "fflate";
import { FileError } from "../../../core/errors.ts";
import { inflated } from "../../../train/data/gzip.ts";
import { readParquet } from "../../../train/data/parquet.ts";
import { readTable } from "../../../train/data/table.ts";
import { unpackGlue } from "../../../train/data/unpack.ts";
import { folderOf, parquetOf } from "../../support/tables.ts";

const columns = { required: ["text", "label"] };
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A page header without its counts, at which the decoder would stay for ever. */
const looping =
  "UEFSMRUGFd4HFaADXBUoFQAVKBUAFQQVAAAAKAHtA1gTAAAAdzAgInEiIGhhcHB5LCBkb2cgMAUXADE+FwAENxQB" +
  "LgAyPhcABDE0BRgAMz4YAAQyMQUYADRCGAAAOAUYADU+GAAEMzUFGAA2PhgABDQyBRgAN0IYAAA5BRgAOD4YAAQ1NgUY" +
  "ADk+GAAINjMVAcAAMULvAAQ3MAkZRvEAADcJGQAyPksABDg0CRkAMz4ZAAQ5MQkZQvUACDk4FgV9QvYACDEwNQkaQvgA" +
  "CDExMgkaQvoACDExOQkaQvwACDEyNgkaQv4ACDEzMxUEFRAVFEwVBBUAAAAIHAAAAAABAAAAFQYVDhUSXBWOFQAVKBUQ" +
  "FQQVAAAAKAEFEAEHqqoKFQQZPEgEcm9vdBUEABUMJQIYBHRleHQlAAAVAiUCGAVsYWJlbAAWKBkcGSwmCBwVDBkVABkY" +
  "BHRleHQVAhYoFowIFs4DJgg8NgAoEHc5ICJxIiBoYXBweSwgZHAYEHcwICJxIiBoYXBweSwgZG8SEgAZHBUGFQAVAgAA" +
  "ACbWAxwVAhklABAZGAVsYWJlbBUCFigWYhZqJoQEJtYDHDYAKAQBAAAAGAQAAAAAABksFQQVABUCABUGFRAVAgAAABbu" +
  "CBYoNrgEACgJaHlwYXJxdWV0GSwcAAAcAAAA2wAAAFBBUjE=";

Deno.test("readParquet() ends where a file would keep its decoder busy for ever", async () => {
  const file = Uint8Array.from(atob(looping), (one) => one.charCodeAt(0));
  assertEquals(file.length, 515);
  await using folder = await folderOf({ "a.parquet": file });
  const path = `${folder.path}/a.parquet`;
  const started = performance.now();
  await assertRejects(
    () => readParquet(path, columns, { time: 400, memory: 5e8 }),
    FileError,
    "found data that is decoded without end",
  );
  assert(performance.now() - started < 10_000);
});

Deno.test("readParquet() ends where a file would fill the memory", async () => {
  const cells = Array.from({ length: 200_000 }, (_, i) => `a text, ${i}`);
  await using folder = await folderOf({ "a.parquet": parquetOf({ text: cells, label: cells }) });
  await assertRejects(
    () => readParquet(`${folder.path}/a.parquet`, columns, { time: 5000, memory: -1e9 }),
    FileError,
    "memory",
  );
});

for (
  const [name, content] of [
    ["a.csv", "text,label\n" + "a,0\n".repeat(1_000_001)],
    ["a.tsv", "text\tlabel\n" + "a\t0\n".repeat(1_000_001)],
    ["a.jsonl", "{}\n".repeat(1_000_002)],
  ] as const
) {
  Deno.test(`readTable() refuses more than a million rows: ${name}`, async () => {
    await using folder = await folderOf({ [name]: content });
    await assertRejects(
      () => readTable(`${folder.path}/${name}`, columns),
      FileError,
      "at most 1000000 rows are required: found more",
    );
  });
}

for (
  const [name, content] of [
    ["a.csv", (text: string) => `text,label\nb,0\n${text},1\n`],
    ["a.tsv", (text: string) => `text\tlabel\nb\t0\n${text}\t1\n`],
    ["a.jsonl", (text: string) => `{}\n{}\n{"text":"${text}"}\n`],
    ["a.parquet", (text: string) => parquetOf({ text: ["b", text], label: [0, 1] })],
  ] as const
) {
  Deno.test(`readTable() refuses a text of more than a million characters: ${name}`, async () => {
    await using folder = await folderOf({ [name]: content("x".repeat(1_000_001)) });
    const { message } = await assertRejects(
      () => readTable(`${folder.path}/${name}`, columns),
      FileError,
      "at most 1000000 characters are required: found 10000",
    );
    assert(name === "a.parquet" ? message.includes("row 2") : message.includes(":3:"), message);
  });
}

Deno.test("readTable() reads gzip of several members", async () => {
  const members = ["text,label\n", "a,0\nb,", "1\n"].map((text) => gzipSync(bytesOf(text)));
  const joined = new Uint8Array(members.flatMap((member) => [...member]));
  await using folder = await folderOf({ "a.csv.gz": joined });
  const rows = await readTable(`${folder.path}/a.csv.gz`, columns);
  assertEquals(rows.map(({ cells }) => cells), [["a", "0"], ["b", "1"]]);
});

Deno.test("inflated() stops at the size that is allowed, and refuses torn gzip", async () => {
  const bomb = new Uint8Array(gzipSync(new Uint8Array(1e7)));
  assertEquals((await inflated(bomb, "a.gz")).length, 1e7);
  await assertRejects(
    () => inflated(bomb, "a.gz", 1e6),
    FileError,
    "a.gz: Cannot read file as at most 1000000 bytes out of gzip are required: found more",
  );
  for (const torn of [bomb.slice(0, 3000), bomb.slice(1), new Uint8Array(0)]) {
    await assertRejects(() => inflated(torn, "a.gz"), FileError, "gzip is required");
  }
});

Deno.test("unpackGlue() refuses an archive that says it holds too much", () => {
  const archive = zipSync({ "RTE/train.tsv": bytesOf("a") });
  const view = new DataView(archive.buffer);
  // The size in the central directory, which begins behind the only file.
  const directory = archive.findLastIndex((_, i) =>
    view.byteLength - i > 46 &&
    view.getUint32(i, true) === 0x02014b50
  );
  view.setUint32(directory + 24, 2 ** 31, true);
  assertThrows(() => unpackGlue("RTE", archive), Error, "more than 200000000 bytes");
});
