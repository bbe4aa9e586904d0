import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { IndexError, OptionError } from "../../../core/errors.ts";
import { generate } from "../../../nn/generation/generate.ts";
import { type EncodedExample, toBatch } from "../../../nn/layers/batch.ts";
import { Embedding } from "../../../nn/layers/linear.ts";
import type { Model } from "../../../nn/models/model.ts";
import { tensor } from "../../../core/tensor.ts";
import { architectureNames, randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

async function refusesStrays(device: Device): Promise<void> {
  for (const name of architectureNames) {
    using _scope = device.scope(name);
    const config = tinyConfig(name);
    const model: Model = config.causal
      ? randomModel(device, config, "language")
      : randomModel(device, config, "classifier");
    const run = (examples: EncodedExample[], padId = 1) =>
      model.forward({ batch: toBatch(device, examples, { padId }) });
    const refuse = (examples: EncodedExample[], text: string, padId?: number) =>
      assertThrows(() => run(examples, padId), IndexError, text);
    const logits = await run([{ ids: [22, 0] }]).logits.read();
    assert(logits.every(Number.isFinite));
    refuse(
      [{ ids: [1] }, { ids: [5, 23] }],
      "Cannot embed token 23 of 23 as the token table has 0 to 22: found at token 1 of sequence 1",
    );
    refuse([{ ids: [2 ** 31] }], "token 2147483648 of 23");
    refuse([{ ids: [1] }, { ids: [2, 3] }], "at token 1 of sequence 0, which is padding", 23);
    run([{ ids: [1, 2] }, { ids: [2, 3] }], 23); // nothing is padded
    const long = { ids: new Array<number>(17).fill(1) };
    refuse([long], "Cannot embed position 16 of 16 as the position table has 0 to 15");
    const typed = [{ ids: [5, 6], typeIds: [0, 2] }];
    if (name === "bert") refuse(typed, "segment 2 of 2 as the segment table has 0 to 1");
    else if (name === "roberta") refuse(typed, "segment 2 of 1 as the segment table has 0 alone");
    else run(typed); // neither decoders nor MPNet have segments
  }
}

Deno.test("a batch's numbers beyond the tables of a model are refused by name", () =>
  withDevice("f64", refusesStrays));
webGpuTest("a batch's numbers beyond the tables of a model are refused by name", refusesStrays);

Deno.test("generate() names the prompt and the number", () =>
  withDevice("f32", async (device) => {
    const model = randomModel(device, tinyConfig("llama"), "language");
    const options = { newTokens: 2, positions: 16 };
    const failed = (prompts: number[][]) =>
      generate(model, device, prompts, options).then(() => "nothing", String);
    assertEquals(
      await failed([[1], [23]]),
      "IndexError: Cannot embed token 23 of 23 as the token table has 0 to 22: found at token 0 of " +
        "sequence 1",
    );
    assertEquals(
      await failed([[1], []]),
      "OptionError: Cannot continue prompt 1 as 1 to 15 tokens are required: found 0",
    );
  }));

Deno.test("Embedding refuses a row that it has not", () =>
  withDevice("f32", (device) => {
    const embedding = new Embedding(2, 1);
    embedding.weight.value = tensor(device, [[1], [2]]);
    const rows = tensor(device, [0, 2], [2], "u32");
    assertThrows(() => embedding.forward(rows), IndexError, "the table has 2 rows: found 2 at [1]");
  }));

Deno.test("toBatch() loses no part of a number", () =>
  withDevice("f32", (device) => {
    const refuse = (example: unknown, text: string, options = {}) =>
      assertThrows(() => toBatch(device, [example as EncodedExample], options), OptionError, text);
    for (const id of [-1, 1.5, NaN, 2 ** 32, "5", [5], null]) {
      refuse({ ids: [1, id] }, "token of sequence 0 requires integers from 0 to 4294967295");
      refuse({ ids: [1], typeIds: [id] }, "segment of sequence 0 requires integers");
      refuse({ ids: [1] }, "padId requires integers", { padId: id });
      refuse({ ids: [1], label: id }, "the number of a class, from 0,");
    }
    refuse(
      { ids: [1, 2], typeIds: [0] },
      "a segment for each of its 2 tokens is required: found 1",
    );
    refuse({ ids: [1, 2], predictFrom: 1.5 }, "Cannot predict from token 1.5 of example 0");
    refuse({ ids: [1], label: NaN }, "a finite score", { regression: true });
    for (const width of [0, -1, 1.5, NaN, Infinity]) {
      refuse({ ids: [1] }, "tokens as an integer from 1 is required", { width });
    }
    refuse({ ids: [1] }, "one number for each of the 1 is required: found 2", { numbers: [0, 1] });
    for (const n of [-1, 0.5, 2 ** 31]) {
      refuse({ ids: [1] }, "Cannot number example 0 as an integer", { numbers: [n] });
    }
    assertThrows(() => toBatch(device, []), OptionError, "at least 1 example is required: found 0");
  }));
