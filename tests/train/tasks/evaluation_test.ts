import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { foldKey, normal, seedKey } from "../../../core/random.ts";
import type { Device } from "../../../core/device.ts";
import { tensor } from "../../../core/tensor.ts";
import { generate } from "../../../nn/generation/generate.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import type { Model } from "../../../nn/models/model.ts";
import type { Tokenizer } from "../../../nn/tokenizer/tokenizer.ts";
import type { GivenConfig } from "../../../train/config/config.ts";
import { readE2e } from "../../../train/data/e2e.ts";
import { readGlue } from "../../../train/data/glue.ts";
import { corpusBleu } from "../../../train/metrics/bleu.ts";
import { openClassifier, openLanguageModel, readConfig } from "../../../train/run/load_model.ts";
import { loadTokenizer } from "../../../train/run/load_tokenizer.ts";
import { classifyAll } from "../../../train/tasks/classification.ts";
import { likeliest } from "../../../train/metrics/calibration.ts";
import { continueAll, promptOf } from "../../../train/tasks/continuation.ts";
import { scoreOutputs } from "../../../train/tasks/generation.ts";
import { openTask } from "../../../train/tasks/open.ts";
import { specialTokens } from "../../../train/tasks/special_tokens.ts";
import { assertClose } from "../../support/differences.ts";
import { withDevice } from "../../support/with_device.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Gives a head numbers that tell texts apart. */
function sharpen(model: Model, device: Device): void {
  for (const [path, parameter] of parameters(model)) {
    if (!path.startsWith("classifier.")) continue;
    const data = normal(foldKey(seedKey(8), path), parameter.size);
    parameter.value = tensor(device, data, parameter.shape);
  }
}

/** Logits of one text at a time, without padding and without dropout. */
async function alone(model: Model, device: Device, ids: readonly number[], typeIds?: number[]) {
  using _scope = device.scope("alone");
  const batch = toBatch(device, [{ ids, ...(typeIds && { typeIds }) }]);
  return [...await model.forward({ batch }).logits.read()];
}

/** Opens a classification task and its model. */
async function classification(task: "rte" | "stsb", device: Device, changes: GivenConfig = {}) {
  const config = workspace.config(task, changes);
  const architecture = await readConfig(config.model);
  const tokenizer = await loadTokenizer(config.model);
  const opened = await openTask(config, architecture, tokenizer);
  const { model } = await openClassifier(config.model, device, seedKey(1), opened.labels);
  sharpen(model, device);
  return { opened, model, tokenizer };
}

Deno.test("logits of an evaluation are those of each text alone, in the order of the texts", () =>
  withDevice("f64", async (device) => {
    const { opened, model } = await classification("rte", device);
    // Lengths that differ within the batches, and batches that end anywhere.
    const texts = opened.train.map(({ ids, ...rest }, i) => ({
      ...rest,
      ids: ids.slice(0, 4 + i % 5),
    }))
      .map(({ ids, label }) => ({ ids, label }));
    for (const batch of [1, 3, 64]) {
      const reading = { padId: opened.padId, batch };
      const found = await classifyAll(model, device, texts, reading, ([row]) => row!);
      for (const [i, { ids }] of texts.entries()) {
        assertClose(found[i]!, await alone(model, device, ids), 1e-12);
      }
    }
  }));

Deno.test("metrics of an evaluation are of clean passes over the development data", () =>
  withDevice("f64", async (device) => {
    for (const task of ["rte", "stsb"] as const) {
      const { opened, model, tokenizer } = await classification(task, device);
      const dev = await readGlue(task, workspace.data(task), "dev");
      const rows = [];
      for (const { textA, textB } of dev) {
        const { ids, typeIds } = tokenizer.encode(textA, textB);
        rows.push(await alone(model, device, ids, [...typeIds]));
      }
      const labels = dev.map(({ label }) => label!);
      const metrics = await opened.evaluate(model, device, { final: true });
      if (task === "rte") {
        const hits = rows.filter(([a, b], i) => (b! > a! ? 1 : 0) === labels[i]).length;
        assertEquals(metrics["accuracy"], hits / labels.length);
        continue;
      }
      const mean = (x: number[]) => x.reduce((sum, value) => sum + value, 0) / x.length;
      const [x, y] = [rows.map(([score]) => score!), labels];
      const [mx, my] = [mean(x), mean(y)];
      const product = (a: number[], b: number[]) =>
        mean(a.map((v, i) => (v - (a === x ? mx : my)) * (b[i]! - (b === x ? mx : my))));
      const expected = product(x, y) / Math.sqrt(product(x, x) * product(y, y));
      assertAlmostEquals(metrics["pearson"]!, expected, 1e-12);
    }
  }));

Deno.test("the predicted class is the first of the largest logits", () => {
  assertEquals(likeliest([0.1, 0.3, 0.3]), 1);
  assertEquals(likeliest([2, 2, 1]), 0);
  assertEquals(likeliest([-3, -2, -1]), 2);
});

/** Opens E2E with the tiny GPT-2. */
async function generation(device: Device, changes: GivenConfig = {}) {
  const config = workspace.config("e2e", changes);
  const architecture = await readConfig(config.model);
  const tokenizer = await loadTokenizer(config.model);
  const opened = await openTask(config, architecture, tokenizer);
  const { model } = await openLanguageModel(config.model, device, seedKey(1));
  const frame = specialTokens(architecture, tokenizer);
  return { config, architecture, tokenizer, opened, model, frame };
}

Deno.test("the loss of an evaluation is the mean over the target tokens of clean passes", () =>
  withDevice("f64", async (device) => {
    const { opened, model, tokenizer, frame } = await generation(device, { smoothing: 0.3 });
    let [total, count] = [0, 0];
    for (const { context, reference } of await readE2e(workspace.data("e2e"), "dev")) {
      const plain = (text: string) => tokenizer.encode(text, undefined, { special: false }).ids;
      const prompt = [...plain(context), frame.bosId];
      const ids = [...prompt, ...plain(` ${reference}`), frame.eosId];
      const logits = await alone(model, device, ids);
      const width = logits.length / ids.length;
      for (let i = prompt.length; i < ids.length; i++, count++) {
        const row = logits.slice((i - 1) * width, i * width);
        total += Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[ids[i]!]!;
      }
    }
    const { loss, perplexity, ...rest } = await opened.evaluate(model, device, { final: false });
    assertAlmostEquals(loss!, total / count, 1e-10);
    assertAlmostEquals(perplexity!, Math.exp(total / count), 1e-7);
    assertEquals(rest, {});
    const final = await opened.evaluate(model, device, { final: true });
    assertEquals(Object.keys(final), ["loss", "perplexity", "bleu"]);
  }));

Deno.test("training texts are context, separator, a space and the reference, and the end", () =>
  withDevice("f64", async (device) => {
    const { opened, tokenizer, frame } = await generation(device);
    const train = await readE2e(workspace.data("e2e"), "train");
    for (const [i, { context, reference }] of train.entries()) {
      const { ids, predictFrom } = opened.train[i]!;
      const text = (part: readonly number[]) => tokenizer.decode([...part]);
      assertEquals(text(ids.slice(0, predictFrom! - 1)), context);
      assertEquals(ids[predictFrom! - 1], frame.bosId);
      assertEquals(text(ids.slice(predictFrom, -1)), ` ${reference}`);
      assertEquals(ids.at(-1), frame.eosId);
    }
  }));

const searches: readonly GivenConfig[] = [
  {},
  { beams: 3, lengthPenalty: 0.2 },
  { beams: 2, noRepeatNgram: 1 },
  { beams: 2, repetitionPenalty: 1.7 },
  { beams: 3, beamConvention: "lora", lengthPenalty: 3, newTokens: 5 },
];

Deno.test("texts are continued as each is alone, by the search that is asked for", () =>
  withDevice("f64", async (device) => {
    const seen = new Set<string>();
    for (const changes of searches) {
      const { config, architecture, tokenizer, model, frame } = await generation(device, changes);
      const contexts = (await readE2e(workspace.data("e2e"), "dev")).map(({ context }) => context)
        .map((context, i) => context.slice(0, 12 + 5 * (i % 4)));
      const { beams, lengthPenalty, noRepeatNgram, repetitionPenalty, beamConvention } = config;
      const { newTokens } = config;
      const found = await continueAll(model, device, contexts, {
        tokenizer,
        frame,
        config: architecture,
        newTokens,
        search: config,
        batch: 5,
      });
      for (const [i, context] of contexts.entries()) {
        const [made] = await generate(model, device, [promptOf(context, tokenizer, frame)], {
          ...{ newTokens, beams, lengthPenalty, noRepeatNgram, repetitionPenalty, beamConvention },
          positions: architecture.maxPositions,
          eosIds: [frame.eosId],
        });
        assertEquals(found[i], tokenizer.decode(made!.ids).trim(), `${i} of ${context}`);
      }
      seen.add(found.join("|"));
    }
    assert(seen.size === searches.length, "every search gives texts of its own");
  }));

Deno.test("texts end at the token that training ended them with, and at every one of the model", () =>
  withDevice("f64", async (device) => {
    const { config, architecture, tokenizer, model, frame } = await generation(device, {});
    const context = "The Mole";
    const [made] = await generate(model, device, [promptOf(context, tokenizer, frame)], {
      ...config,
      newTokens: 4,
      positions: architecture.maxPositions,
      eosIds: [],
    });
    const [first] = made!.ids;
    const continued = async (eosId: number, eosIds: readonly number[]) => {
      const [text] = await continueAll(model, device, [context], {
        ...{ tokenizer, search: config, batch: 1, newTokens: 4 },
        frame: { ...frame, eosId },
        config: { ...architecture, eosIds },
      });
      return text;
    };
    const whole = await continued(frame.eosId, []);
    assert(whole !== "");
    assertEquals(await continued(first!, []), "");
    assertEquals(await continued(frame.eosId, [frame.eosId, first!]), "");
  }));

Deno.test("the convention of lora ends texts at a blank line, that of hf does not", () =>
  withDevice("f64", async (device) => {
    for (const [convention, text] of [["lora", "one"], ["hf", "one\n\n two"]] as const) {
      const { config, architecture, tokenizer, model, frame } = await generation(device, {
        beamConvention: convention,
      });
      const talkative = {
        encode: (...args: Parameters<Tokenizer["encode"]>) => tokenizer.encode(...args),
        decode: () => " one\n\n two ",
      } as unknown as Tokenizer;
      const settings = { frame, config: architecture, newTokens: 2, search: config, batch: 2 };
      const contexts = ["The Mole", "The pub"];
      const found = await continueAll(model, device, contexts, {
        ...settings,
        tokenizer: talkative,
      });
      assertEquals(found, [text, text]);
    }
  }));

Deno.test("the convention of lora ends at a blank line that is one token, and at no other", () =>
  withDevice("f64", async (device) => {
    const { architecture, tokenizer, model, frame, config } = await generation(device);
    const context = "The Mole";
    const [made] = await generate(model, device, [promptOf(context, tokenizer, frame)], {
      newTokens: 3,
      positions: architecture.maxPositions,
    });
    const [first, second] = made!.ids as [number, number];
    for (const blank of [[first], [first, second]]) {
      for (const beamConvention of ["hf", "lora"] as const) {
        const own = {
          encode: (...args: Parameters<Tokenizer["encode"]>) =>
            args[0] === "\n\n" ? { ids: blank, typeIds: [] } : tokenizer.encode(...args),
          decode: (ids: readonly number[]) => ids.join(" "),
        } as unknown as Tokenizer;
        const search = { ...config, beamConvention };
        const settings = { frame, config: architecture, newTokens: 3, search, batch: 2 };
        const found = await continueAll(model, device, [context], { ...settings, tokenizer: own });
        const ends = beamConvention === "lora" && blank.length === 1;
        assertEquals(found, [ends ? "" : made!.ids.join(" ")]);
      }
    }
  }));

Deno.test("scores of parts are those of their own texts and references, in any case", () => {
  const groups = [
    { context: "a", references: ["the Mole is a cheap pub", "a cheap pub is here"], part: "seen" },
    { context: "b", references: ["the hill has one dear cafe"], part: "unseen" },
    { context: "c", references: ["an otter near the harbour eats"], part: "seen" },
  ];
  const outputs = ["The mole is a cheap bistro", "the hill has one dear pub", "An otter eats"];
  const bleu = (...places: number[]) =>
    corpusBleu(
      places.map((i) => outputs[i]!.toLowerCase()),
      places.map((i) => groups[i]!.references.map((text) => text.toLowerCase())),
    ).score;
  const scores = scoreOutputs(outputs, groups);
  assertEquals(scores, {
    bleu: bleu(0, 1, 2),
    bleu_seen: bleu(0, 2),
    bleu_unseen: bleu(1),
  });
  const [seen] = [groups[0]!];
  assertEquals(Object.keys(scoreOutputs(outputs.slice(0, 1), [seen])), ["bleu"]);
});
