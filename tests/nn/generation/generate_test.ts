import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { OptionError } from "../../../core/errors.ts";
import type { Device } from "../../../core/device.ts";
import { tensor } from "../../../core/tensor.ts";
import type { LanguageModel } from "../../../nn/models/decoder.ts";
import { generate } from "../../../nn/generation/generate.ts";
import type { GenerateOptions } from "../../../nn/generation/generate_options.ts";
import { parameters } from "../../../nn/layers/module.ts";
import type { Generated } from "../../../nn/generation/beam_search.ts";
import { bestOfAll, loraSearch, nextOf, type OracleSettings } from "../../support/beam_oracle.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

const architectures = ["gpt2", "llama"] as const;
const conventions = ["hf", "lora"] as const;

/** A model whose texts are neither all alike nor all equally likely. */
function languageModel(
  device: Device,
  architecture: typeof architectures[number],
  change: Record<string, unknown> = {},
): LanguageModel {
  return randomModel(device, tinyConfig(architecture, change), "language", 3);
}

const usual: OracleSettings = {
  convention: "hf",
  beams: 1,
  limit: 6,
  lengthPenalty: 1,
  noRepeatNgram: 0,
  repetitionPenalty: 1,
  eosIds: [],
};

function optionsOf(
  { limit, convention: beamConvention, ...settings }: OracleSettings,
): GenerateOptions {
  return { ...settings, beamConvention, newTokens: limit, positions: 16 };
}

/** The tokens with the one that ended them. */
const whole = ({ ids, end }: Generated) => end === undefined ? [...ids] : [...ids, end];

const prompts = [[3, 9, 4], [7], [20, 1, 1, 15, 6], [2, 11]];

const searches: fc.Arbitrary<OracleSettings> = fc.record({
  convention: fc.constantFrom(...conventions),
  beams: fc.constantFrom(1, 2, 3, 5),
  limit: fc.integer({ min: 1, max: 7 }),
  lengthPenalty: fc.constantFrom(0, 0.8, 1, 2),
  noRepeatNgram: fc.integer({ min: 0, max: 3 }),
  repetitionPenalty: fc.constantFrom(1, 1, 1.5, 0.8),
  eosIds: fc.uniqueArray(fc.integer({ min: 0, max: 22 }), { maxLength: 6 }),
});

for (const architecture of architectures) {
  Deno.test(`generate() with one beam takes the most likely token of ${architecture}`, async () => {
    await withDevice("f64", async (device) => {
      const model = languageModel(device, architecture);
      const next = nextOf(model, device, usual);
      const made = await generate(model, device, prompts, optionsOf(usual));
      for (const [i, prompt] of prompts.entries()) {
        const ids: number[] = [];
        let score = 0;
        while (ids.length < usual.limit) {
          const values = await next(prompt, ids);
          const value = Math.max(...values);
          score += value / usual.limit;
          ids.push(values.indexOf(value));
        }
        assertEquals(made[i]!.ids, ids);
        assertAlmostEquals(made[i]!.score, score, 1e-9);
      }
    });
  });

  Deno.test(`generate() with one beam penalises logits of ${architecture}`, async () => {
    await withDevice("f64", async (device) => {
      const model = languageModel(device, architecture);
      await fc.assert(
        fc.asyncProperty(searches, async (drawn) => {
          const settings = { ...drawn, convention: "hf", beams: 1, lengthPenalty: 0 } as const;
          const made = await generate(model, device, prompts, optionsOf(settings));
          for (const [i, prompt] of prompts.entries()) {
            const next = nextOf(model, device, settings);
            assertEquals(whole(made[i]!), (await loraSearch(next, prompt, settings)).ids);
          }
        }),
        { numRuns: 12, seed: 4 },
      );
    });
  });

  Deno.test(`generate() searches ${architecture} like microsoft/LoRA over whole sequences`, async () => {
    await withDevice("f64", async (device) => {
      const model = languageModel(device, architecture);
      await fc.assert(
        fc.asyncProperty(searches, async (drawn) => {
          const settings = { ...drawn, convention: "lora" as const };
          const made = await generate(model, device, prompts, optionsOf(settings));
          for (const [i, prompt] of prompts.entries()) {
            const next = nextOf(model, device, settings);
            const expected = await loraSearch(next, prompt, settings);
            assertEquals(whole(made[i]!), expected.ids);
            assertAlmostEquals(made[i]!.score, expected.score, 1e-9);
          }
        }),
        { numRuns: 12, seed: 1 },
      );
    });
  });
}

for (const convention of conventions) {
  Deno.test(`generate() by ${convention} finds the best of all texts with beams for all`, async () => {
    await withDevice("f64", async (device) => {
      // 3 tokens, 4 steps: at most 81 texts; the pool of hf holds them all.
      const model = languageModel(device, "gpt2", { vocab_size: 3 });
      for (const noRepeatNgram of [0, 2]) {
        for (const lengthPenalty of [0, 0.9, 2]) {
          const settings = { ...usual, convention, beams: 81, limit: 4, lengthPenalty };
          const search = { ...settings, noRepeatNgram, repetitionPenalty: 1.2, eosIds: [2] };
          const expected = await bestOfAll(nextOf(model, device, search), [0, 1], search);
          const options = { ...optionsOf(search), earlyStopping: "never" as const };
          const [made] = await generate(model, device, [[0, 1]], options);
          assertEquals(whole(made!), expected.ids);
          assertAlmostEquals(made!.score, expected.score, 1e-9);
          for (const beams of [1, 2, 4]) {
            const [narrow] = await generate(model, device, [[0, 1]], { ...options, beams });
            assert(beams === 1 || narrow!.score <= made!.score + 1e-12);
          }
        }
      }
    });
  });

  Deno.test(`generate() by ${convention} continues a prompt the same in any batch`, async () => {
    await withDevice("f64", async (device) => {
      const model = languageModel(device, "llama");
      const batch = fc.array(
        fc.array(fc.integer({ min: 0, max: 22 }), { minLength: 1, maxLength: 8 }),
        { minLength: 2, maxLength: 5 },
      );
      await fc.assert(
        fc.asyncProperty(searches, batch, async (drawn, some) => {
          const options = optionsOf({ ...drawn, convention });
          const together = await generate(model, device, some, options);
          for (const [i, prompt] of some.entries()) {
            const [alone] = await generate(model, device, [prompt], options);
            assertEquals(whole(together[i]!), whole(alone!));
            assertAlmostEquals(together[i]!.score, alone!.score, 1e-9);
          }
        }),
        { numRuns: 15, seed: 2 },
      );
    });
  });

  Deno.test(`generate() by ${convention} never repeats a banned run`, async () => {
    await withDevice("f32", async (device) => {
      const model = languageModel(device, "gpt2");
      await fc.assert(
        fc.asyncProperty(searches, fc.integer({ min: 1, max: 3 }), async (drawn, n) => {
          const options = optionsOf({ ...drawn, convention, noRepeatNgram: n });
          const made = await generate(model, device, prompts, options);
          made.forEach((text, i) => {
            const before = convention === "hf" ? prompts[i]! : [];
            const runs = (ids: number[]) =>
              Array.from({ length: Math.max(0, ids.length - n + 1) }, (_, at) => {
                return ids.slice(at, at + n).join();
              });
            const all = runs([...before, ...whole(text)]);
            const given = runs(before);
            // A prompt may repeat itself; what is generated may not.
            const fresh = all.slice(given.length);
            assertEquals(new Set(fresh).size, fresh.length);
            assertEquals(fresh.filter((run) => given.includes(run)), []);
          });
        }),
        { numRuns: 15, seed: 3 },
      );
    });
  });
}

Deno.test("generate() ends at any of several tokens and counts the one it met", async () => {
  await withDevice("f64", async (device) => {
    const model = languageModel(device, "gpt2");
    const [free] = await generate(model, device, [[3, 9, 4]], optionsOf(usual));
    const eosIds = [22, free!.ids[2]!, 21];
    const settings = { ...usual, eosIds, lengthPenalty: 0 };
    const [made] = await generate(model, device, [[3, 9, 4]], optionsOf(settings));
    const at = free!.ids.findIndex((id) => eosIds.includes(id));
    assertEquals(made!.ids, free!.ids.slice(0, at));
    assertEquals(made!.end, free!.ids[at]);
    const next = nextOf(model, device, settings);
    let sum = 0;
    for (let i = 0; i <= at; i++) {
      sum += (await next([3, 9, 4], free!.ids.slice(0, i)))[free!.ids[i]!]!;
    }
    assertAlmostEquals(made!.score, sum, 1e-9);
  });
});

Deno.test("generate() ends at the last position of the model, whatever else is in the batch", async () => {
  await withDevice("f64", async (device) => {
    const model = languageModel(device, "gpt2");
    const some = [14, 1, 2, 3, 4].map((length) => Array.from({ length }, (_, i) => i));
    const made = await generate(model, device, some, { newTokens: 99, positions: 16, beams: 2 });
    assertEquals(made.map(({ ids }) => ids.length), [2, 15, 14, 13, 12]);
  });
});

for (const convention of conventions) {
  Deno.test(`generate() by ${convention} is the same after its cache was moved`, async () => {
    await withDevice("f64", async (device) => {
      // 40 tokens do not fit the room that the cache begins with, and texts end one after another.
      const model = languageModel(device, "llama", { max_position_embeddings: 64 });
      const settings = {
        ...usual,
        convention,
        beams: 3,
        limit: 40,
        eosIds: [0, 13],
        lengthPenalty: 1,
      };
      const options = { ...optionsOf({ ...settings, noRepeatNgram: 2 }), positions: 64 };
      const made = await generate(model, device, prompts, options);
      for (const [i, prompt] of prompts.entries()) {
        const [alone] = await generate(model, device, [prompt], options);
        assertEquals(whole(made[i]!), whole(alone!));
        // The score is that of the whole sequence, without a cache.
        const next = nextOf(model, device, { ...settings, noRepeatNgram: 2 });
        const ids = whole(alone!);
        let sum = 0;
        for (const [at, id] of ids.entries()) sum += (await next(prompt, ids.slice(0, at)))[id]!;
        assertAlmostEquals(alone!.score, sum / ids.length, 1e-9);
      }
      assert(made.some(({ ids }) => ids.length > 17));
    });
  });
}

Deno.test("generate() refuses options that do not fit", async () => {
  await withDevice("f32", async (device) => {
    const model = languageModel(device, "gpt2");
    const refuse = (some: number[][], change: Partial<GenerateOptions>, message: string) =>
      assertRejects(
        () => generate(model, device, some, { ...optionsOf(usual), ...change }),
        OptionError,
        message,
      );
    await refuse([[1], []], {}, "1 to 15 tokens are required");
    await refuse([new Array(16).fill(1)], {}, "1 to 15 tokens are required");
    await refuse([[1]], { beams: 0 }, "beams as an integer of at least 1 is required: found 0");
    await refuse([[1]], { newTokens: 0 }, "newTokens as an integer of at least 1");
    await refuse([[1]], { noRepeatNgram: 1.5 }, "noRepeatNgram as an integer of at least 0");
    await refuse([[1]], { lengthPenalty: NaN }, "lengthPenalty as a finite number");
    await refuse([[1]], { repetitionPenalty: 0 }, "repetitionPenalty as a number above 0");
    assertEquals(await generate(model, device, [], optionsOf(usual)), []);
  });
});

Deno.test("generate() refuses logits that are not finite", async () => {
  await withDevice("f32", async (device) => {
    const model = languageModel(device, "gpt2");
    for (const [path, parameter] of parameters(model)) {
      if (!path.endsWith("ln_f.bias")) continue;
      parameter.value = tensor(device, new Float32Array(parameter.size).fill(NaN));
    }
    await assertRejects(
      () => generate(model, device, [[1]], optionsOf(usual)),
      RangeError,
      "finite logits are required: found NaN in row 0",
    );
  });
});

for (const convention of conventions) {
  webGpuTest(`generate() by ${convention} on WebGPU agrees with f64`, async (device) => {
    const search = { ...usual, convention, beams: 3, noRepeatNgram: 2, repetitionPenalty: 1.2 };
    const options = optionsOf({ ...search, lengthPenalty: 0.9, eosIds: [4, 8] });
    for (const architecture of architectures) {
      const model = languageModel(device, architecture);
      const made = await generate(model, device, prompts, options);
      await withDevice("f64", async (exact) => {
        const same = languageModel(exact, architecture);
        const expected = await generate(same, exact, prompts, options);
        assertEquals(made.map(whole), expected.map(whole));
        made.forEach(({ score }, i) => assertAlmostEquals(score, expected[i]!.score, 1e-4));
      });
    }
  });
}
