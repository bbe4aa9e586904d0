import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Device } from "../../../core/device.ts";
import { NumericError, OptionError } from "../../../core/errors.ts";
import { seedKey } from "../../../core/random.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { generate } from "../../../nn/generation/generate.ts";
import type { GenerateOptions } from "../../../nn/generation/generate_options.ts";
import {
  checkTokenSampling,
  drawToken,
  keptTokens,
  type TokenSampling,
} from "../../../nn/generation/sample.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { needsPython, runPython, withoutPython } from "../../support/python.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

const key = seedKey(5);

/** Softmax of the tokens that a rule of cumulated probabilities keeps, ascending as transformers sum. */
function expected(
  logits: readonly number[],
  { temperature = 1, topP = 1, topK = 0 }: Omit<TokenSampling, "key">,
): number[] {
  const soft = (values: readonly number[]) => {
    const most = Math.max(...values);
    const powers = values.map((value) => Math.exp(value - most));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  };
  let scores = logits.map((logit) => logit / temperature);
  const ascending = [...scores.keys()].sort((a, b) => scores[a]! - scores[b]! || b - a);
  const drop = new Set(topK > 0 ? ascending.slice(0, -topK) : []);
  scores = scores.map((score, id) => drop.has(id) ? -Infinity : score);
  const probabilities = soft(scores);
  let sum = 0;
  for (const id of ascending.slice(0, -1)) {
    sum += probabilities[id]!;
    if (topP < 1 && sum <= 1 - topP) drop.add(id);
  }
  return soft(scores.map((score, id) => drop.has(id) ? -Infinity : score));
}

const distributionOf = (logits: readonly number[], rules: Omit<TokenSampling, "key">) => {
  const found = new Array<number>(logits.length).fill(0);
  const { ids, weights } = keptTokens(logits, rules);
  const total = ids.reduce((sum, id) => sum + Math.exp(weights[id]!), 0);
  for (const id of ids) found[id] = Math.exp(weights[id]!) / total;
  return found;
};

const rules = fc.record({
  temperature: fc.integer({ min: 1, max: 40 }).map((tenths) => tenths / 10),
  topP: fc.integer({ min: 1, max: 1000 }).map((parts) => parts / 1000),
  topK: fc.integer({ min: 0, max: 12 }),
});
/** No two are equal: then which one is kept is a matter of taste. */
const logits = fc.uniqueArray(fc.integer({ min: -800, max: 800 }), { minLength: 2, maxLength: 40 })
  .map((values) => values.map((value) => value / 97));

Deno.test("keptTokens() keeps what rules of cumulated probabilities keep", () => {
  fc.assert(
    fc.property(logits, rules, (values, rule) => {
      const [found, wanted] = [distributionOf(values, rule), expected(values, rule)];
      found.forEach((p, id) => assertAlmostEquals(p, wanted[id]!, 1e-9));
    }),
    { numRuns: 400, seed: 2 },
  );
});

Deno.test("keptTokens() keeps the lower numbers of equal tokens", () => {
  const values = [0, 1, 1, 1, 0, 1];
  for (const rule of [{ topK: 2 }, { topP: 0.3 }]) {
    assertEquals([...keptTokens(values, rule).ids], [1, 2]);
  }
});

Deno.test({
  name: `keptTokens() keeps what transformers' warpers keep ${needsPython}`,
  ignore: withoutPython,
}, async () => {
  const cases = fc.sample(fc.tuple(logits, rules), { numRuns: 300, seed: 3 })
    .map(([values, rule]) => ({ logits: values, ...rule }));
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, JSON.stringify(cases));
  const wanted = await runPython("warp_logits.py", [path]) as number[][];
  await Deno.remove(path);
  for (const [i, { logits: values, ...rule }] of cases.entries()) {
    distributionOf(values, rule).forEach((p, id) => assertAlmostEquals(p, wanted[i]![id]!, 1e-9));
  }
});

/** The chi-squared value that is exceeded once in 10,000 times (Wilson and Hilferty). */
const critical = (freedom: number) => {
  const spread = 2 / (9 * freedom);
  return freedom * (1 - spread + 3.719 * Math.sqrt(spread)) ** 3;
};

const shapes = {
  "all tokens": { temperature: 1.3 },
  "few tokens of many": { topK: 5, temperature: 0.7 },
  "the likeliest tokens": { topP: 0.8 },
};
for (const [name, rule] of Object.entries(shapes)) {
  Deno.test(`drawToken() draws each token as often as it is probable: ${name}`, () => {
    const values = Array.from({ length: 24 }, (_, i) => 2 * Math.sin(i / 3));
    const wanted = expected(values, rule);
    const draws = 20_000;
    // Prompts and positions both lead to numbers of their own.
    const counts = new Array<number>(values.length).fill(0);
    for (let i = 0; i < draws; i++) {
      const place = { prompt: i >> 3, position: i & 7 };
      counts[drawToken(values, { key, ...rule }, place).id]!++;
    }
    let [statistic, freedom] = [0, -1];
    for (const [id, count] of counts.entries()) {
      const mean = draws * wanted[id]!;
      if (mean === 0) assertEquals(count, 0);
      else {
        statistic += (count - mean) ** 2 / mean;
        freedom++;
      }
    }
    assert(statistic < critical(freedom), `${statistic} with ${freedom} degrees of freedom`);
  });
}

Deno.test("draws of other prompts and positions are independent", () => {
  const values = [0, 0];
  const draw = (prompt: number, position: number) =>
    drawToken(values, { key }, { prompt, position }).id;
  const pairs = new Array<number>(8).fill(0);
  for (let i = 0; i < 4000; i++) pairs[draw(i, 0) * 4 + draw(i, 1) * 2 + draw(i + 1, 0)]!++;
  // 500 each with a deviation of 21.
  for (const count of pairs) assert(Math.abs(count - 500) < 90, `${pairs}`);
});

Deno.test("drawToken() takes the most likely token where the temperature is near 0", () => {
  fc.assert(
    fc.property(logits, fc.nat(1000), (values, prompt) => {
      const sampling = { key, temperature: 1e-12 };
      const { id, logProbability } = drawToken(values, sampling, { prompt, position: 0 });
      assertEquals(values[id], Math.max(...values));
      assertEquals(logProbability, values[id]);
    }),
    { numRuns: 100, seed: 1 },
  );
});

Deno.test("drawToken() never draws what is banned, and refuses what is not finite", () => {
  const banned = [-3.4028234663852886e38, -1, -3.4028234663852886e38];
  for (const temperature of [0.1, 1, 1e39]) {
    const place = { prompt: 3, position: 1 };
    const drawn = Array.from(
      { length: 20 },
      (_, prompt) =>
        drawToken(banned, { key, temperature }, { ...place, prompt })
          .id,
    );
    assertEquals(new Set(drawn), new Set([1]));
  }
  for (const value of [NaN, Infinity]) {
    const run = () => drawToken([value, 0], { key }, { prompt: 0, position: 0 });
    assertThrows(run, NumericError, "finite logits");
  }
});

const wrong: [Partial<TokenSampling>, string][] = [
  [{ temperature: 0 }, "temperature as a number above 0 is required: found 0"],
  [{ temperature: Infinity }, "temperature"],
  [{ temperature: NaN }, "temperature"],
  [{ topP: 0 }, "topP"],
  [{ topP: 1.1 }, "topP as a number above 0 and at most 1 is required: found 1.1"],
  [{ topK: -1 }, "topK"],
  [{ topK: 1.5 }, "topK"],
  [{ key: [1] as unknown as TokenSampling["key"] }, "key"],
];

Deno.test("checkTokenSampling() refuses what does not fit", () => {
  checkTokenSampling({ key, temperature: 1e-9, topP: 1, topK: 0 });
  for (const [change, says] of wrong) {
    assertThrows(() => checkTokenSampling({ key, ...change }), OptionError, says);
  }
});

const prompts = [[3, 9, 4], [7], [20, 1, 1, 15, 6], [2, 11], [5, 5], [8]];
const usual: GenerateOptions = {
  newTokens: 7,
  positions: 16,
  eosIds: [4],
  sampling: { key, temperature: 1.5, topP: 0.95 },
};

/** Texts of all prompts, read in batches of a size. */
async function texts(
  device: Device,
  batch: number,
  options: GenerateOptions = usual,
): Promise<(readonly number[])[]> {
  using _scope = device.scope("texts");
  const model = randomModel(device, tinyConfig("gpt2"), "language", 3);
  const made: (readonly number[])[] = [];
  for (let start = 0; start < prompts.length; start += batch) {
    const numbers = [...prompts.keys()].slice(start, start + batch);
    const some = await generate(model, device, prompts.slice(start, start + batch), {
      ...options,
      numbers,
    });
    made.push(...some.map(({ ids }) => ids));
  }
  return made;
}

Deno.test("texts that are drawn do not depend on batches, threads or kernels", async () => {
  let whole: (readonly number[])[] = [];
  await withDevice("f64", async (device) => {
    whole = await texts(device, 6);
    for (const batch of [1, 4]) assertEquals(await texts(device, batch), whole);
    const other = { ...usual, sampling: { ...usual.sampling!, key: seedKey(6) } };
    assert((await texts(device, 6, other)).join(" ") !== whole.join(" "));
    const greedy = await texts(device, 6, { newTokens: 7, positions: 16, eosIds: [4] });
    const cold = { ...usual, sampling: { key, temperature: 1e-9 } };
    assertEquals(await texts(device, 6, cold), greedy);
    assert(greedy.join(" ") !== whole.join(" "));
  });
  assert(new Set(whole.map(String)).size === whole.length);
  for (const choice of [{ kernels: "simd" }, { kernels: "javascript" }, { threads: 2 }] as const) {
    await using device = new Device(openCpu(choice), "f32");
    assertEquals(await texts(device, 3), whole);
  }
});

webGpuTest("texts that are drawn are the same on WebGPU", async (device) => {
  let whole: (readonly number[])[] = [];
  await withDevice("f32", async (cpu) => {
    whole = await texts(cpu, 6);
  });
  assertEquals(await texts(device, 4), whole);
});

Deno.test("generate() draws with bans and penalties, and with one beam alone", async () => {
  await withDevice("f64", async (device) => {
    const bans = { ...usual, eosIds: [], noRepeatNgram: 1, sampling: { key, temperature: 5 } };
    for (const [i, ids] of (await texts(device, 6, bans)).entries()) {
      assertEquals(new Set([...prompts[i]!, ...ids]).size, new Set(prompts[i]).size + ids.length);
    }
    const run = () => texts(device, 6, { ...usual, beams: 2 });
    await assertRejects(run, OptionError, "sampling as one beam is required: found 2");
    const cold = { ...usual, sampling: { key, temperature: 0 } };
    await assertRejects(() => texts(device, 6, cold), OptionError, "temperature");
  });
});
