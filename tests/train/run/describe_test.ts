import { assertEquals } from "@std/assert";
import { dropoutPlan, type Method, type PlanOptions } from "../../../nn/dropout/methods.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { parseConfig } from "../../../nn/models/config.ts";
import { trainHead } from "../../../nn/models/heads.ts";
import { architectureOf, classifier, languageModel } from "../../../nn/models/registry.ts";
import {
  describeDropout,
  describeLearningRates,
  describeMemory,
  describePadding,
  describeParameters,
  recordedDropout,
} from "../../../train/run/describe.ts";
import { tinyConfig } from "../../support/tiny_models.ts";

/** The base models of the paper, as their config.json has them: sizes alone are counted. */
const published = {
  "RoBERTa-large": {
    fields: {
      model_type: "roberta",
      vocab_size: 50265,
      hidden_size: 1024,
      num_hidden_layers: 24,
      num_attention_heads: 16,
      intermediate_size: 4096,
      max_position_embeddings: 514,
      type_vocab_size: 1,
      pad_token_id: 1,
      hidden_act: "gelu",
    },
    rank: 8,
    // Of 0.79 M and 0.22 %; the head is a layer of 1,024 and one of two classes.
    told: "trainable: 786,432 LoRA (0.22 %), 1,051,650 head, of 356,148,226 parameters",
  },
  "GPT-2 medium": {
    fields: {
      model_type: "gpt2",
      n_embd: 1024,
      n_layer: 24,
      n_head: 16,
      n_positions: 1024,
      vocab_size: 50257,
    },
    rank: 4,
    told: "trainable: 393,216 LoRA (0.11 %), of 355,216,384 parameters",
  },
  "LLaMA2-7B": {
    fields: {
      model_type: "llama",
      vocab_size: 32000,
      hidden_size: 4096,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      intermediate_size: 11008,
      max_position_embeddings: 4096,
      tie_word_embeddings: false,
      hidden_act: "silu",
    },
    rank: 8,
    told: "trainable: 4,194,304 LoRA (0.06 %), of 6,742,609,920 parameters",
  },
} as const;

for (const [name, { fields, rank, told }] of Object.entries(published)) {
  Deno.test(`describeParameters() has the paper's share of ${name}, the head apart`, () => {
    const config = parseConfig({ ...fields });
    const model = config.causal ? languageModel(config) : classifier({ ...config, labels: 2 });
    applyLora(model, { targets: architectureOf(config).targets, rank, alpha: 16 });
    trainHead(model);
    const lines: string[] = [];
    const { trainable, lora, head } = describeParameters(model, (line) => lines.push(line));
    assertEquals(lines[0], told);
    assertEquals(trainable, lora + head);
  });
}

Deno.test("describeParameters() counts what no checkpoint holds with the head, and the rest apart", () => {
  const config = parseConfig({
    model_type: "bert",
    vocab_size: 10,
    hidden_size: 4,
    num_hidden_layers: 2,
    num_attention_heads: 1,
    intermediate_size: 8,
    hidden_act: "gelu",
    max_position_embeddings: 6,
  });
  const model = classifier({ ...config, labels: 3 });
  applyLora(model, { targets: ["query"], rank: 2, alpha: 4 });
  const pooler = [...parameters(model)].map(([path]) => path).filter((path) => /pooler/.test(path));
  trainHead(model, pooler);
  for (const [path, parameter] of parameters(model)) {
    if (/query\.bias$/.test(path)) parameter.trainable = true;
  }
  const lines: string[] = [];
  const counts = describeParameters(model, (line) => lines.push(line), pooler);
  const all = [...parameters(model)].reduce((sum, [, { size }]) => sum + size, 0);
  // Two updates of 2 x (4 + 4); a pooler of 4 x 4 + 4 and a head of 3 x 4 + 3; two biases of 4.
  assertEquals(counts, { trainable: 75, lora: 32, head: 35, parameters: all });
  const share = (3200 / all).toFixed(2);
  assertEquals(
    lines[0],
    `trainable: 32 LoRA (${share} %), 35 head, 8 other, of ${all} parameters`,
  );
  assertEquals(lines.filter((line) => /query/.test(line)), [
    "  bert.encoder.layer.*.attention.self.query.bias 2 x [4] = 8",
    "  bert.encoder.layer.*.attention.self.query.lora_A.weight 2 x [2,4] = 16",
    "  bert.encoder.layer.*.attention.self.query.lora_B.weight 2 x [4,2] = 16",
  ]);
});

Deno.test("recordedDropout() is a rate where PEFT would drop the same, else 0", () => {
  for (const decoder of [false, true]) {
    assertEquals(recordedDropout(dropoutPlan("lora-dropout", decoder, { rate: 0.3 })), 0.3);
    for (const layers of ["latter-half", [0]] as const) {
      assertEquals(recordedDropout(dropoutPlan("lora-dropout", decoder, { layers })), 0);
    }
    assertEquals(recordedDropout(dropoutPlan("lora-dropout", decoder, { structure: "column" })), 0);
    assertEquals(recordedDropout(dropoutPlan("hiddenkey", decoder, { rate: 0.3 })), 0);
    // PEFT rescales, and draws each example's mask for itself.
    for (const change of [{ rescale: false }, { perExample: false }]) {
      const site = [{ position: "lora", rate: 0.3, ...change } as const];
      assertEquals(recordedDropout(dropoutPlan("lora", decoder, { site })), 0);
    }
  }
});

Deno.test("describeDropout() says in one line what PEFT's file cannot, and nothing else", () => {
  const lines = (method: Method, options: PlanOptions = {}, decoder = false) => {
    const said: string[] = [];
    describeDropout(dropoutPlan(method, decoder, options), (line) => said.push(line));
    return said;
  };
  const end = "; adapter_config.json cannot say it, hiddenkey_config.json does";
  const usual = { nograd: true, perHead: true, point: "output" } as const;
  const both = "dropout: column logits 0.1 and element hidden 0.1 in";
  assertEquals(lines("hiddenkey", usual), [`${both} all layers, KL of weight 1${end}`]);
  assertEquals(lines("hiddenkey-", usual, true), [`${both} the latter half of the layers${end}`]);
  assertEquals(lines("lora", { compensation: "js", kl: 0.5 }), [
    `dropout: nothing, JS of weight 0.5${end}`,
  ]);
  const site = [
    { position: "hidden", structure: "span", rate: 0.2, start: "attention", layers: [0, 2] },
    { position: "weights", rate: 0.3, rescale: true, perHead: false },
  ] as const;
  assertEquals(lines("lora", { site }), [
    "dropout: span hidden 0.2 start=attention in layers 0, 2; " +
    `element weights 0.3 rescale no-per-head in all layers${end}`,
  ]);
  const around = [{ position: "input", structure: "span" }, { position: "output" }] as const;
  assertEquals(lines("hiddenkey-", { ...usual, site: [...around, site[0]] }, true), [
    "dropout: span input 0.1; element output 0.1; column logits 0.1 in the latter half of the " +
    `layers; span hidden 0.2 start=attention in layers 0, 2${end}`,
  ]);
  assertEquals(lines("lora", { neftuneAlpha: 5, instances: 3 }), [
    `dropout: nothing, noise of alpha 5 on the embeddings, 3 draws a step${end}`,
  ]);
  assertEquals(lines("lora-dropout", { compensation: "kl", branches: 2 }), [
    `dropout: element lora 0.1 in all layers, KL of weight 1, a gradient through both passes${end}`,
  ]);
  assertEquals(lines("lora"), []);
  assertEquals(lines("lora-dropout", { rate: 0.3 }), []);
  assertEquals(lines("hiddenkey-", { rate: 0 }), []);
  const shared = { site: [{ position: "lora", perExample: false }] } as const;
  assertEquals(lines("lora-dropout", shared), [
    `dropout: element lora 0.1 no-per-example in all layers${end}`,
  ]);
});

Deno.test("describeLearningRates() says which tensors learn faster, where some do", () => {
  const model = classifier(tinyConfig("bert"));
  applyLora(model, { targets: ["query"], rank: 2, alpha: 4 });
  const trained = [...parameters(model)].filter(([, { trainable }]) => trainable);
  const faster = trained.filter(([path]) => path.includes("lora_B")).length;
  const said: string[] = [];
  describeLearningRates(model, { lr: 0.25, loraplusRatio: 16 }, (line) => said.push(line));
  const biases = trained.filter(([, { shape }]) => shape.length === 1).length;
  assertEquals(said, [
    `learning rate: 0.25, 4 of ${faster + biases} of ${trained.length} trained tensors`,
  ]);
  describeLearningRates(model, { lr: 0.25, loraplusRatio: 1 }, (line) => said.push(line));
  assertEquals(said.length, 1);
});

Deno.test("describePadding() says what batches are filled up to, and nothing where they are not", () => {
  const said: string[] = [];
  for (const padMultiple of [undefined, 1, 16]) {
    describePadding(padMultiple === undefined ? {} : { padMultiple }, (line) => said.push(line));
  }
  assertEquals(said, [
    "batches: filled up to a multiple of 16 tokens, which no mask or loss counts",
  ]);
});

Deno.test("describeMemory() says which layers are computed again, and nothing where none is", () => {
  const said: string[] = [];
  describeMemory({ gradientCheckpointing: false }, 6, (line) => said.push(line));
  describeMemory({ gradientCheckpointing: true }, 6, (line) => said.push(line));
  assertEquals(said, [
    "memory: 5 of 6 layers keep their input alone and are computed again in the backward pass; " +
    "the numbers stay the same",
  ]);
});
