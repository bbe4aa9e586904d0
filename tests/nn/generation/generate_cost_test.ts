import { assert, assertEquals } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { generate } from "../../../nn/generation/generate.ts";
import { productsSeen } from "../../support/products_seen.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const prompts = [[3, 9, 4], [7], [20, 1, 1, 15, 6], [2, 11]];

/** What a search by a random LLaMA costs beyond its weights. */
async function cost(change: Record<string, unknown>, beams: number, newTokens: number) {
  let [programs, bytes] = [0, 0];
  await withDevice("f32", async (device) => {
    const model = randomModel(device, tinyConfig("llama", change), "language");
    const { statistics } = device.backend;
    const { runs, bytes: weights } = statistics;
    await generate(model, device, prompts, { beams, newTokens, positions: 16 });
    [programs, bytes] = [statistics.runs - runs, statistics.peakBytes - weights];
  });
  return { programs, bytes };
}

Deno.test("generate() needs memory for a layer more only to pass on and to remember", async () => {
  const bytes = async (layers: number) => {
    const change = { num_hidden_layers: layers, intermediate_size: 800 };
    return (await cost(change, 3, 6)).bytes;
  };
  // Keys and values of 4 texts in 5 + 18 slots, and hidden states of 4 x 5 tokens.
  const layer = 2 * 4 * (5 + 18) * 4 * 4 + 4 * 5 * 8 * 4;
  assert(await bytes(6) - await bytes(2) <= 4 * layer);
});

Deno.test("generate() takes a known number of programs for a layer and a token", async () => {
  const token = async (layers: number) => {
    const programs = async (limit: number) =>
      (await cost({ num_hidden_layers: layers }, 2, limit)).programs;
    return await programs(3) - await programs(2);
  };
  // Two norms, seven products, two rotations, the cache, scores, weights, and what they weigh.
  assertEquals(await token(3) - await token(2), 15);
});

Deno.test("generate() makes logits of each text's last token alone, of prompts too", async () => {
  const { backend, rows } = productsSeen(23);
  await using device = new Device(backend);
  using _scope = device.scope("test");
  for (const architecture of ["gpt2", "llama"] as const) {
    const model = randomModel(device, tinyConfig(architecture), "language");
    for (const beams of [1, 2]) {
      rows.length = 0;
      await generate(model, device, prompts, { beams, newTokens: 3, positions: 16 });
      assertEquals(rows, [4, 4 * beams, 4 * beams]);
    }
  }
});
