import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import { foldKey, normal, seedKey } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { parseConfig } from "../../../nn/models/config.ts";
import { loadModel } from "../../../nn/models/load.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { encodeAdapter, fillAdapter } from "../../../nn/formats/adapter.ts";
import { parseAdapterConfig } from "../../../nn/formats/peft_config.ts";
import { parseSafetensors } from "../../../nn/formats/weights.ts";
import { tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { classifier } from "../../../nn/models/registry.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { encodeSafetensors } from "../../../nn/formats/safetensors_write.ts";
import { trainHead } from "../../../nn/models/heads.ts";

const bytesOf = (...numbers: number[]) => new Uint8Array(numbers);

// 1.5 and -2 as F16 and as BF16.
const file = encodeSafetensors([
  { name: "half", dtype: "F16", shape: [2], bytes: bytesOf(0x00, 0x3e, 0x00, 0xc0) },
  { name: "brain", dtype: "BF16", shape: [2, 1], bytes: bytesOf(0xc0, 0x3f, 0x00, 0xc0) },
  { name: "flag", dtype: "BOOL", shape: [], bytes: bytesOf(1) },
]);

Deno.test("parseSafetensors() gives names, shapes and values in the precision asked for", async () => {
  // Also where the file begins at an odd place in memory.
  const shifted = new Uint8Array(file.length + 1);
  shifted.set(file, 1);
  for (const given of [file, file.buffer, shifted.subarray(1)]) {
    const source = parseSafetensors(given);
    assertEquals([...source.names()].sort(), ["brain", "flag", "half"]);
    assertEquals(source.shape("brain"), [2, 1]);
    for (const name of ["half", "brain"]) {
      assertEquals(await source.read(name, "f32"), Float32Array.of(1.5, -2));
      assertEquals(await source.read(name, "f64"), Float64Array.of(1.5, -2));
    }
  }
});

Deno.test("parseSafetensors() names the file that is cut off and the tensor that is missing", async () => {
  assertThrows(
    () => parseSafetensors(file.subarray(0, -1), "cut.safetensors"),
    FileError,
    "cut.safetensors: Cannot read header",
  );
  const source = parseSafetensors(file, "whole.safetensors");
  const message = "Cannot find tensor other in whole.safetensors";
  assertThrows(() => source.shape("other"), OptionError, message);
  await assertRejects(() => source.read("other", "f32"), OptionError, message);
});

const golden = (name: string) =>
  new URL(`../../golden/bert-classification/base/${name}`, import.meta.url);

const lora = { targets: ["query", "value"], rank: 2, alpha: 4 };
const adapter = { ...lora, taskType: "SEQ_CLS", modulesToSave: ["classifier"] };

Deno.test("loadModel() refuses two tensors of one parameter", () =>
  withDevice("f32", async (device) => {
    const config = parseConfig(JSON.parse(await Deno.readTextFile(golden("config.json"))));
    const source = parseSafetensors(await Deno.readFile(golden("model.safetensors")), "m");
    for (const second of ["embeddings.LayerNorm.weight", "bert.embeddings.LayerNorm.gamma"]) {
      const both = { ...source, names: () => [...source.names(), second] };
      await assertRejects(
        () => loadModel(classifier(config), both, device, seedKey(1)),
        FileError,
        "Cannot use tensor bert.embeddings.LayerNorm.weight as bert.embeddings.LayerNorm.weight " +
          `requires one tensor: found ${second} too`,
      );
    }
  }));

Deno.test("an adapter of encodeAdapter() brings another model to the same logits", () =>
  withDevice("f32", async (device) => {
    const config = parseConfig(JSON.parse(await Deno.readTextFile(golden("config.json"))));
    const base = await Deno.readFile(golden("model.safetensors"));
    const batch = toBatch(device, tinyExamples([5, 3]));
    const open = async (seed: number) => {
      const model = classifier(config);
      applyLora(model, lora);
      await loadModel(model, parseSafetensors(base), device, seedKey(seed));
      return { model, logits: async () => await model.forward({ batch }).logits.read() };
    };
    const trained = await open(1);
    trainHead(trained.model);
    for (const [path, parameter] of parameters(trained.model)) {
      if (!parameter.trainable) continue;
      const values = normal(foldKey(seedKey(2), path), parameter.size);
      parameter.value = tensor(device, values, parameter.shape);
    }
    const files = await encodeAdapter(trained.model, adapter);
    const other = await open(3);
    assertNotEquals(await other.logits(), await trained.logits());
    const read = parseAdapterConfig(JSON.parse(files["adapter_config.json"]));
    const { targets, rank, alpha, rslora } = read;
    assertEquals({ targets, rank, alpha, rslora }, { ...lora, rslora: false });
    const weights = parseSafetensors(files["adapter_model.safetensors"]);
    await fillAdapter(other.model, read, weights, device);
    assertEquals(await other.logits(), await trained.logits());
    assert(
      [...parameters(other.model)].every(([path, { trainable }]) =>
        trainable === /lora_|classifier/.test(path)
      ),
    );
    const { "adapter_model.safetensors": bytes } = files;
    await assertRejects(
      () => fillAdapter(classifier(config), read, parseSafetensors(bytes, "a.safetensors"), device),
      FileError,
      "a.safetensors: Cannot place tensor base_model.model.bert.",
    );
  }));
