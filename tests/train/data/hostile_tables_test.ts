import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { gunzipSync } from "node:zlib";
import { gzipSync, zipSync } from "fflate";
import { parquetWriteBuffer } from "hyparquet-writer";
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

const damaged: [string, "SNAPPY" | "GZIP" | "ZSTD", (file: Uint8Array, at: number) => void][] = [
  ["a text that is not UTF-8", "SNAPPY", (file, at) => file[at] = 0xff],
  ["a wrong sum of gzip", "GZIP", (file, at) => file[at]! ^= 1],
  ["a wrong length of gzip", "GZIP", (file, at) => file[at + 4]! ^= 1],
  ["torn Zstandard", "ZSTD", (file, at) => file[at] = 0],
];
for (const [what, codec, damage] of damaged) {
  Deno.test(`readParquet() refuses ${what}`, async () => {
    const cells = Array.from({ length: 8 }, (_, i) => `${i} texts`);
    const file = parquetOf({ text: cells }, codec);
    // The first page begins behind the magic number; each kind is damaged where it is found.
    const start = {
      SNAPPY: indexOf(file, bytesOf("0 texts")),
      GZIP: indexOf(file, [0x1f, 0x8b]),
      ZSTD: indexOf(file, [0x28, 0xb5, 0x2f, 0xfd]),
    }[codec];
    assert(start > 0);
    const end = codec === "GZIP" ? gzipEnd(file, start) : start;
    damage(file, codec === "GZIP" ? end - 8 : end);
    await using folder = await folderOf({ "a.parquet": file });
    await assertRejects(
      () => readParquet(`${folder.path}/a.parquet`, { required: ["text"] }),
      FileError,
      "Cannot read file as valid parquet is required: found",
    );
  });
}

function indexOf(file: Uint8Array, part: ArrayLike<number>): number {
  return file.findIndex((_, i) => Array.from(part).every((byte, j) => file[i + j] === byte));
}

/** End of the gzip that begins at `start`: the first at which it is whole. */
function gzipEnd(file: Uint8Array, start: number): number {
  for (let end = start + 18; end <= file.length; end++) {
    try {
      gunzipSync(file.subarray(start, end));
      return end;
    } catch {
      // Not yet.
    }
  }
  throw new Error("no gzip found");
}

Deno.test("readParquet() reads thousands of groups of rows, and gives all of them one time", async () => {
  const text = Array.from({ length: 3000 }, (_, i) => `text ${i}`);
  const file = new Uint8Array(
    parquetWriteBuffer({ columnData: [{ name: "text", data: text }], rowGroupSize: 1 }),
  );
  await using folder = await folderOf({ "a.parquet": file });
  const path = `${folder.path}/a.parquet`;
  const rows = await readParquet(path, { required: ["text"] });
  assertEquals(rows.map(({ cells }) => cells[0]), text);
  const { message } = await assertRejects(
    () => readParquet(path, { required: ["text"] }, { time: -1e4, memory: 5e8 }),
    FileError,
  );
  assert(message.includes("decoded without end"), message);
});

Deno.test("readTable() refuses a table of too many columns", async () => {
  await using folder = await folderOf({ "a.csv": "a,".repeat(10_000) + "text,label\n" });
  await assertRejects(
    () => readTable(`${folder.path}/a.csv`, columns),
    FileError,
    "a.csv:1: Cannot read row as at most 10000 columns are required: found more",
  );
});
