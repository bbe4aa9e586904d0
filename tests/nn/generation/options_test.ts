import { assertRejects } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { generate, type GenerateOptions } from "../../../nn/generation/generate.ts";
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
