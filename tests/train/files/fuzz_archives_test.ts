import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { gzipSync, zipSync } from "fflate";
import { readParquet } from "../../../train/data/parquet.ts";
import { readTable } from "../../../train/data/table.ts";
import { unpackGlue } from "../../../train/data/unpack.ts";
import { byteMutation } from "../../support/file_mutations.ts";
import { fuzzTotal, orTyped, runsOf } from "../../support/fuzz.ts";
import { codecs, contentOf, folderOf, parquetOf } from "../../support/tables.ts";

const columns = { required: ["text", "label"] };
const table = {
  text: Array.from({ length: 20 }, (_, i) => `a text of number ${i % 7}, é and "more"`),
  label: Array.from({ length: 20 }, (_, i) => i % 3),
};
const csv = contentOf(table, "csv");

/** Changes files many times and counts how they end. */
async function fuzz(
  what: string,
  share: number,
  files: readonly Uint8Array[],
  end: (mutated: Uint8Array<ArrayBuffer>) => Promise<boolean>,
) {
  const ends = { loaded: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...files), byteMutation, async (file, mutate) => {
      ends[await end(mutate(new Uint8Array(file))) ? "loaded" : "refused"]++;
    }),
    runsOf(share),
  );
  assert(ends.refused > 0, JSON.stringify(ends));
  if (fuzzTotal > 800) console.log(what, ends);
}

Deno.test("gzip, mutated, holds what it held or ends in a typed error", async () => {
  await using folder = await folderOf({});
  const path = `${folder.path}/a.csv.gz`;
  await Deno.writeFile(path, gzipSync(csv));
  const cellsOf = async () => (await readTable(path, columns)).map(({ cells }) => cells);
  const original = await cellsOf();
  const members = new Uint8Array([...gzipSync(csv.slice(0, 99)), ...gzipSync(csv.slice(99))]);
  await fuzz("gzip", 0.05, [gzipSync(csv), members], async (mutated) => {
    await Deno.writeFile(path, mutated);
    const found = await orTyped(cellsOf);
    // The checksum of each member leaves nothing else, but for members that are cut off whole.
    if (found !== undefined) assertEquals(found, original.slice(0, found.length));
    return found !== undefined;
  });
});

Deno.test("a zip archive, mutated, is unpacked or refused, without end never", async () => {
  const archive = zipSync({ "RTE/train.tsv": csv, "RTE/dev.tsv": [csv, { level: 0 }] });
  await fuzz("zip", 0.03, [archive], (mutated) => {
    const started = performance.now();
    try {
      const files = unpackGlue("RTE", mutated);
      for (const [name, bytes] of files) {
        assert(name.startsWith("RTE/"), name);
        assert(bytes.length < 2 ** 28);
      }
      return Promise.resolve(true);
    } catch (error) {
      // The caller makes a typed error of any.
      assert(error instanceof Error);
      return Promise.resolve(false);
    } finally {
      assert(performance.now() - started < 10_000, "It ends soon");
    }
  });
});

Deno.test("parquet, mutated, gives rows or a typed error, without end never", async () => {
  await using folder = await folderOf({});
  const path = `${folder.path}/a.parquet`;
  const kinds = Object.keys(codecs) as (keyof typeof codecs)[];
  const files = kinds.map((codec) => parquetOf(table, codec));
  const limits = { time: 1500, memory: 3e8 };
  await fuzz("parquet", 0.02, files, async (mutated) => {
    await Deno.writeFile(path, mutated);
    const rows = await orTyped(() => readParquet(path, columns, limits));
    for (const { cells } of rows ?? []) assertEquals(cells.length, 2);
    return rows !== undefined;
  });
});
