import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { generate } from "../../../nn/generation/generate.ts";
import type { GenerateOptions } from "../../../nn/generation/generate_options.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

Deno.test("generate() refuses options of another type than theirs", () =>
  withDevice("f32", async (device) => {
    const model = randomModel(device, tinyConfig("gpt2"), "language");
    const refuse = (change: Record<string, unknown>, message: string, prompt: unknown = [1]) => {
      const options = { newTokens: 2, positions: 16, ...change } as unknown as GenerateOptions;
      const run = () => generate(model, device, [prompt as number[]], options);
      return assertRejects(run, OptionError, message);
    };
    await refuse({ beamConvention: "fast" }, 'one of hf, lora is required: found "fast"');
    await refuse({ earlyStopping: "soon" }, "true, false or never is required");
    await refuse({ eosIds: 3 }, "eosIds as a list of tokens is required: found 3");
    await refuse({ positions: undefined }, "positions as an integer of at least 2");
    await refuse({ beams: "2" }, 'beams as an integer of at least 1 is required: found "2"');
    await refuse({}, "1 to 15 tokens are required: found null", null);
  }));

Deno.test("generate() takes transformers' defaults for what is not said", () =>
  withDevice("f64", async (device) => {
    const model = randomModel(device, tinyConfig("gpt2"), "language", 3);
    const prompts = [[3, 9, 4], [7], [20, 1, 1, 15, 6]];
    const run = (some: Partial<GenerateOptions>) =>
      generate(model, device, prompts, {
        newTokens: 6,
        positions: 16,
        beams: 3,
        eosIds: [22, 5],
        ...some,
      });
    const made = await run({});
    const defaults: Partial<GenerateOptions> = {
      lengthPenalty: 1,
      noRepeatNgram: 0,
      repetitionPenalty: 1,
      beamConvention: "hf",
      earlyStopping: false,
    };
    assertEquals(await run(defaults), made);
    const least = await generate(model, device, prompts, { newTokens: 6, positions: 16 });
    assertEquals(await run({ beams: 1, eosIds: [] }), least);
    for (const lengthPenalty of [0, 2]) assertNotEquals(await run({ lengthPenalty }), made);
  }));
