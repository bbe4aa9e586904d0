import { assert, assertEquals } from "@std/assert";
import { seedKey } from "../../../core/random.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { loraLayers } from "../../../nn/lora/lora.ts";
import { addAdapter } from "../../../train/run/adapter.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

Deno.test("addAdapter() adapts what is named, but nothing that is saved whole", () =>
  withDevice("f64", async (device) => {
    const config = tinyConfig("roberta");
    const model = randomModel(device, config, "classifier");
    const modulesToSave = ["classifier", "score"];
    const adapter = { targets: ["dense"], rank: 2, alpha: 4, modulesToSave };
    addAdapter(model, adapter, device, seedKey(1));
    const paths = loraLayers(model).map(([path]) => path);
    assertEquals(paths.length, 3 * config.layers);
    assert(paths.every((path) => path.startsWith("roberta.encoder.layer.")));
    // A is drawn, B is zero: the model computes what it did.
    for (const [path, { value, trainable }] of parameters(model)) {
      if (!path.includes("lora_")) continue;
      const values = new Set(await value.read());
      assertEquals([trainable, values.has(0), values.size === 1], [
        true,
        path.includes("lora_B"),
        path.includes("lora_B"),
      ]);
    }
  }));
