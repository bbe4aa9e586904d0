import { assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { seedKey } from "../../../core/random.ts";
import { openLanguageModel, readConfig } from "../../../train/run/load_model.ts";
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

Deno.test("texts end at the tokens of generation_config.json, where it names any", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.copyFile(`${golden}/base/config.json`, `${folder}/config.json`);
    const own = (await readConfig(folder)).eosIds;
    for (
      const [text, expected] of [
        ["{}", own],
        ['{"do_sample": true}', own],
        ['{"eos_token_id": [5, 7]}', [5, 7]],
        ['{"eos_token_id": 9}', [9]],
        ['{"eos_token_id": null}', []],
      ] as const
    ) {
      await Deno.writeTextFile(`${folder}/generation_config.json`, text);
      assertEquals((await readConfig(folder)).eosIds, expected, text);
    }
    await Deno.writeTextFile(`${folder}/generation_config.json`, '{"eos_token_id": "</s>"}');
    const path = `${folder}/generation_config.json`;
    await assertRejects(
      () => readConfig(folder),
      FileError,
      `${path}: Cannot use eos_token_id of this configuration as token numbers are required`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
