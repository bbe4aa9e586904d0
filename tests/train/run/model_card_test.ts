import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { resolveConfig } from "../../../train/config/config.ts";
import { parseObject } from "../../../train/config/parse.ts";
import { trainOptions } from "../../../train/config/train_options.ts";
import { modelCard } from "../../../train/run/model_card.ts";
import { train } from "../../../train/train.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const adapter = {
  targets: ["query"],
  rank: 8,
  alpha: 16,
  taskType: "SEQ_CLS",
  modulesToSave: ["classifier"],
  baseModel: 'models/"a": b',
};

Deno.test("modelCard() begins with what the Hub reads, whatever the base model is called", () => {
  const config = workspace.config("mrpc");
  const card = modelCard(adapter, config, { name: "MRPC", labels: 2 }, {
    metrics: { accuracy: 0.81234, f1: 0.9, loss: 0.5 },
    step: 12,
  });
  const front = card.split("---\n")[1]!;
  // JSON's texts are YAML's.
  assertEquals(front.trimEnd().split("\n"), [
    `base_model: "models/\\"a\\": b"`,
    "library_name: peft",
    "pipeline_tag: text-classification",
    "tags:",
    `- "base_model:adapter:models/\\"a\\": b"`,
    '- "hiddenkey"',
    '- "lora"',
    '- "transformers"',
    "metrics:",
    '- "accuracy"',
    '- "f1"',
  ]);
  assertStringIncludes(card, "On the development set, after step 12:");
  assertStringIncludes(card, "| accuracy | 0.8123 |\n| f1 | 0.9000 |\n| loss | 0.5000 |");
  assertStringIncludes(card, 'from_pretrained("models/\\"a\\": b", num_labels=2)');
});

Deno.test("modelCard() leaves out metrics that are not known, and labels of language models", () => {
  const card = modelCard(
    { ...adapter, baseModel: undefined },
    workspace.config("e2e"),
    { name: "E2E", labels: 0 },
  );
  const base = workspace.config("e2e").model;
  assertStringIncludes(card, `base_model: ${JSON.stringify(base)}`);
  assertStringIncludes(card, "pipeline_tag: text-generation");
  assertStringIncludes(card, `AutoModelForCausalLM.from_pretrained(${JSON.stringify(base)})`);
  assert(!card.includes("metrics:") && !card.includes("## Evaluation"));
});

Deno.test("modelCard() names the commit of a base model that came from a hub", () => {
  const hub = { ...adapter, baseModel: "org/tiny", revision: "0123abc" };
  const card = modelCard(hub, workspace.config("rte"), { name: "RTE", labels: 2 });
  assertStringIncludes(card, 'from_pretrained("org/tiny", revision="0123abc", num_labels=2)');
});

Deno.test("train() writes a card with its metrics and the configuration that repeats the run", async () => {
  const out = workspace.out("card");
  const config = workspace.config("rte", { out, maxSteps: 2, rate: { hidden: 0.2 } });
  const { metrics } = await train(config);
  const card = await Deno.readTextFile(`${out}/README.md`);
  assertStringIncludes(card, `| accuracy | ${metrics["accuracy"]!.toFixed(4)} |`);
  const json = JSON.parse(/```json\n([^]*?)```/.exec(card)![1]!);
  const read = resolveConfig(parseObject(trainOptions, json, "card"));
  assertEquals({ ...read, out }, JSON.parse(JSON.stringify(config)));
});
