import { assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { seedKey } from "../../../core/random.ts";
import { openLanguageModel } from "../../../train/run/load_model.ts";
import { withDevice } from "../../support/with_device.ts";

const golden = decodeURIComponent(new URL("../../golden/gpt2-lm", import.meta.url).pathname);

Deno.test("openLanguageModel() refuses a folder that holds an adapter beside the model", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const name of ["config.json", "model.safetensors"]) {
      await Deno.copyFile(`${golden}/base/${name}`, `${folder}/${name}`);
    }
    await withDevice("f32", async (device) => {
      const open = () => openLanguageModel(folder, device, seedKey(1));
      assertEquals((await open()).report.initialised, []);
      const path = `${folder}/adapter_config.json`;
      await Deno.copyFile(`${golden}/adapter/adapter_config.json`, path);
      await assertRejects(open, FileError, `${path}: Cannot open base model as a folder without`);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
