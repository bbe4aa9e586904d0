import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { encodeSafetensors } from "../../nn/formats/safetensors_write.ts";
import { parseSafetensors } from "../../nn/formats/weights.ts";
import { mergeAdapter } from "../../train/merge/merge.ts";
import { train } from "../../train/train.ts";
import { Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** The tiny BERT as a masked language model leaves it: without its pooler. */
async function withoutPooler(): Promise<string> {
  const [from, to] = [workspace.model("bert"), workspace.out("without-pooler")];
  await Deno.mkdir(to);
  for (const name of ["config.json", "vocab.txt"]) {
    await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
  const file = parseSafetensors(await Deno.readFile(`${from}/model.safetensors`));
  const names = [...file.names()].filter((name) => !name.includes("pooler"));
  const tensors = await Promise.all(names.map(async (name) => {
    const bytes = new Uint8Array(Float32Array.from(await file.read(name, "f32")).buffer);
    return { name, dtype: "F32", shape: file.shape(name), bytes } as const;
  }));
  await Deno.writeFile(`${to}/model.safetensors`, encodeSafetensors(tensors, { format: "pt" }));
  return to;
}

Deno.test("a BERT without pooler gets one from the seed, which is trained, saved and merged", async () => {
  const model = await withoutPooler();
  const out = workspace.out("pooled");
  const said: string[] = [];
  const ended = await train(workspace.config("stsb", { model, out }), {
    onMessage: (line) => said.push(line),
  });
  const line = said.find((line) => line.includes("the checkpoint has no")) ?? "";
  for (const part of ["bert.pooler.dense.weight", "bert.pooler.dense.bias", "from the seed"]) {
    assert(line.includes(part), `${part} in ${line}`);
  }
  // What is drawn counts with the head.
  assertEquals(ended.trainable, ended.lora + ended.head);
  const { modules_to_save } = JSON.parse(await Deno.readTextFile(`${out}/adapter_config.json`));
  assertEquals(modules_to_save, ["classifier", "score", "bert.pooler.dense"]);
  const saved = parseSafetensors(await Deno.readFile(`${out}/adapter_model.safetensors`));
  assert([...saved.names()].includes("base_model.model.bert.pooler.dense.weight"));

  // It is trained: without a learning rate it stays as it was drawn.
  const drawn = workspace.out("drawn");
  await train(workspace.config("stsb", { model, out: drawn, lr: 0, maxSteps: 1 }));
  const name = "base_model.model.bert.pooler.dense.weight";
  const start = parseSafetensors(await Deno.readFile(`${drawn}/adapter_model.safetensors`));
  const [before, after] = [await start.read(name, "f32"), await saved.read(name, "f32")];
  assert(before.every((x: number, i: number) => x !== after[i]), "every number was changed");

  // Another seed would draw another pooler: that of the adapter counts.
  const still = { model, lr: 0, maxSteps: 1, seed: 5 };
  const begun = await train(workspace.config("stsb", { ...still, adapter: out }));
  for (const [name, value] of Object.entries(ended.metrics)) {
    assertAlmostEquals(begun.metrics[name]!, value, 1e-6, name);
  }
  const { difference } = await mergeAdapter({
    model,
    adapter: out,
    out: workspace.out("merged"),
  });
  assert(difference < 1e-4);
});
