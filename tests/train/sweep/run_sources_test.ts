import { assert, assertEquals } from "@std/assert";
import { copyFolder } from "../../../train/files/folder.ts";
import { weightsFingerprint } from "../../../train/files/weights_fingerprint.ts";
import { collect } from "../../../train/sweep/collect.ts";
import { changedSources, type RunSources, weightsOfRun } from "../../../train/sweep/run_sources.ts";
import { runSweep } from "../../../train/sweep/run_sweep.ts";
import { statusOf } from "../../../train/sweep/status.ts";
import { tablesOf } from "../../../train/tables/tables.ts";
import { changeWeights, plannedSweep, reopened } from "../../support/sweeps.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

Deno.test("the fingerprint of weights is that of their files, wherever they lie", async () => {
  const model = workspace.out("one");
  await copyFolder(workspace.model("bert"), model);
  const before = await weightsFingerprint(model);
  assert(/^[0-9a-f]{12}$/.test(before));
  assertEquals(await weightsFingerprint(workspace.model("bert")), before);
  await changeWeights(model);
  assert(await weightsFingerprint(model) !== before);
  await changeWeights(model);
  await Deno.writeTextFile(`${model}/config.json`, " ", { append: true });
  assert(await weightsFingerprint(model) !== before);
  assert(await weightsFingerprint(workspace.model("gpt2")) !== before);
  // A file shorter than a block, and one of none.
  for (const text of ["{}", ""]) {
    await Deno.writeTextFile(`${model}/config.json`, text);
    assert(await weightsFingerprint(model) !== before);
  }
});

Deno.test("the fingerprint of a GGUF file is its own, with the configuration beside it", async () => {
  const folder = workspace.out("gguf");
  await Deno.mkdir(folder);
  const model = `${folder}/a.gguf`;
  await Deno.writeTextFile(model, "first");
  const found = () => weightsOfRun({ ...workspace.config("e2e"), model });
  const before = await found();
  assertEquals(before, await weightsFingerprint(model));
  await Deno.writeTextFile(`${folder}/b.gguf`, "other");
  assertEquals(await found(), before);
  assert(await weightsFingerprint(`${folder}/b.gguf`) !== before);
  await Deno.writeTextFile(`${folder}/config.json`, "{}");
  const configured = await found();
  assert(configured !== before);
  await Deno.writeTextFile(model, "First");
  assert(await found() !== configured);
  await Deno.remove(model);
  assertEquals(await found(), undefined);
});

Deno.test("weights and data that change between the runs are told by status and tables", async () => {
  const model = workspace.out("two");
  const data = workspace.out("changed");
  await copyFolder(workspace.model("bert"), model);
  await Deno.mkdir(data);
  await copyFolder(workspace.data("rte"), `${data}/rte`);
  const sweep = await plannedSweep(workspace, { model, data });
  const { folder, plan: { runs } } = sweep;
  await runSweep(sweep, runs.slice(0, 2));
  const told = async () => {
    const { remarks } = await statusOf(await reopened(sweep));
    const { warnings } = tablesOf(await collect(folder));
    return [remarks, warnings.filter((one) => one.startsWith("What runs are"))];
  };
  assertEquals(await told(), [[], []]);
  await changeWeights(model);
  const lines = (await Deno.readTextFile(`${data}/rte/dev.tsv`)).split("\n");
  await Deno.writeTextFile(`${data}/rte/dev.tsv`, [lines[0], ...lines.slice(2)].join("\n"));
  const again = await reopened(sweep);
  await runSweep(again, runs.slice(2, 3));
  const clauses = [
    "the weights of the model (1 of 3 runs have others than the first)",
    "the development data of rte (1 of 3 runs have others than the first)",
  ];
  assertEquals(await told(), [
    clauses.map((what) => `changed between the runs: ${what}`),
    [
      `What runs are computed with changed between them: ${clauses.join(", ")}. ` +
      "Differences may be of that.",
    ],
  ]);
});

Deno.test("only runs that must have the same data are compared", () => {
  const run = (settings: Record<string, number | string>, sources: RunSources) => ({
    settings: { task: "rte", data: "D", model: "M", ...settings },
    sources,
  });
  const one = run({}, { trainingData: "a", developmentData: "b" });
  const other = { trainingData: "c", developmentData: "d" };
  for (const own of [{ task: "mrpc" }, { data: "E" }, { model: "N" }, { maxLength: 9 }]) {
    assertEquals(changedSources([one, run(own, other)]), []);
  }
  assertEquals(changedSources([one, run({ rank: 4, seed: 2 }, other)]).length, 2);
  assertEquals(changedSources([one, run({ devPart: "select" }, other)]).length, 1);
  assertEquals(changedSources([run({}, { version: "0.1.0" }), run({}, { version: "0.2.0" })]), [
    "the version of this package (1 of 2 runs have others than the first)",
  ]);
  const held = (seed: number, trainingData: string) =>
    run({ seed, devFraction: 0.1 }, { trainingData });
  assertEquals(changedSources([one, held(1, "e"), held(2, "f")]), []);
  assertEquals(changedSources([held(1, "e"), held(1, "f")]).length, 1);
});
