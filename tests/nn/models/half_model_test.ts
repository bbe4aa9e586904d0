import { assert, assertEquals } from "@std/assert";
import { encodeFloats, type FloatDtype } from "../../../nn/formats/safetensors_values.ts";
import { encodeSafetensors } from "../../../nn/formats/safetensors_write.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { type Runs, use } from "../../support/model_use.ts";

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

for (const dtype of ["F16", "BF16"] as const) {
  for (const name of ["bert-classification", "llama-lm"]) {
    Deno.test(`a model kept in ${dtype} computes and trains as when widened: ${name}`, async () => {
      const folder = await Deno.makeTempDir();
      try {
        await convert(`${golden}/${name}/base`, folder, dtype);
        const kept = await use(folder, name.startsWith("bert"), { half: true });
        const { bytes, ...widened } = await use(folder, name.startsWith("bert"), {});
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
      const found = await use(given, false, {}, inHalves);
      assertEquals(found, await use(rounded, false, { half: true }, inHalves));
    } finally {
      await Deno.remove(given, { recursive: true });
      await Deno.remove(rounded, { recursive: true });
    }
  });
}
