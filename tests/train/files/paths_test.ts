/** Paths with every kind of character, and of the greatest length. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { predictCommand } from "../../../train/commands/predict.ts";
import { readTable } from "../../../train/data/table.ts";
import { writeDirectoryAtomic, writeFileAtomic } from "../../../train/files/files.ts";
import { mergeAdapter } from "../../../train/merge/merge.ts";
import { train } from "../../../train/train.ts";
import { parquetOf } from "../../support/tables.ts";
import { listing } from "../../support/cli.ts";
import { namesIn, readAdapter, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Windows allows none of them. */
const ignore = Deno.build.os === "windows";
const odd = "é ü 漢🎉 100%41%zz #h ?x=1&y 'q\" $(a) `b` \n\t \\ -d";

Deno.test({ name: "a run may lie at any path, with its model and data", ignore }, async () => {
  const root = workspace.out(odd);
  for (const path of listing(workspace.root)) {
    const target = `${root}${path.slice(workspace.root.length)}`;
    if (/\/(models\/(bert|)|data\/(rte|))/.test(`${path}/`)) {
      if (Deno.statSync(path).isDirectory) await Deno.mkdir(target, { recursive: true });
      else await Deno.copyFile(path, target);
    }
  }
  const small = { maxSteps: 3, saveEvery: 2, backend: "cpu", threads: 2 } as const;
  const plain = workspace.config("rte", { ...small, out: workspace.out("plain") });
  const [data, model, out] = [`${root}/data/rte`, `${root}/models/bert`, `${root}/run`];
  await train(plain);
  await train({ ...plain, data, model, out });
  await train({ ...plain, data, model, out }, { resume: `${out}/checkpoint-2` });
  assertEquals(await readAdapter(out), await readAdapter(plain.out!));
  const lines = `${root}/lines.tsv`;
  const input = `${data}/test.tsv`;
  await predictCommand.run([`--run=${out}`, `--input=${input}`, `--out=${lines}`, "--backend=cpu"]);
  assertEquals((await Deno.readTextFile(lines)).split("\n").length, 18);
  const merged = `${root}/merged`;
  await mergeAdapter({ model, adapter: out, out: merged, device: { threads: 1 } });
  assertEquals(namesIn(root).sort(), ["data", "lines.tsv", "merged", "models", "run"]);
  // Parquet is read in a thread of its own.
  const table = `${root}/train.parquet`;
  await Deno.writeFile(table, parquetOf({ text: ["a"] }));
  const [row] = await readTable(table, { required: ["text"] });
  assertEquals(row?.cells, ["a"]);
});

Deno.test(
  { name: "the longest names can be written, longer ones are refused", ignore },
  async () => {
    const folder = workspace.out("names");
    await Deno.mkdir(folder);
    for (const letter of ["x", "é", "🎉"]) {
      const name = letter.repeat(Math.floor(250 / new TextEncoder().encode(letter).length));
      await writeFileAtomic(`${folder}/${name}`, "1");
      await writeDirectoryAtomic(
        `${folder}/d${name}`,
        (place) => writeFileAtomic(`${place}/a`, "1"),
      );
      assert(namesIn(folder).includes(name));
      assertEquals(namesIn(`${folder}/d${name}`), ["a"]);
    }
    assertEquals(namesIn(folder).length, 6);
    const long = `${folder}/${"x".repeat(256)}`;
    const jobs = [
      () => writeFileAtomic(long, "1"),
      () => writeDirectoryAtomic(long, () => Promise.resolve()),
    ];
    for (const job of jobs) await assertRejects(job, FileError, "found a name that is too long");
    assertEquals(namesIn(folder).length, 6);
  },
);
