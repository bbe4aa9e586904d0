import { assert, assertEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { seedKey } from "../../../core/random.ts";
import { sizeOf } from "../../../core/shape.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { encodeFloats, type FloatDtype } from "../../../nn/formats/safetensors_values.ts";
import { encodeSafetensors } from "../../../nn/formats/safetensors_write.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { initialize } from "../../../nn/models/load.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { openClassifier, openLanguageModel } from "../../../train/run/load_model.ts";
import { tinyExamples } from "../../support/tiny_models.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { withDevice } from "../../support/with_device.ts";
import { trainHead } from "../../../nn/models/heads.ts";

const golden = decodeURIComponent(new URL("../../golden", import.meta.url).pathname);

/** Writes a golden model again, with numbers of another type; matrices may have one of their own. */
async function convert(
  base: string,
  folder: string,
  dtype: FloatDtype,
  ofMatrices = dtype,
): Promise<void> {
  using checkpoint = await Checkpoint.open(base);
  const names = [...checkpoint.names()];
  const tensors = await Promise.all(names.map(async (name) => {
    const { shape } = checkpoint.entry(name);
    const own = shape.length === 2 ? ofMatrices : dtype;
    const bytes = encodeFloats(await checkpoint.readFloat(name, "f32"), own);
    return { name, dtype: own, shape, bytes };
  }));
  await Deno.writeFile(`${folder}/model.safetensors`, encodeSafetensors(tensors, { format: "pt" }));
  await Deno.copyFile(`${base}/config.json`, `${folder}/config.json`);
}

/** Runs a body on a device of its own. */
type Runs = (body: (device: Device) => Promise<void>) => Promise<void>;

/** Logits, the bytes of the model, and the losses of three LoRA steps. */
async function use(
  folder: string,
  classifies: boolean,
  half: boolean,
  run: Runs = (body) => withDevice("f32", body),
) {
  const found = { logits: [] as number[], losses: [] as number[], bytes: 0 };
  await run(async (device) => {
    const key = seedKey(3);
    const { model } = classifies
      ? await openClassifier(folder, device, key, undefined, { half })
      : await openLanguageModel(folder, device, key, { half });
    found.bytes = device.backend.statistics.bytes;
    const { logits } = model.forward({ batch: toBatch(device, tinyExamples([5, 3])) });
    found.logits.push(...await logits.read());
    const targets = classifies ? ["query", "value"] : ["q_proj", "v_proj"];
    applyLora(model, { targets, rank: 2, alpha: 4 });
    for (const [path, parameter] of parameters(model)) {
      if (!parameter.filled) initialize(parameter, path, device, key);
    }
    if (classifies) trainHead(model);
    const optimiser = new AdamW(await Trainable.of(model, device));
    for (let step = 0; step < 3; step++) {
      using _step = device.scope("step");
      const examples = tinyExamples([5, 3]).map((example, i) =>
        classifies ? { ...example, label: i } : { ...example, predictFrom: 1 }
      );
      const labelled = toBatch(device, examples, { numbers: [0, 1] });
      const { loss } = trainStep({ model, optimiser }, [labelled], seedKey(step), {
        plan: dropoutPlan("hiddenkey", !classifies),
        lr: 1e-2,
      });
      found.losses.push(await loss.item());
    }
    assert(found.logits.length > 0 && sizeOf(logits.shape) === found.logits.length);
  });
  return found;
}

for (const dtype of ["F16", "BF16"] as const) {
  for (const name of ["bert-classification", "llama-lm"]) {
    Deno.test(`a model kept in ${dtype} computes and trains as when widened: ${name}`, async () => {
      const folder = await Deno.makeTempDir();
      try {
        await convert(`${golden}/${name}/base`, folder, dtype);
        const kept = await use(folder, name.startsWith("bert"), true);
        const { bytes, ...widened } = await use(folder, name.startsWith("bert"), false);
        assertEquals({ logits: kept.logits, losses: kept.losses }, widened);
        assert(kept.bytes < 0.75 * bytes, `${kept.bytes} bytes beside ${bytes}`);
        assert(new Set(kept.losses).size === 3);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}

for (const dtype of ["F32", "F16"] as const) {
  Deno.test(`where activations are bf16, matrices in ${dtype} are those of a file in bf16`, async () => {
    const [given, rounded] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
    try {
      await convert(`${golden}/llama-lm/base`, given, dtype);
      await convert(given, rounded, dtype, "BF16");
      const inHalves: Runs = (body) => withInterpreted({ precision: "bf16" }, body);
      const found = await use(given, false, false, inHalves);
      assertEquals(found, await use(rounded, false, true, inHalves));
    } finally {
      await Deno.remove(given, { recursive: true });
      await Deno.remove(rounded, { recursive: true });
    }
  });
}
