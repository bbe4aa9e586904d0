import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { seedKey } from "../../../core/random.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import type { LoadOptions } from "../../../nn/models/fill_model.ts";
import { copyFolder } from "../../../train/files/folder.ts";
import { modelFolder } from "../../../train/files/gguf_file.ts";
import { mergeAdapter } from "../../../train/merge/merge.ts";
import { openLanguageModel, readConfig } from "../../../train/run/load_model.ts";
import { loadTokenizer } from "../../../train/run/load_tokenizer.ts";
import { tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";
import { Workspace } from "../../support/workspace.ts";

const golden = decodeURIComponent(new URL("../../golden", import.meta.url).pathname);
const fileOf = (name: string) => `${golden}/gguf/${name}.gguf`;

/** Parameters by path, their types, and logits of two texts. */
async function opened(model: string, options: LoadOptions = {}) {
  const numbers = new Map<string, readonly number[]>();
  const types = new Map<string, string>();
  const matrices = new Set<string>();
  let logits: readonly number[] = [];
  await withDevice("f32", async (device) => {
    const { model: made, report } = await openLanguageModel(model, device, seedKey(1), options);
    assertEquals([report.unexpected, report.ignored, report.initialised], [[], [], []]);
    for (const [path, { value }] of parameters(made)) {
      numbers.set(path, [...await value.read()]);
      types.set(path, value.dtype);
      if (value.shape.length === 2) matrices.add(path);
    }
    const batch = toBatch(device, tinyExamples([5, 3]));
    logits = [...await made.forward({ batch }).logits.read()];
  });
  return { numbers, types, matrices, logits };
}

/** Numbers of matrices as a type has them. */
const rounded: Record<string, (x: number) => number> = {
  gpt2: (x) => x,
  qwen3: (x) => x,
  gemma3: (x) => new Float16Array([x])[0]!,
  llama: (x) => new Float16Array([x])[0]!,
  qwen2(x) {
    const word = new Uint32Array(Float32Array.of(x).buffer)[0]!;
    const upper = (word + 0x7fff + (word >>> 16 & 1)) & 0xffff0000;
    return new Float32Array(Uint32Array.of(upper).buffer)[0]!;
  },
};

for (const [name, round] of Object.entries(rounded)) {
  Deno.test(`a GGUF file of ${name} is the checkpoint it was made of`, async () => {
    const theirs = await opened(`${golden}/${name}-lm/base`);
    const own = await opened(fileOf(name));
    assertEquals([...own.numbers.keys()], [...theirs.numbers.keys()]);
    for (const [path, numbers] of theirs.numbers) {
      // A norm of Gemma is stored as the factor that it is.
      const stored = (x: number) => name === "gemma3" ? Math.fround(Math.fround(x + 1) - 1) : x;
      const expected = numbers.map(theirs.matrices.has(path) ? round : stored);
      assertEquals(own.numbers.get(path), expected, path);
    }
    // GGUF does not say which layers of these models have windows.
    if (name === "qwen2" || name === "gemma3") return;
    const largest = theirs.logits.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    own.logits.forEach((x, i) => assert(Math.abs(x - theirs.logits[i]!) <= 0.02 * largest));
  });
}

Deno.test("matrices of a GGUF file keep their 16 bits, or are quantised, as those of safetensors", async () => {
  for (const name of ["llama", "qwen2", "gpt2"]) {
    const [whole, half] = [await opened(fileOf(name)), await opened(fileOf(name), { half: true })];
    assertEquals([half.numbers, half.logits], [whole.numbers, whole.logits]);
    const kept = { llama: "f16", qwen2: "bf16", gpt2: undefined }[name];
    assertEquals([...half.types.values()].find((type) => type !== "f32"), kept);
    const coded = await opened(fileOf(name), { quantize: "nf4" });
    assert([...coded.types.values()].includes("nf4"));
    assertNotEquals(coded.logits, whole.logits);
  }
});

Deno.test("a folder whose name is that of a GGUF file is a folder", async () => {
  await using workspace = await Workspace.open();
  const folder = workspace.out("model.gguf");
  await copyFolder(workspace.model("gpt2"), folder);
  assertEquals(await readConfig(folder), await readConfig(workspace.model("gpt2")));
  assertEquals((await opened(folder)).logits, (await opened(workspace.model("gpt2"))).logits);
  assert((await loadTokenizer(folder)).encode("near").ids.length > 0);
});

Deno.test("the path of a GGUF file, or of a folder with one, is that of a model", async () => {
  const folders = await Promise.all(["a/b.gguf", "b.gguf", "/b.gguf", "a"].map(modelFolder));
  assertEquals(folders, ["a", ".", "/", "a"]);
  const folder = await Deno.makeTempDir();
  try {
    await Deno.copyFile(fileOf("qwen3"), `${folder}/model-f32.gguf`);
    const read = async (model: string) => JSON.stringify(await readConfig(model));
    assertEquals(await read(folder), await read(fileOf("qwen3")));
    assertEquals((await opened(folder)).logits, (await opened(fileOf("qwen3"))).logits);
    await assertRejects(() => loadTokenizer(folder), FileError, "tokenizer.json beside it");
    const merge = () => mergeAdapter({ model: folder, adapter: folder, out: `${folder}/out` });
    await assertRejects(merge, FileError, "Cannot merge as safetensors of the base are required");
    // A configuration beside the file is stronger than the file's own.
    const config = JSON.parse(await Deno.readTextFile(`${golden}/qwen3-lm/base/config.json`));
    await Deno.writeTextFile(
      `${folder}/config.json`,
      JSON.stringify({ ...config, max_position_embeddings: 77 }),
    );
    assertEquals((await readConfig(`${folder}/model-f32.gguf`)).maxPositions, 77);
    await Deno.copyFile(fileOf("qwen3"), `${folder}/model-again.gguf`);
    await assertRejects(
      () => opened(folder),
      FileError,
      "the path of one is required: found model-again.gguf, model-f32.gguf",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
