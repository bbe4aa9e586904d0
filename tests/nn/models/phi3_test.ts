// Phi-3's positions: which pairs turn, how fast, and from which length on otherwise.
import { assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import { rotaryRows, rotaryTables, rotate } from "../../../core/ops/rotary.ts";
import { tensor } from "../../../core/tensor.ts";
import { generate } from "../../../nn/generation/generate.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parseConfig } from "../../../nn/models/config.ts";
import type { LlamaConfig } from "../../../nn/models/llama_layers.ts";
import { rotaryOf } from "../../support/rotary.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

/** Positions as Phi-4-mini has them, but for the factors. */
const published = {
  model_type: "phi3",
  hidden_size: 3072,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  num_attention_heads: 24,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  original_max_position_embeddings: 4096,
  partial_rotary_factor: 0.75,
  rope_scaling: {
    type: "longrope",
    short_factor: Array.from({ length: 48 }, (_, pair) => 1 + pair / 100),
    long_factor: Array.from({ length: 48 }, (_, pair) => 2 + pair),
  },
  rope_theta: 10000.0,
  sliding_window: 262144,
  tie_word_embeddings: true,
  vocab_size: 200064,
};

Deno.test("three quarters of a head turn, by factors of short texts and of long ones", () => {
  const config = parseConfig(published) as LlamaConfig;
  const { rotaries: [short, long], longestShort, longestContinued, windows } = config;
  assertEquals([longestShort, longestContinued, windows], [4096, 4096, [262144]]);
  assertEquals([short!.pairs, long!.pairs], [48, 48]);
  // Pair 12 of 48 turns by 10000^(-1/4), 0.1.
  assertAlmostEquals(short!.frequency(12), 0.1 / 1.12, 1e-15);
  assertAlmostEquals(long!.frequency(12), 0.1 / 14, 1e-15);
  // √(1 + log 32 / log 4096), of 5 and 12 doublings.
  assertAlmostEquals(short!.factor, Math.sqrt(1 + 5 / 12), 1e-15);
  assertEquals(short!.factor, long!.factor);
});

Deno.test("the length of short texts is that beside the scaling, whatever the scaling says", () => {
  for (const type of ["longrope", "yarn", "su"]) {
    const rope_scaling = {
      ...published.rope_scaling,
      type,
      original_max_position_embeddings: 2048,
    };
    const { longestShort, rotaries } = parseConfig({ ...published, rope_scaling }) as LlamaConfig;
    assertEquals(longestShort, 4096);
    assertAlmostEquals(rotaries[0]!.factor, Math.sqrt(1 + 5 / 12), 1e-15);
  }
  const rope_scaling = { ...published.rope_scaling, type: "su" };
  assertThrows(
    () => parseConfig({ ...published, rope_scaling }),
    FileError,
    "original_max_position_embeddings",
  );
});

Deno.test("the first numbers of a head turn, and those behind them stay as they are", () =>
  withDevice("f64", async (device) => {
    using _scope = device.scope("rotation");
    const rotary = rotaryOf([Math.PI / 2]);
    const positions = tensor(device, [0, 1], [1, 2], "u32");
    const rows = rotaryRows(rotaryTables(device, 2, rotary), positions);
    const x = tensor(device, [3, 4, 5, 6, 3, 4, 5, 6], [1, 1, 2, 4]);
    const turned = [...await rotate(x, rows).read()];
    // A quarter of a turn takes (3, 4) to (-4, 3).
    [3, 4, 5, 6, -4, 3, 5, 6].forEach((y, i) => assertAlmostEquals(turned[i]!, y, 1e-12));
  }));

Deno.test("a share of a head that is none is refused by its key", () => {
  for (const partial_rotary_factor of [1.1, 0.001, 0.76]) {
    const message =
      "Cannot use partial_rotary_factor of this configuration as a share of 1 at most";
    assertThrows(() => parseConfig({ ...published, partial_rotary_factor }), FileError, message);
  }
});

const long = tinyConfig("phi3", { original_max_position_embeddings: 6 });

Deno.test("a row that is wider than short texts turns all rows of its batch as long ones", () =>
  withDevice("f64", async (device) => {
    using _scope = device.scope("model");
    const model = randomModel(device, long, "language");
    const [first] = tinyExamples([4]);
    const logits = async (examples: { ids: readonly number[] }[], padMultiple?: number) => {
      const options = { padId: 0, ...padMultiple !== undefined && { padMultiple } };
      const batch = toBatch(device, examples, options);
      const all = await model.forward({ batch }).logits.read();
      return [...all.slice(0, 4 * long.vocabularySize)];
    };
    const alone = await logits([first!]);
    const [beside, longer] = [tinyExamples([4, 6]), tinyExamples([4, 7])];
    assertEquals(beside[0], first);
    (await logits(beside)).forEach((x, i) => assertAlmostEquals(x, alone[i]!, 1e-12));
    const turned = await logits(longer);
    assertEquals(turned.some((x, i) => Math.abs(x - alone[i]!) > 1e-3), true);
  }));

Deno.test("packed rows beyond short texts are refused", () =>
  withDevice("f64", (device) => {
    using _scope = device.scope("model");
    const model = randomModel(device, long, "language");
    const batch = toBatch(device, tinyExamples([7, 3, 3]), { padId: 0, pack: true });
    assertThrows(
      () => model.forward({ batch }),
      OptionError,
      "Cannot run packed examples as rows of at most 6 tokens are required by these rotary " +
        "positions: found 7",
    );
    return Promise.resolve();
  }));

Deno.test("texts are continued up to the length of short ones, and no longer", () =>
  withDevice("f64", async (device) => {
    using _scope = device.scope("model");
    const model = randomModel(device, long, "language");
    const options = { newTokens: 10, positions: long.maxPositions };
    const [found] = await generate(model, device, [[3, 4, 5]], options);
    assertEquals(found!.ids.length, 3);
    await assertRejects(
      () => generate(model, device, [[3, 4, 5, 6, 7, 8]], options),
      OptionError,
      "Cannot continue prompt 0 as 1 to 5 tokens are required: found 6",
    );
  }));
