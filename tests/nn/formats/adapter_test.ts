import { assertEquals } from "@std/assert";
import { encodeAdapter } from "../../../nn/formats/adapter.ts";
import type { AdapterConfig } from "../../../nn/formats/peft_config.ts";
import { parseSafetensors } from "../../../nn/formats/weights.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { architectureOf } from "../../../nn/models/registry.ts";
import {
  type ArchitectureName,
  architectureNames,
  fillRandomly,
  randomModel,
  tinyConfig,
} from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const ofRoberta = [
  ...["classifier.dense.weight", "classifier.dense.bias"],
  ...["classifier.out_proj.weight", "classifier.out_proj.bias"],
];

const heads: Record<ArchitectureName, readonly string[]> = {
  bert: ["classifier.weight", "classifier.bias"],
  roberta: ofRoberta,
  mpnet: ofRoberta,
  "deberta-v2": ["classifier.weight", "classifier.bias"],
  gpt2: ["score.weight"],
  llama: ["score.weight"],
  qwen2: ["score.weight"],
  qwen3: ["score.weight"],
  smollm3: ["score.weight"],
  mistral: ["score.weight"],
  gemma3_text: ["score.weight"],
  phi: ["score.weight"],
  phi3: ["score.weight"],
  modernbert: ["classifier.weight", "classifier.bias"],
};

for (const architecture of architectureNames) {
  Deno.test(`an adapter of ${architecture} holds updates and head, declared or not, and says how`, () =>
    withDevice("f32", async (device) => {
      const config = tinyConfig(architecture);
      for (const modulesToSave of [[], ["classifier", "score"]]) {
        const model = randomModel(device, config, "classifier");
        const { targets } = architectureOf(config);
        applyLora(model, { targets, rank: 2, alpha: 6 });
        fillRandomly(model, device);
        const adapter: AdapterConfig = {
          targets: [...targets],
          rank: 2,
          alpha: 6,
          modulesToSave,
          taskType: "SEQ_CLS",
          baseModel: "org/base",
          revision: "abc",
        };
        const files = await encodeAdapter(model, adapter, 0.25);
        const names = [...parseSafetensors(files["adapter_model.safetensors"]).names()]
          .map((name) => name.replace("base_model.model.", ""));
        const others = names.filter((name) => !/\.lora_[AB]\.weight$/.test(name));
        assertEquals(others.sort(), heads[architecture].toSorted());
        // Two layers, with A and B of each target; thirds of GPT-2 are one update.
        const updates = architecture === "gpt2" ? 2 * 2 : 2 * 2 * targets.length;
        assertEquals(names.length - others.length, updates);
        const json = JSON.parse(files["adapter_config.json"]);
        assertEquals(json.fan_in_fan_out, architecture === "gpt2");
        assertEquals(json.modules_to_save, modulesToSave.length === 0 ? null : modulesToSave);
        const { task_type, base_model_name_or_path, revision, lora_dropout, bias } = json;
        assertEquals([task_type, base_model_name_or_path, revision, lora_dropout, bias], [
          "SEQ_CLS",
          "org/base",
          "abc",
          0.25,
          "none",
        ]);
        assertEquals([json.peft_type, json.inference_mode, json.use_rslora], ["LORA", true, false]);
      }
    }));
}
