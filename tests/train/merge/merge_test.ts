import { assert, assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import {
  encodeFloats,
  type FloatDtype,
  toFloat32,
} from "../../../nn/formats/safetensors_values.ts";
import type { TensorData } from "../../../nn/formats/safetensors_write.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { mergeAdapter, type MergeReport } from "../../../train/merge/merge.ts";
import { tensors } from "../../support/cli_cases.ts";
import { namesIn, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const golden = decodeURIComponent(new URL("../../golden", import.meta.url).pathname);
const cases = ["bert-classification", "gpt2-lm", "llama-lm", "roberta-regression-rslora"];

/** A fresh folder of the workspace. */
let folders = 0;
const folder = () => `${workspace.root}/merge-${folders++}`;

/** A copy of a golden base model with its tensors and configuration changed. */
async function changedBase(
  name: string,
  change: (tensor: TensorData) => TensorData[],
  fields: Record<string, unknown> = {},
): Promise<string> {
  const [base, copy] = [`${golden}/${name}/base`, folder()];
  await Deno.mkdir(copy);
  const config = JSON.parse(await Deno.readTextFile(`${base}/config.json`));
  await Deno.writeTextFile(`${copy}/config.json`, JSON.stringify({ ...config, ...fields }));
  await Deno.writeFile(`${copy}/model.safetensors`, await tensors(base, change));
  return copy;
}

const adapterOf = (name: string) => `${golden}/${name}/adapter`;

async function merged(
  name: string,
  model: string,
  dtype?: FloatDtype,
): Promise<MergeReport & { out: string }> {
  const out = folder();
  const asked = dtype === undefined ? {} : { dtype };
  return { ...await mergeAdapter({ model, adapter: adapterOf(name), out, ...asked }), out };
}

const readConfig = async (path: string) =>
  JSON.parse(await Deno.readTextFile(`${path}/config.json`));

/** Bytes of each tensor. */
async function bytesIn(path: string): Promise<Map<string, Uint8Array>> {
  using file = await Checkpoint.open(path);
  const entries = file.names().map(async (name) => [name, await file.read(name)] as const);
  return new Map(await Promise.all(entries));
}

for (const name of cases) {
  Deno.test(`mergeAdapter() changes what the adapter of ${name} changes, and no other byte`, async () => {
    const base = `${golden}/${name}/base`;
    const { out, difference, largest, tensors: count, changed, leftOut } = await merged(name, base);
    assertLessOrEqual(difference, 1e-5 * largest);
    assertEquals(leftOut, []);
    const [before, after] = [await bytesIn(base), await bytesIn(out)];
    assertEquals([...after.keys()], [...before.keys()]);
    assertEquals(after.size, count);
    const different = [...after].filter(([key, bytes]) =>
      bytes.some((b, i) => b !== before.get(key)![i])
    );
    assertEquals(different.length, changed);
    assert(different.every(([key]) => /^classifier|\.weight$/.test(key)));
    assertEquals(
      { ...await readConfig(out), id2label: 0, label2id: 0 },
      { ...await readConfig(base), id2label: 0, label2id: 0 },
    );
    assertEquals(namesIn(out), namesIn(base));
    using file = await Checkpoint.open(out);
    assertEquals(file.metadata.get("format"), "pt");
  });
}

const converted = (dtype: FloatDtype) => (tensor: TensorData): TensorData[] => [{
  ...tensor,
  dtype,
  bytes: encodeFloats(toFloat32(tensor.bytes, tensor.dtype), dtype),
}];

for (const dtype of ["F16", "BF16", "F64"] as const) {
  Deno.test(`mergeAdapter() keeps ${dtype}, or writes it where it is asked for`, async () => {
    const name = "llama-lm";
    const base = await changedBase(name, converted(dtype));
    const kept = await merged(name, base);
    const asked = await merged(name, `${golden}/${name}/base`, dtype);
    // The unit of rounding of each type, with room for the depth of the model.
    const unit = { F16: 2 ** -11, BF16: 2 ** -8, F64: 2 ** -24 }[dtype];
    for (const { out, difference, largest } of [kept, asked]) {
      assertLessOrEqual(difference, 8 * unit * largest);
      // Where weights are rounded, the logits of what was written are not those of before.
      if (dtype !== "F64") assert(difference > unit / 64 * largest, `${difference}`);
      using file = await Checkpoint.open(out);
      for (const key of file.names()) assertEquals(file.entry(key).dtype, dtype, key);
    }
    const [before, after] = [await bytesIn(base), await bytesIn(kept.out)];
    const same = [...after].filter(([key, bytes]) =>
      bytes.every((b, i) => b === before.get(key)![i])
    );
    assertEquals(same.length, after.size - kept.changed);
    assertEquals((await readConfig(kept.out)).dtype, "float32");
    const named = { F16: "float16", BF16: "bfloat16", F64: "float64" }[dtype];
    assertEquals((await readConfig(asked.out)).dtype, named);
  });
}

Deno.test("mergeAdapter() writes names in full where a head joins a base without one", async () => {
  const name = "bert-classification";
  const base = await changedBase(name, (tensor) => {
    if (tensor.name.startsWith("classifier.")) return [];
    const short = tensor.name.replace("bert.", "").replace("LayerNorm.weight", "LayerNorm.gamma");
    return [{ ...tensor, name: short.replace("LayerNorm.bias", "LayerNorm.beta") }];
  }, { architectures: ["BertModel"], num_labels: 7 });
  const { out, difference, largest } = await merged(name, base);
  assertLessOrEqual(difference, 1e-5 * largest);
  assertEquals(
    [...(await bytesIn(out)).keys()],
    [...(await bytesIn(`${golden}/${name}/base`)).keys()],
  );
  const { architectures, id2label, label2id, num_labels } = await readConfig(out);
  assertEquals(architectures, ["BertForSequenceClassification"]);
  assertEquals([id2label, label2id], [{ 0: "LABEL_0", 1: "LABEL_1" }, { LABEL_0: 0, LABEL_1: 1 }]);
  assertEquals(num_labels, undefined);
});

Deno.test("mergeAdapter() keeps a base model's short and old names where no head is added", async () => {
  const name = "gpt2-lm";
  const mask = { dtype: "BOOL", shape: [1], bytes: new Uint8Array(1) } as const;
  const base = await changedBase(name, (tensor) => {
    const short = { ...tensor, name: tensor.name.replace("transformer.", "") };
    return short.name === "h.0.ln_1.bias" ? [short, { ...mask, name: "h.0.attn.bias" }] : [short];
  });
  const { out, difference, largest, leftOut } = await merged(name, base);
  assertLessOrEqual(difference, 1e-5 * largest);
  const names = [...(await bytesIn(out)).keys()];
  assertEquals(names.filter((key) => key.startsWith("transformer.")), []);
  assertEquals([names.includes("h.0.attn.c_attn.weight"), leftOut], [true, ["h.0.attn.bias"]]);
});

Deno.test("mergeAdapter() unties what the adapter unties", async () => {
  const adapter = folder();
  await Deno.mkdir(adapter);
  const from = `${golden}/gpt2-lm/adapter`;
  const fields = JSON.parse(await Deno.readTextFile(`${from}/adapter_config.json`));
  await Deno.writeTextFile(
    `${adapter}/adapter_config.json`,
    JSON.stringify({ ...fields, modules_to_save: ["lm_head"] }),
  );
  const values = Float32Array.from({ length: 40 * 12 }, (_, i) => Math.sin(i));
  const head: TensorData = {
    name: "base_model.model.lm_head.weight",
    dtype: "F32",
    shape: [40, 12],
    bytes: new Uint8Array(values.buffer),
  };
  let added = false;
  await Deno.writeFile(
    `${adapter}/adapter_model.safetensors`,
    await tensors(`${from}/adapter_model.safetensors`, (tensor) => {
      return added ? [tensor] : (added = true, [tensor, head]);
    }),
  );
  const out = folder();
  const model = `${golden}/gpt2-lm/base`;
  const { difference, largest } = await mergeAdapter({ model, adapter, out });
  assertLessOrEqual(difference, 1e-5 * largest);
  assertEquals((await readConfig(out)).tie_word_embeddings, false);
  assertEquals((await bytesIn(out)).get("lm_head.weight"), head.bytes);
});

Deno.test("mergeAdapter() leaves nothing behind where it fails", async () => {
  const name = "roberta-regression-rslora";
  const attempt = async (model: string, adapter: string, message: string, dtype?: FloatDtype) => {
    const out = folder();
    const options = { model, adapter, out, ...(dtype && { dtype }) };
    await assertRejects(() => mergeAdapter(options), Error, message);
    const left = namesIn(workspace.root).filter((entry) =>
      `${workspace.root}/${entry}`.startsWith(out)
    );
    assertEquals(left, []);
  };
  const base = `${golden}/${name}/base`;
  await attempt(base, adapterOf("llama-lm"), "found none for");
  await attempt(`${golden}/llama-lm/base`, adapterOf(name), "found none for");
  await attempt(base, `${golden}/none`, "nothing there");
  const large = await changedBase(name, (tensor) => {
    if (!tensor.name.endsWith("word_embeddings.weight")) return [tensor];
    const bytes = tensor.bytes.slice();
    new DataView(bytes.buffer).setFloat32(0, 70000, true);
    return [{ ...tensor, bytes }];
  });
  await attempt(large, adapterOf(name), "word_embeddings.weight to F16 as at most 65504", "F16");
  const headless = await changedBase(
    "bert-classification",
    (tensor) => tensor.name.startsWith("classifier.") ? [] : [tensor],
  );
  const bare = folder();
  await Deno.mkdir(bare);
  const config = JSON.parse(
    await Deno.readTextFile(`${adapterOf("bert-classification")}/adapter_config.json`),
  );
  const fields = { ...config, task_type: null, modules_to_save: null };
  await Deno.writeTextFile(`${bare}/adapter_config.json`, JSON.stringify(fields));
  await Deno.writeFile(
    `${bare}/adapter_model.safetensors`,
    await tensors(
      `${adapterOf("bert-classification")}/adapter_model.safetensors`,
      (tensor) => tensor.name.includes("classifier") ? [] : [tensor],
    ),
  );
  await attempt(headless, bare, "base or adapter must hold classifier.weight");
  const taken = folder();
  await Deno.mkdir(taken);
  await Deno.writeTextFile(`${taken}/x`, "");
  await assertRejects(
    () => mergeAdapter({ model: base, adapter: adapterOf(name), out: taken }),
    FileError,
    "found x",
  );
});
