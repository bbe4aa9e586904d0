// Beam search for the inputs of E2E's test set. deno task bench generate --model DIR --data DIR
import { seedKey } from "../core/random.ts";
import { beamConventions } from "../nn/generation/beam_conventions.ts";
import { generate } from "../nn/generation/generate.ts";
import type { Command } from "../train/commands/command.ts";
import { batchesByLength } from "../train/data/batches.ts";
import { readE2e } from "../train/data/e2e.ts";
import { groupByContext } from "../train/data/text_example.ts";
import { openLanguageModel } from "../train/run/load_model.ts";
import { loadTokenizer } from "../train/run/load_tokenizer.ts";
import { promptOf } from "../train/tasks/continuation.ts";
import { specialTokens } from "../train/tasks/special_tokens.ts";
import { bench, size } from "./bench.ts";

/** Measures generation and prints one line of JSON; `bench/peers/generate.py` does the same. */
export const generateBench: Command = bench({
  summary: "Measure beam search for the inputs of E2E's test set",
  usage: "  deno task bench generate --model DIR --data DIR",
  options: {
    model: { kind: "text", help: "folder of the model", required: true },
    data: { kind: "text", help: "folder of E2E", defaultText: "prompts are made up" },
    limit: size("prompts at most", 630),
    batch: size("prompts in a batch", 32),
    beams: size("beams", 10),
    newTokens: size("tokens to add at most", 64),
    beamConvention: {
      kind: "choice",
      choices: beamConventions,
      help: "whose beam search",
      default: "hf",
    },
  },
  async run(options, { device }) {
    using _scope = device.scope("bench");
    const { model: directory, data, limit, batch, beams, newTokens, beamConvention } = options;
    const { model, config } = await openLanguageModel(directory, device, seedKey(0));
    const tokenizer = await loadTokenizer(directory);
    const frame = specialTokens(config, tokenizer);
    const contexts = data === undefined
      ? Array.from({ length: limit }, (_, i) => madeUp(i))
      : groupByContext(await readE2e(data, "test")).map(({ context }) => context);
    const prompts = contexts.slice(0, limit)
      .map((context) => promptOf(context, tokenizer, frame));
    const batches = batchesByLength(prompts.map(({ length }) => length), batch);
    const run = (members: readonly number[], count: number) =>
      generate(model, device, members.map((i) => prompts[i]!), {
        newTokens: count,
        positions: config.maxPositions,
        eosIds: config.eosIds,
        beams,
        lengthPenalty: 0.9,
        noRepeatNgram: 4,
        beamConvention,
      });
    // Programs are compiled when they are first met.
    const start = performance.now();
    await run(batches[0]!, Math.min(20, newTokens));
    const warm = performance.now();
    const { statistics } = device.backend;
    const before = statistics.runs;
    let tokens = 0;
    for (const members of batches) {
      for (const { ids, end } of await run(members, newTokens)) {
        tokens += ids.length + (end === undefined ? 0 : 1);
      }
    }
    const seconds = (performance.now() - warm) / 1000;
    console.log(JSON.stringify({
      bench: "generate",
      backend: device.backend.description,
      model: directory,
      convention: beamConvention,
      prompts: prompts.length,
      batch,
      beams,
      tokens,
      seconds: Number(seconds.toFixed(2)),
      tokensPerSecond: Number((tokens / seconds).toFixed(1)),
      warmSeconds: Number(((warm - start) / 1000).toFixed(2)),
      programs: statistics.runs - before,
      peakMegabytes: Math.round(statistics.peakBytes / 1e6),
    }));
  },
});

/** An input of the form that E2E has; `bench/peers/generate.py` makes the same. */
function madeUp(i: number): string {
  const pick = (words: readonly string[], every: number) =>
    words[Math.floor(i / every) % words.length];
  const slots = [
    `name : ${pick(["Blue Spice", "The Eagle", "Giraffe", "The Mill", "Zizzi"], 1)}`,
    `Type : ${pick(["pub", "restaurant", "coffee shop"], 5)}`,
    `food : ${pick(["English", "French", "Indian", "Italian", "Chinese", "Japanese"], 15)}`,
    `area : ${pick(["riverside", "city centre"], 90)}`,
    `near : ${pick(["Burger King", "Café Sicilia", "Clare Hall", "Crowne Plaza Hotel"], 180)}`,
  ];
  return slots.slice(0, 3 + i % 3).join(" | ");
}
