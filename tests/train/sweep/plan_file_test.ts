import { assertEquals, assertRejects } from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import { readPlanFile } from "../../../train/sweep/plan_file.ts";
import { folderOf } from "../../support/tables.ts";

const toml = `
tasks = ["rte", { task = "mrpc", lr = 1e-3 }]
methods = ["lora", "dropkey-span", { name = "mine", method = "dropkey", rate = 0.2 }]
baseline = "mine"
seeds = 4
tuneOn = "dev-half"
presets = []
[vary]
rank = [4, 8]
[tune]
lr = [1e-4, 1e-3]
[settings]
epochs = 2
`;

const request = {
  name: "mine",
  tasks: [{ task: "rte", settings: {} }, { task: "mrpc", settings: { lr: 1e-3 } }],
  methods: [
    { name: "lora", settings: { method: "lora" } },
    { name: "dropkey (span)", settings: { method: "dropkey", structure: "span" } },
    { name: "mine", settings: { method: "dropkey", rate: 0.2 } },
  ],
  baseline: "mine",
  seeds: 4,
  tuneOn: "dev-half",
  presets: [],
  vary: { rank: [4, 8] },
  tune: ["lr"],
  grids: { lr: [1e-4, 1e-3] },
  settings: { epochs: 2 },
};

Deno.test("a file says what a sweep is, in any of the formats", async () => {
  const json = {
    ...request,
    tasks: ["rte", { task: "mrpc", lr: 1e-3 }],
    methods: ["lora", "dropkey (span)", { name: "mine", method: "dropkey", rate: 0.2 }],
    tune: { lr: [1e-4, 1e-3] },
  };
  const { grids: _, name: __, ...own } = json;
  const text = JSON.stringify(own);
  await using folder = await folderOf({ "mine.toml": toml, "mine.json": text, "mine.yaml": text });
  for (const ending of ["toml", "json", "yaml"]) {
    assertEquals(await readPlanFile(`${folder.path}/mine.${ending}`), request as unknown);
  }
});

Deno.test("tuned options may be named alone, with the usual values", async () => {
  const text = `{"tasks": ["rte"], "methods": ["lora"], "tune": ["lr", "rate"], "name": "x"}`;
  await using folder = await folderOf({ "a.json": text });
  const { tune, grids, name } = await readPlanFile(`${folder.path}/a.json`);
  assertEquals([tune, grids, name], [["lr", "rate"], undefined, "x"]);
});

Deno.test("what does not fit is refused with file and line", async () => {
  const usual = { tasks: `["rte"]`, methods: `["lora"]` };
  const cases: [Record<string, string>, string][] = [
    [{ taks: "1" }, "taks in F:4: the nearest known one is tasks"],
    [{ tasks: `["squad"]` }, "F:2: Cannot read key tasks as one of the tasks"],
    [{ tasks: "[]" }, "F:2: Cannot read key tasks as a list that is not empty"],
    [{ tasks: `[{"task": "rte", "rnak": 3}]` }, "rnak in F:2: the nearest"],
    [{ tasks: `[{"task": "rte", "rank": 0}]` }, "rank in F:2 as an integer"],
    [{ methods: `["hiddenke"]` }, "the nearest one is hiddenkey"],
    [{ methods: `[{"method": "lora"}]` }, "F:3: Cannot read key methods"],
    [{ vary: `{"rank": 4}` }, "F:4: Cannot read key vary as a list of numbers or texts for rank"],
    [{ vary: `{"rnak": [4]}` }, "rnak of vary in F:4: the nearest known one is rank"],
    [{ tune: `{"lr": ["a"]}` }, "F:4: Cannot read key tune as lists of numbers"],
    [{ tuneOn: `"dev"` }, "F:4: Cannot read key tuneOn as one of held-back, dev-half"],
    [{ seeds: "0" }, "F:4: Cannot read key seeds as an integer of at least 1"],
    [{ settings: `{"epoch": 1}` }, "epoch in F:4: the nearest known one is epochs"],
    [{ name: "3" }, "F:4: Cannot read key name as a text"],
  ];
  for (const [changes, says] of cases) {
    const rows = Object.entries({ ...usual, ...changes }).map(([key, value]) =>
      `"${key}": ${value}`
    );
    await using folder = await folderOf({ "a.json": `{\n${rows.join(",\n")}\n}` });
    const path = `${folder.path}/a.json`;
    const error = await assertRejects(() => readPlanFile(path), Error, says.replace("F", path));
    assertEquals(error instanceof FileError || error instanceof OptionError, true);
  }
  await using folder = await folderOf({ "a.json": `{"tasks": ["rte"]}`, "b.json": "[]" });
  await assertRejects(() => readPlanFile(`${folder.path}/a.json`), FileError, "key methods is");
  await assertRejects(() => readPlanFile(`${folder.path}/b.json`), FileError, "an object");
});
