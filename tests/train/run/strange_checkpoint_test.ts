/** Checkpoints that belong to other runs, or are damaged. */

import { assertEquals, assertRejects } from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import type { TrainConfig } from "../../../train/config/config.ts";
import { exists } from "../../../train/files/files.ts";
import { train } from "../../../train/train.ts";
import { readAdapter, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

function hiddenKey(changes: Partial<TrainConfig> = {}): TrainConfig {
  return workspace.config("rte", { method: "hiddenkey", ...changes });
}

/** Makes a run of eight steps with checkpoints after three and six. */
async function checkpointed(name: string) {
  const out = workspace.out(name);
  await train(hiddenKey({ saveEvery: 3, out }));
  return { out };
}

const strangers: Record<string, Partial<TrainConfig>> = {
  "other targets": { targets: ["query", "key"] },
  "another rank": { rank: 2 },
  "another task's head": { task: "stsb", data: workspace.data("stsb") },
};
for (const [name, changes] of Object.entries(strangers)) {
  Deno.test(`Resuming with ${name} is a FileError and touches nothing`, async () => {
    const { out } = await checkpointed(`stranger, ${name}`);
    const adapter = await readAdapter(out);
    const metrics = await Deno.readTextFile(`${out}/metrics.jsonl`);
    const run = await Deno.readTextFile(`${out}/run.json`);
    const resume = `${out}/checkpoint-6`;
    const changed = hiddenKey({ ...changes, out });
    await assertRejects(() => train(changed, { resume }), OptionError, "--change");
    await assertRejects(() => train(changed, { resume, change: true }), FileError, "Cannot resume");
    const elsewhere = workspace.out(`stranger elsewhere, ${name}`);
    await assertRejects(
      () => train({ ...changed, out: elsewhere }, { resume, change: true }),
      FileError,
    );
    assertEquals(await exists(elsewhere), false);
    assertEquals(await readAdapter(out), adapter);
    assertEquals(await Deno.readTextFile(`${out}/metrics.jsonl`), metrics);
    assertEquals(await Deno.readTextFile(`${out}/run.json`), run);
  });
}

Deno.test("Resuming from a damaged checkpoint is a FileError", async () => {
  const { out } = await checkpointed("damaged");
  const resume = `${out}/checkpoint-6`;
  const path = `${resume}/optimizer.safetensors`;
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.subarray(0, bytes.length - 5));
  await assertRejects(() => train(hiddenKey(), { resume }), FileError, path);
  await Deno.remove(path);
  await assertRejects(() => train(hiddenKey(), { resume }), FileError, path);
  const state = `${resume}/trainer_state.json`;
  for (const text of ["{}", "null", "[]", "{", '{"global_step":-1}']) {
    await Deno.writeTextFile(state, text);
    await assertRejects(() => train(hiddenKey(), { resume }), FileError, state);
  }
});
