/** What a run folder that comes from elsewhere, or was moved, may decide, and what it may not. */

import { assertEquals, assertMatch } from "@std/assert";
import { savedOptions } from "../../../train/run/open_run.ts";
import { readRun } from "../../../train/run/run_folder.ts";
import { hiddenkey, untimed } from "../../support/cli.ts";
import { namesIn, readAdapter, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

async function trained(name: string): Promise<string> {
  const out = workspace.out(name);
  const { code, err } = await hiddenkey(
    ...["train", "--task=rte", `--data=${workspace.data("rte")}`, "--batch=8", "--max-steps=4"],
    ...[`--model=${workspace.model("bert")}`, "--save-every=2", `--out=${out}`],
  );
  assertEquals([err, code], ["", 0]);
  return out;
}

async function rewrite(run: string, changes: Record<string, unknown>): Promise<void> {
  const path = `${run}/run.json`;
  const saved = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(
    path,
    JSON.stringify({ ...saved, config: { ...saved.config, ...changes } }),
  );
}

Deno.test("A run's file names no library that is loaded, and no folder that is written", async () => {
  const run = await trained("foreign");
  for (const blas of ["auto", "off"]) {
    await rewrite(run, { blas });
    assertEquals(savedOptions(run, await readRun(run)).blas, blas);
  }
  await rewrite(run, { blas: `${workspace.root}/library.so`, out: workspace.out("elsewhere") });
  const options = savedOptions(run, await readRun(run));
  assertEquals([options.blas, options.out], [undefined, run]);
});

Deno.test("A run that was moved is resumed where it lies, and nothing is made where it was", async () => {
  const old = await trained("old");
  const adapter = await readAdapter(old);
  const moved = workspace.out("moved");
  await Deno.rename(old, moved);
  await Deno.remove(`${moved}/adapter_model.safetensors`);
  const { code, out, err } = await hiddenkey("train", "--resume", `${moved}/checkpoint-2`);
  assertEquals([err, code], ["", 0]);
  assertMatch(untimed(out), /^resumed from .*moved\/checkpoint-2 at step 2$/m);
  assertEquals(namesIn(workspace.root).includes("old"), false);
  assertEquals(await readAdapter(moved), adapter);
  const { config } = JSON.parse(
    await Deno.readTextFile(`${moved}/run.json`),
  );
  assertEquals(config.out, moved);
});
