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

Deno.test("A checkpoint that a signal left within an evaluation is that of the step behind it", async () => {
  const config = { ...whole, out: workspace.out("asked to end") };
  const controller = new AbortController();
  // Step 4 has an evaluation and a checkpoint.
  const steps: number[] = [];
  const stopped = await train(config, {
    signal: controller.signal,
    onStep: ({ step }) => void steps.push(step),
    onProgress: () => steps.at(-1) === 4 ? controller.abort() : undefined,
  });
  assert(stopped.aborted);
  assertEquals(checkpointsIn(config.out), [2, 4]);
  await train(config, { resume: config.out });
  assertEquals(await contentsOf(config.out), expected);
});
