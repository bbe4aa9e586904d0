import { assertEquals } from "@std/assert";
import { foldKey, normal, seedKey } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { encodeAdapter, fillAdapter } from "../../../nn/formats/adapter.ts";
import { applyAdapterConfig } from "../../../nn/formats/peft_apply.ts";
import { type AdapterConfig, parseAdapterConfig } from "../../../nn/formats/peft_config.ts";
import { parseSafetensors } from "../../../nn/formats/weights.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { loraLayers } from "../../../nn/lora/lora.ts";
import { assertClose } from "../../support/differences.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const thirds = [["q", "v"], ["k"], ["q", "k", "v"], ["v", "k"]] as const;

Deno.test("thirds written for PEFT compute what they did, by rank, alpha and rsLoRA", () =>
  withDevice("f64", async (device) => {
    const config = tinyConfig("gpt2");
    for (const some of thirds) {
      for (const rslora of [false, true]) {
        const targets = some.map((third) => `c_attn.${third}`);
        const adapter: AdapterConfig = { targets, rank: 3, alpha: 5, rslora, modulesToSave: [] };
        const model = randomModel(device, config, "language");
        applyLora(model, { targets, rank: 3, alpha: 5, rslora, ranks: { "h.1.attn.c_attn": 2 } });
        for (const [path, parameter] of parameters(model)) {
          if (!path.includes("lora_")) continue;
          // Numbers that 32 bits hold.
          const data = normal(foldKey(seedKey(3), path), parameter.size).map(Math.fround);
          parameter.value = tensor(device, data, parameter.shape);
        }
        const batch = toBatch(device, tinyExamples([5, 3]));
        const wanted = await model.forward({ batch }).logits.read();

        const files = await encodeAdapter(model, adapter);
        const json = JSON.parse(files["adapter_config.json"]);
        assertEquals(json.target_modules, ["c_attn"]);
        assertEquals(json.r, 3 * some.length);
        const read = parseAdapterConfig(json);
        const source = parseSafetensors(files["adapter_model.safetensors"]);
        const again = randomModel(device, config, "language");
        applyAdapterConfig(again, read, source);
        await fillAdapter(again, read, source, device);
        assertClose(await again.forward({ batch }).logits.read(), wanted, 1e-10);
        // What a third does not adapt has no update at all.
        for (const [, layer] of loraLayers(again)) {
          const delta = await layer.delta().read();
          const size = layer.outputs / 3;
          for (const [t, name] of ["q", "k", "v"].entries()) {
            const changed = Array.from(delta).some((x, i) => {
              return Math.floor(i % layer.outputs / size) === t && x !== 0;
            });
            assertEquals(changed, some.some((third) => third === name));
          }
        }
      }
    }
  }));
