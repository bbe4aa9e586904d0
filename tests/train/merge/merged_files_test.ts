import { assertEquals } from "@std/assert";
import { parseConfig } from "../../../nn/models/config.ts";
import type { JsonObject } from "../../../nn/formats/json_record.ts";
import { mergeAdapter } from "../../../train/merge/merge.ts";
import { mergedConfig, type MergedFacts } from "../../../train/merge/merged_config.ts";
import { namesIn, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const golden = decodeURIComponent(new URL("../../golden", import.meta.url).pathname);

const base: JsonObject = {
  model_type: "bert",
  vocab_size: 10,
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: 32,
  torch_dtype: "float32",
  architectures: ["BertModel"],
};

/** The merged configuration of a base with some keys. */
function configOf(fields: Record<string, unknown>, facts: MergedFacts): Record<string, unknown> {
  const json = { ...base, ...fields };
  return JSON.parse(mergedConfig(json, parseConfig(json), facts));
}

Deno.test("a merged configuration names the classes that are given, else the base's, else numbers", () => {
  const own = { id2label: { 0: "bad", 1: "good" } };
  const plain = { classifies: true, labels: 2, untied: false };
  const classes = (fields: Record<string, unknown>, facts: MergedFacts) => {
    const { id2label, label2id, problem_type, num_labels } = configOf(fields, facts);
    assertEquals(num_labels, undefined);
    return [id2label, label2id, problem_type];
  };
  assertEquals(classes(own, { ...plain, names: ["no", "yes"] }), [
    { 0: "no", 1: "yes" },
    { no: 0, yes: 1 },
    "single_label_classification",
  ]);
  assertEquals(classes(own, plain), [{ 0: "bad", 1: "good" }, { bad: 0, good: 1 }, undefined]);
  assertEquals(classes({ num_labels: 7 }, { ...plain, labels: 1, names: [] }), [
    { 0: "LABEL_0" },
    { LABEL_0: 0 },
    "regression",
  ]);
  // Names of another number of classes say nothing.
  assertEquals(classes(own, { ...plain, labels: 3 })[0], {
    0: "LABEL_0",
    1: "LABEL_1",
    2: "LABEL_2",
  });
});

Deno.test("a merged configuration says class, type and ties of what was written", () => {
  const { architectures, torch_dtype, dtype } = configOf({}, {
    classifies: true,
    labels: 2,
    untied: false,
    dtype: "BF16",
  });
  assertEquals([architectures, torch_dtype, dtype], [
    ["BertForSequenceClassification"],
    "bfloat16",
    undefined,
  ]);
  const gpt2 = { model_type: "gpt2", n_inner: 16, tie_word_embeddings: true };
  for (const untied of [true, false]) {
    const found = configOf(gpt2, { classifies: false, untied });
    assertEquals([found["architectures"], found["tie_word_embeddings"], found["id2label"]], [
      ["GPT2LMHeadModel"],
      !untied,
      undefined,
    ]);
  }
});

Deno.test("a merged model has every file of its tokenizer, and no other", async () => {
  const name = "bert-classification";
  const model = workspace.out("base");
  await Deno.mkdir(model);
  for (const file of ["config.json", "model.safetensors"]) {
    await Deno.copyFile(`${golden}/${name}/base/${file}`, `${model}/${file}`);
  }
  const companions = [
    ...["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"],
    ...["vocab.txt", "vocab.json", "encoder.json", "merges.txt", "vocab.bpe", "tokenizer.model"],
    ...["chat_template.jinja", "generation_config.json"],
  ];
  // Of these the merge reads one itself: texts of the merged model end where it says.
  const contentOf = (file: string) =>
    file === "generation_config.json" ? '{"eos_token_id": 3}' : file;
  for (const file of [...companions, "README.md", "training_args.bin"]) {
    await Deno.writeTextFile(`${model}/${file}`, contentOf(file));
  }
  const out = workspace.out("merged");
  await mergeAdapter({ model, adapter: `${golden}/${name}/adapter`, out });
  assertEquals(namesIn(out), [...companions, "config.json", "model.safetensors"].sort());
  for (const file of companions) {
    assertEquals(await Deno.readTextFile(`${out}/${file}`), contentOf(file));
  }
});
