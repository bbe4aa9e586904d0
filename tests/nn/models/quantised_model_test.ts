import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { quantisedFormats } from "../../../core/dtype.ts";
import { seedKey } from "../../../core/random.ts";
import { encodeFloats } from "../../../nn/formats/safetensors_values.ts";
import { encodeSafetensors } from "../../../nn/formats/safetensors_write.ts";
import { parameters } from "../../../nn/layers/module.ts";
import type { LoadOptions } from "../../../nn/models/fill_model.ts";
import { openClassifier, openLanguageModel } from "../../../train/run/load_model.ts";
import { type Runs, use } from "../../support/model_use.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { withDevice } from "../../support/with_device.ts";

const golden = decodeURIComponent(new URL("../../golden", import.meta.url).pathname);

/** Types of a model's parameters by path, and its numbers as a checkpoint of floats. */
async function opened(folder: string, classifies: boolean, options: LoadOptions) {
  const types = new Map<string, string>();
  let file = new Uint8Array();
  await withDevice("f32", async (device) => {
    const { model } = classifies
      ? await openClassifier(folder, device, seedKey(3), undefined, options)
      : await openLanguageModel(folder, device, seedKey(3), options);
    const tensors = [];
    for (const [name, { value }] of parameters(model)) {
      types.set(name, value.dtype);
      const bytes = encodeFloats(await value.read() as Float32Array, "F32");
      tensors.push({ name, dtype: "F32" as const, shape: value.shape, bytes });
    }
    file = encodeSafetensors(tensors, { format: "pt" });
  });
  return { types, file };
}

const cases = ["bert-classification", "gpt2-lm", "llama-lm", "gemma3-lm"];
for (const name of cases) {
  for (const quantize of quantisedFormats) {
    const [base, classifies] = [`${golden}/${name}/base`, name.startsWith("bert")];
    Deno.test(`a model in ${quantize} computes and trains as one of the numbers of its codes: ${name}`, async () => {
      const { types, file } = await opened(base, classifies, { quantize });
      const quantised = [...types].filter(([, dtype]) => dtype === quantize).map(([path]) => path);
      const isInside = (path: string) => /\.\d+\..*weight$/.test(path) && !/norm|ln_/i.test(path);
      assertEquals(quantised, [...types.keys()].filter(isInside));
      assert(quantised.length >= 8);
      const folder = await Deno.makeTempDir();
      try {
        await Deno.copyFile(`${base}/config.json`, `${folder}/config.json`);
        await Deno.writeFile(`${folder}/model.safetensors`, file);
        const own = await use(base, classifies, { quantize });
        const wide = await use(folder, classifies, {});
        const [logits, losses] = [own.logits, own.losses];
        assertEquals({ logits, losses }, { logits: wide.logits, losses: wide.losses });
        assert(new Set(losses).size === 3);
        assertNotEquals(logits, (await use(base, classifies, {})).logits);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}

Deno.test("a model in nf4 trains on a card that stores activations in bf16", async () => {
  const inHalves: Runs = (body) => withInterpreted({ precision: "bf16" }, body);
  const { losses } = await use(`${golden}/llama-lm/base`, false, { quantize: "nf4" }, inHalves);
  const whole = await use(`${golden}/llama-lm/base`, false, { quantize: "nf4" });
  losses.forEach((loss, i) => assert(Math.abs(loss - whole.losses[i]!) < 0.02 * loss, `${losses}`));
});
