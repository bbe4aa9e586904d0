/** A run that is taken back is, whenever its process is killed, a run. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { copyFolder } from "../../../train/files/folder.ts";
import { readRun } from "../../../train/run/run_folder.ts";
import { train } from "../../../train/train.ts";
import { type FileOperation, watchFiles } from "../../support/faults.ts";
import { contentsOf } from "../../support/run_contents.ts";
import { namesIn, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const short = { batch: 4, trainLimit: 16, devLimit: 4, backend: "cpu", threads: 1 } as const;
const whole = workspace.config("rte", { ...short, saveEvery: 2, out: workspace.out("whole") });
await train(whole);
const expected = await contentsOf(whole.out!);

/** A copy of the run that is over; its checkpoints name the first one. */
async function copyOf(name: string) {
  const out = workspace.out(name);
  await copyFolder(whole.out!, out);
  return { ...whole, out };
}

/** Contents in which both runs have one name. */
async function comparable(out: string): Promise<Record<string, string>> {
  const named = Object.entries(await contentsOf(out));
  return Object.fromEntries(
    named.map(([path, text]) => [path, text.replaceAll(JSON.stringify(whole.out), '"RUN"')]),
  );
}

const checkpointsIn = (out: string) =>
  namesIn(out).filter((name) => name.startsWith("checkpoint")).map((name) =>
    Number(name.slice(11))
  );

Deno.test("A run that is taken back is no longer over before anything goes, the newest first", async () => {
  const config = await copyOf("taken back");
  const { out } = config;
  const drops: string[] = [];
  const isSecond = ({ name, path }: FileOperation) =>
    name === "rename" && /checkpoint-\d$/.test(path) && drops.push(path) === 2;
  using files = watchFiles({ under: out, at: isSecond, fault: "halt" });
  await assertRejects(() => train(config, { resume: `${out}/checkpoint-2` }));
  files[Symbol.dispose]();
  assertEquals((await readRun(out)).result, undefined);
  assertEquals(checkpointsIn(out), [2, 4]);
  await train(config, { resume: out });
  assertEquals(await comparable(out), expected);
});

Deno.test("A checkpoint that was to go when its process was killed goes", async () => {
  const config = { ...await copyOf("rotated"), keep: 2 };
  const { result: _, ...unfinished } = (await readRun(config.out)).json;
  await Deno.writeTextFile(`${config.out}/run.json`, JSON.stringify(unfinished));
  assertEquals(checkpointsIn(config.out), [2, 4, 6]);
  await train(config, { resume: config.out });
  assertEquals(checkpointsIn(config.out), [4, 6]);
});

/** The data with enough development examples for two batches. */
async function longerData(): Promise<string> {
  const [data, longer] = [workspace.data("rte"), workspace.out("longer")];
  await copyFolder(data, longer);
  const [header, ...rows] = (await Deno.readTextFile(`${data}/dev.tsv`)).trimEnd().split("\n");
  const text = [header, ...rows, ...rows, ...rows].map((row) => `${row}\n`).join("");
  await Deno.writeTextFile(`${longer}/dev.tsv`, text);
  return longer;
}

Deno.test("A checkpoint that a signal left within an evaluation is that of the step behind it", async () => {
  const { devLimit: _, ...settings } = { ...whole, data: await longerData() };
  const uninterrupted = workspace.out("not asked");
  await train({ ...settings, out: uninterrupted });
  const out = workspace.out("asked to end");
  const controller = new AbortController();
  const state = async () =>
    JSON.parse(await Deno.readTextFile(`${out}/checkpoint-4/trainer_state.json`));
  // Behind step 4 come an evaluation and a checkpoint.
  const onStep = ({ step }: { step: number }) => step === 4 ? controller.abort() : undefined;
  const stopped = await train({ ...settings, out }, { signal: controller.signal, onStep });
  assert(stopped.aborted);
  assertEquals([checkpointsIn(out), (await state()).evaluated_step], [[2, 4], 0]);
  await train({ ...settings, out }, { resume: out });
  assertEquals((await state()).evaluated_step, 4);
  assertEquals(await contentsOf(out), await contentsOf(uninterrupted));
});
