import { assertEquals, assertRejects } from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import { readPlan, writePlan } from "../../../train/sweep/plan_folder.ts";
import { plannedSweep, smallPlan } from "../../support/sweeps.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const tuned = { tune: ["lr"], grids: { lr: [0.001, 0.01] } };

Deno.test("a plan is read as it was written", async () => {
  const plan = await smallPlan(workspace, tuned);
  const { folder } = await plannedSweep(workspace, tuned);
  const read = await readPlan(folder);
  assertEquals(read.head, plan.head);
  assertEquals(read.runs, [...plan.runs]);
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
    "plan.json",
    "plan.jsonl",
  ]);
});

Deno.test("a folder takes its own plan again, and no other one", async () => {
  const plan = await smallPlan(workspace, tuned);
  const folder = workspace.out("again");
  assertEquals(await writePlan(folder, plan), true);
  const before = await Deno.readTextFile(`${folder}/plan.json`);
  assertEquals(await writePlan(folder, plan), false);
  assertEquals(await Deno.readTextFile(`${folder}/plan.json`), before);
  const other = await smallPlan(workspace, { ...tuned, seeds: 3 });
  await assertRejects(
    () => writePlan(folder, other),
    OptionError,
    `found the plan ${plan.head.plan}`,
  );
  // A plan whose process was killed before its head has a new try.
  await Deno.remove(`${folder}/plan.json`);
  await Deno.writeTextFile(`${folder}/plan.jsonl`, "{");
  await Deno.writeTextFile(`${folder}/plan.json.${crypto.randomUUID()}.tmp`, "{");
  assertEquals(await writePlan(folder, other), true);
  assertEquals((await readPlan(folder)).runs.length, other.runs.length);
  assertEquals([...Deno.readDirSync(folder)].length, 2);
  const strange = workspace.out("strange");
  await Deno.mkdir(strange);
  await Deno.writeTextFile(`${strange}/thesis.tex`, "");
  await assertRejects(() => writePlan(strange, plan), FileError, "found thesis.tex");
});

/** Changes of a plan's files: which file, how, and what is said of it. */
const hostile: [file: "plan.json" | "plan.jsonl", (text: string) => string, says: string][] = [
  [
    "plan.jsonl",
    (text) => text.slice(0, -40),
    "plan.jsonl:12: Cannot read the plan as a line break",
  ],
  ["plan.jsonl", (text) => text.slice(0, text.lastIndexOf('{"id"')), "plan.jsonl:12: Cannot read"],
  ["plan.jsonl", (text) => text.replace("\n", "\n\n"), "plan.jsonl:2:"],
  ["plan.jsonl", (text) => text.replace('"seed"', '"sead"'), "plan.jsonl:1:"],
  [
    "plan.jsonl",
    (text) => text.replace('"stage":"tune"', '"stage":"turn"'),
    "stage tune or report",
  ],
  ["plan.jsonl", (text) => text.replace('"rank":2', '"rnak":2'), "plan.jsonl:1: the nearest"],
  ["plan.jsonl", (text) => text.replace('"rank":2', '"rank":0'), "plan.jsonl:1 as an integer"],
  [
    "plan.jsonl",
    (text) => text.replace('"task":"rte"', '"task":"rta"'),
    "an arm with one of the tasks",
  ],
  ["plan.jsonl", (text) => text.replace('"rank":2', '"rank":4'), "runs of the hash"],
  [
    "plan.jsonl",
    (text) => text.replace(/("tunedBy":\[)"/, '$1"00000000000a","'),
    "tunedBy of lines before",
  ],
  [
    "plan.jsonl",
    (text) => text.replace(/\n/, "\nx"),
    "plan.jsonl:2: Cannot read the plan as a JSON",
  ],
  [
    "plan.jsonl",
    (text) =>
      `${text.slice(0, text.indexOf("\n") + 1).repeat(2)}${text.split("\n").slice(2).join("\n")}`,
    "plan.jsonl:2: Cannot read the plan as an id of its own",
  ],
  [
    "plan.json",
    (text) => text.replace('"format": 1', '"format": 2'),
    "format 1 is required: found 2",
  ],
  ["plan.json", (text) => text.replace('"asked"', '"asks"'), "the keys format, name"],
  ["plan.json", (text) => text.replace('"baseline": "lora"', '"baseline": 7'), "key baseline"],
  ["plan.json", (text) => text.replace("0.001", '"x"'), "lists of numbers in key tuned"],
  ["plan.json", (text) => text.slice(0, 30), "plan.json:3: Cannot parse file"],
];

Deno.test("a plan that is torn, changed or of another version is refused with file and line", async () => {
  const { folder } = await plannedSweep(workspace, tuned);
  for (const [file, change, says] of hostile) {
    const path = `${folder}/${file}`;
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, change(text));
    const error = await assertRejects(() => readPlan(folder), Error, says);
    assertEquals(["FileError", "OptionError"].includes(error.name), true, String(error));
    assertEquals(error.message.includes(`${folder}/${file}`), true, error.message);
    await Deno.writeTextFile(path, text);
  }
  await readPlan(folder);
});
