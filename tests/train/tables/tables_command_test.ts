import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import { tablesCommand } from "../../../train/commands/tables.ts";
import { tablesOf } from "../../../train/tables/tables.ts";
import { writeTables } from "../../../train/tables/write_tables.ts";
import { task } from "../../support/cli.ts";
import { linesOf, wholeSweep } from "../../support/sweep_results.ts";

const root = await Deno.makeTempDir({ prefix: "hiddenkey-" });
Deno.test.afterAll(() => Deno.remove(root, { recursive: true }));
const results = `${root}/results.jsonl`;
await Deno.writeTextFile(results, linesOf(wholeSweep()));

Deno.test("the command prints Markdown, or the format that it is asked for", async () => {
  const [markdown, json, best] = await Promise.all([
    task("tables", results),
    task("tables", results, "--format", "json", "--baseline", "hiddenkey"),
    task("tables", results, "--figures", "best"),
  ]);
  assertEquals([markdown.code, markdown.err], [0, ""]);
  assertMatch(markdown.out, /^# Sweep table1\n\n/);
  assertStringIncludes(
    markdown.out,
    "Model models/tiny. 46 of 48 runs have a figure, of their last evaluation. Methods are compared with lora.",
  );
  assertEquals(JSON.parse(json.out).baseline, "hiddenkey");
  assertStringIncludes(
    best.out,
    "Figures are the best over the evaluations of each run, chosen on",
  );
});

Deno.test("a folder gets every format and figure, a file its own; nothing is replaced unasked", async () => {
  const [tables, out] = [tablesOf(wholeSweep()), `${root}/out/tables`];
  const written = await writeTables(tables, out);
  const names = [...Deno.readDirSync(out)].map(({ name }) => name).sort();
  assertEquals(names, [
    "averages-forest.svg",
    "mrpc-budget.svg",
    "rte-budget.svg",
    "tables.csv",
    "tables.html",
    "tables.json",
    "tables.md",
    "tables.tex",
    "task-mrpc-forest.svg",
    "task-rte-forest.svg",
  ]);
  assertEquals(written.map((path) => path.slice(out.length + 1)).sort(), names);
  await assertRejects(() => writeTables(tables, out), FileError, "--force is required: found one");
  await Deno.remove(`${out}/tables.md`);
  await assertRejects(() => writeTables(tables, out), FileError, "tables.csv");
  assert(![...Deno.readDirSync(out)].some(({ name }) => name === "tables.md"));
  assertEquals((await writeTables(tables, out, { force: true })).length, 10);
  const file = `${root}/own.tex`;
  assertEquals(await writeTables(tables, file), [file]);
  assertEquals(await Deno.readTextFile(file), await Deno.readTextFile(`${out}/tables.tex`));
  await assertRejects(() => writeTables(tables, file), FileError, "own.tex");
});

Deno.test("tables of equal results are equal to the byte", async () => {
  const both = [`${root}/a.json`, `${root}/b.json`];
  for (const out of both) await tablesCommand.run([results, "--out", out]);
  const [a, b] = await Promise.all(both.map((path) => Deno.readTextFile(path)));
  assertEquals(a, b);
});

Deno.test("what cannot be done is refused in a sentence", async () => {
  const run = (...args: string[]) => () => tablesCommand.run(args);
  await assertRejects(run(), OptionError, "Cannot make tables without --sweep");
  await assertRejects(run(results, results), OptionError, "tasks of its own are required of each");
  await assertRejects(run(`${root}/none.jsonl`), FileError, "none.jsonl");
  await assertRejects(run(results, "--format", "xml"), OptionError, "--format");
  await assertRejects(run(results, "--baseline", "lor"), OptionError, "the nearest one is lora");
  await assertRejects(
    run(results, "--format", "csv", "--out", `${root}/folder`),
    OptionError,
    "Cannot write --format csv as --out requires a file that ends in .csv",
  );
  // A folder that is no sweep's.
  await assertRejects(run(root), FileError, "plan.json");
});
