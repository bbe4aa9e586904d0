import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { foldKey, normal, seedKey } from "../../../core/random.ts";
import type { Device } from "../../../core/device.ts";
import { tensor } from "../../../core/tensor.ts";
import { loraLayers } from "../../../nn/lora/lora.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { loadAdapter, saveAdapter } from "../../../train/run/adapter.ts";
import { encodeAdapter, fillAdapter } from "../../../nn/formats/adapter.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { parseAdapterConfig } from "../../../nn/formats/peft_config.ts";
import { applyAdapterConfig } from "../../../nn/formats/peft_apply.ts";
import { declaredBy, isUpdate } from "../../../nn/formats/peft_tensors.ts";
import { parseSafetensors } from "../../../nn/formats/weights.ts";
import { openClassifier } from "../../../train/run/load_model.ts";
import { adapterCases } from "../../support/adapter_cases.ts";
import { tensors } from "../../support/cli_cases.ts";
import {
  type ArchitectureName,
  randomModel,
  tinyConfig,
  tinyExamples,
} from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import type { Model } from "../../../nn/models/model.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import type { TensorData } from "../../../nn/formats/safetensors_write.ts";

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A tiny model, always the same, as a classifier or a language model. */
function open(architecture: ArchitectureName, language: boolean, device: Device) {
  const config = tinyConfig(architecture);
  const model = language
    ? randomModel(device, config, "language")
    : randomModel(device, config, "classifier");
  return { config, model };
}

async function logitsOf(model: Model, device: Device) {
  using _scope = device.scope("logits");
  const batch = toBatch(device, tinyExamples([5, 3]));
  return [...await model.forward({ batch }).logits.read()];
}

for (const { what, architecture, config: adapter, lora = {}, whole } of adapterCases) {
  Deno.test(`an adapter comes back from its folder and from bytes: ${what}`, () =>
    withFolder((folder) =>
      withDevice("f32", async (device) => {
        const language = adapter.taskType === "CAUSAL_LM";
        const { model } = open(architecture, language, device);
        const ties = ["lm_head", "wte"];
        const untied = [adapter.targets, adapter.modulesToSave].flat()
          .some((name) => ties.includes(name));
        if (untied) model.untie();
        const { rank, alpha, rslora = false } = adapter;
        const targets = [adapter.targets].flat();
        applyLora(model, { targets, rank, alpha, rslora, ...lora });
        const isDeclared = declaredBy(adapter, new Set(loraLayers(model).map(([path]) => path)));
        for (const [path, parameter] of parameters(model)) {
          if (!isDeclared(path)) continue;
          const values = normal(foldKey(seedKey(9), path), parameter.size).map((x) => x / 4);
          parameter.value = tensor(device, values, parameter.shape);
        }
        await saveAdapter(model, adapter, folder, 0);
        using file = await Checkpoint.open(`${folder}/adapter_model.safetensors`);
        const names = file.names().map((name) => name.replace("base_model.model.", ""));
        assertEquals(names.filter((name) => !isUpdate(name)).sort(), whole.toSorted());

        const again = open(architecture, language, device);
        const before = await logitsOf(again.model, device);
        const loaded = await loadAdapter(again.model, folder, device);
        assertEquals(loaded.bias, adapter.bias ?? "none");
        const after = await logitsOf(again.model, device);
        assertEquals(after, await logitsOf(model, device));
        assertNotEquals(after, before);
        const trained = [...parameters(again.model)].filter(([, { trainable }]) => trainable);
        assertEquals(trained.length, names.length);

        const third = open(architecture, language, device);
        const files = await encodeAdapter(model, adapter);
        const read = parseAdapterConfig(JSON.parse(files["adapter_config.json"]));
        assertEquals(read, loaded);
        const source = parseSafetensors(files["adapter_model.safetensors"]);
        applyAdapterConfig(third.model, read, source);
        await fillAdapter(third.model, read, source, device);
        assertEquals(await logitsOf(third.model, device), after);
      })
    ));
}

const golden = decodeURIComponent(new URL("../../golden", import.meta.url).pathname);
const prefix = "base_model.model.";

/** Loads BERT's golden adapter with its configuration and tensors changed. */
async function loadChanged(
  fields: Record<string, unknown>,
  change: (tensor: TensorData) => TensorData[],
): Promise<void> {
  await withFolder(async (folder) => {
    const from = `${golden}/bert-classification/adapter`;
    const config = JSON.parse(await Deno.readTextFile(`${from}/adapter_config.json`));
    await Deno.writeTextFile(
      `${folder}/adapter_config.json`,
      JSON.stringify({ ...config, ...fields }),
    );
    await Deno.writeFile(
      `${folder}/adapter_model.safetensors`,
      await tensors(`${from}/adapter_model.safetensors`, change),
    );
    await withDevice("f32", async (device) => {
      const base = `${golden}/bert-classification/base`;
      const { model } = await openClassifier(base, device, seedKey(1));
      await loadAdapter(model, folder, device);
    });
  });
}

const drop = (ending: string) => (tensor: TensorData) =>
  tensor.name.endsWith(ending) ? [] : [tensor];
const rename = (ending: string, to: string) => (tensor: TensorData) =>
  tensor.name.endsWith(ending)
    ? [tensor, { ...tensor, name: tensor.name.replace(ending, to) }]
    : [tensor];

const faults: readonly [
  what: string,
  message: string,
  fields: Record<string, unknown>,
  change: (tensor: TensorData) => TensorData[],
][] = [
  [
    "a head that is missing",
    `${prefix}classifier.weight, which the adapter declares`,
    {},
    drop(
      "classifier.weight",
    ),
  ],
  [
    "a head that is missing though undeclared",
    `${prefix}classifier.weight, which the adapter declares`,
    { modules_to_save: null },
    drop("classifier.weight"),
  ],
  [
    "half an update",
    "layer.1.output.dense.lora_B.weight, which the adapter declares",
    {},
    drop("layer.1.output.dense.lora_B.weight"),
  ],
  ["biases that are missing", "LayerNorm.bias, which the adapter declares", { bias: "all" }, (
    tensor,
  ) => [tensor]],
  [
    "a tensor without a place",
    `Cannot place tensor ${prefix}classifier.gain as the model has no classifier.gain`,
    {},
    rename("classifier.weight", "classifier.gain"),
  ],
  [
    "two tensors for one place",
    "as another one is for classifier.bias",
    {},
    rename("classifier.bias", "classifier.base_layer.bias"),
  ],
  [
    "a name without PEFT's prefix, which PEFT passes over",
    `Cannot place tensor classifier.bias as a name in ${prefix} is required`,
    {},
    (tensor) => [{ ...tensor, name: tensor.name.replace(/^.*(?=classifier.bias$)/, "") }],
  ],
  ["a rank that differs from its tensors", "as shape [3,12] is required: found [2,12]", {
    rank_pattern: { "layer.0.attention.self.key": 3 },
  }, (tensor) => [tensor]],
  [
    "a saved module that the model lacks",
    'modules_to_save of this adapter as a module of this model is required: found "qa_outputs"',
    { modules_to_save: ["qa_outputs"] },
    (tensor) => [tensor],
  ],
];
for (const [what, message, fields, change] of faults) {
  Deno.test(`loadAdapter() refuses ${what}`, async () => {
    await assertRejects(() => loadChanged(fields, change), FileError, message);
  });
}

Deno.test("loadAdapter() passes over the biases that PEFT repeats for a head", async () => {
  await loadChanged(
    {},
    (tensor) =>
      ["original_module", "modules_to_save.default", "modules_to_save"].reduce(
        (list, name) => list.concat(rename("classifier.bias", `classifier.${name}.bias`)(tensor)),
        [] as TensorData[],
      ).filter(({ name }, i, all) => all.findIndex((other) => other.name === name) === i),
  );
});

Deno.test("loadAdapter() names the file that is missing", async () => {
  await withFolder(async (folder) => {
    await Deno.copyFile(
      `${golden}/gpt2-lm/adapter/adapter_config.json`,
      `${folder}/adapter_config.json`,
    );
    await withDevice("f32", async (device) => {
      const { model } = open("gpt2", true, device);
      const load = () => loadAdapter(model, folder, device);
      await assertRejects(load, FileError, "Cannot find adapter_model.safetensors");
    });
  });
});
