/** What a run says of a number that is not finite: where it begins, and which option is to blame. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TrainingError } from "../../../core/errors.ts";
import { tensor } from "../../../core/tensor.ts";
import { Module, Parameter } from "../../../nn/layers/module.ts";
import type { TrainState } from "../../../nn/optim/train_step.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { encodeFloats } from "../../../nn/formats/safetensors_values.ts";
import { encodeSafetensors, type TensorData } from "../../../nn/formats/safetensors_write.ts";
import type { TrainConfig } from "../../../train/config/config.ts";
import type { TaskName } from "../../../train/config/train_options.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { requireFiniteParameters } from "../../../train/run/diagnosis.ts";
import { train } from "../../../train/train.ts";
import { withDevice } from "../../support/with_device.ts";
import { namesIn, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const usual = {
  method: "hiddenkey",
  maxSteps: 3,
  warmup: 0,
  backend: "cpu",
  threads: 1,
  evalStart: false,
} as const;

/** The message that a run ends with. */
async function refusal(task: TaskName, changes: Partial<TrainConfig>): Promise<string> {
  const config = workspace.config(task, { ...usual, ...changes });
  const { message } = await assertRejects(() => train(config), TrainingError);
  assert(message.startsWith("Cannot go on after step ") && message.length < 400, message);
  assertEquals(message.split(/\.\s/).length, 1, message);
  return message;
}

const blamed: [string, TaskName, Partial<TrainConfig>, string[]][] = [
  ["alpha that no number holds", "rte", { alpha: 1e308 }, [
    "step 1 as loss must be finite: found NaN; it begins in bert.encoder.layer.0.attention.self.query",
    "whose updates are scaled by",
    ": lower --alpha",
  ]],
  ["alpha of the gradient", "rte", { alpha: 1e38 }, [
    "step 1 as grad_norm must be finite",
    "nothing was updated yet: lower --alpha 1e+38",
  ]],
  ["noise", "rte", { neftuneAlpha: 1e39, method: "lora" }, [
    "step 1 as loss must be finite: found NaN; it begins in bert.embeddings.",
    ", and not without the noise: lower --neftune-alpha 1e+39",
  ]],
  ["weight of the loss", "rte", { kl: 1e308 }, [
    "step 1 as loss must be finite: found Infinity; --kl 1e+308 times the compensation",
    ": lower --kl",
  ]],
  ["weight of the gradient", "e2e", { kl: 1e30 }, [
    "step 1 as grad_norm must be finite",
    "--kl 1e+30 makes most of the loss: lower --kl",
  ]],
  ["rate of a language model", "e2e", { lr: 1e38 }, [
    "step 2 as loss must be finite",
    "it begins in transformer.h.0.attn.c_attn for training examples",
    ": lower --lr 1e+38",
  ]],
  ["epsilon", "rte", { epsilon: 0 }, [
    "step 2 as loss must be finite: found NaN",
    "layer.0.attention.self.query.lora_A.weight is not since the update of step 1",
    "--epsilon 0 leaves a division by 0: raise it",
  ]],
  ["epsilon at the end", "rte", { epsilon: 1e-46, maxSteps: 1 }, [
    "step 1 as every trained parameter must be finite: found NaN in bert.encoder.layer.0",
    "--epsilon 1e-46 leaves a division by 0",
  ]],
  ["rate of the gradient", "rte", { lr: 1e30 }, [
    "step 2 as grad_norm must be finite",
    "the gradient of bert.encoder.layer.0.attention.self.query.lora_A.weight is the first",
    ": lower --lr 1e+30",
  ]],
  ["rate of the forward pass", "rte", { lr: 1e38 }, [
    "step 2 as loss must be finite",
    "it begins in bert.encoder.layer.0.attention.self.query for training examples",
    ": lower --lr 1e+38",
  ]],
];
for (const [name, task, changes, parts] of blamed) {
  Deno.test(`a number that is not finite is blamed on what causes it: ${name}`, async () => {
    const message = await refusal(task, changes);
    for (const part of parts) assertStringIncludes(message, part);
  });
}

/** A copy of the tiny BERT with some elements changed. */
async function spoiled(
  name: string,
  change: (tensor: string, values: Float32Array) => void,
): Promise<string> {
  const [from, to] = [workspace.model("bert"), workspace.out(name)];
  await Deno.mkdir(to);
  for (const file of namesIn(from)) await Deno.copyFile(`${from}/${file}`, `${to}/${file}`);
  const tensors: TensorData[] = [];
  {
    using file = await Checkpoint.open(from);
    for (const each of file.names()) {
      const values = await file.readFloat(each, "f32");
      change(each, values);
      const { shape } = file.entry(each);
      tensors.push({ name: each, dtype: "F32", shape, bytes: encodeFloats(values, "F32") });
    }
  }
  await Deno.writeFile(`${to}/model.safetensors`, encodeSafetensors(tensors, { format: "pt" }));
  return to;
}

Deno.test("base weights are blamed with their module", async () => {
  const model = await spoiled("large", (name, values) => {
    if (/layer\.1\.(intermediate\.dense\.bias|output\.dense\.weight)/.test(name)) values.fill(3e38);
  });
  const message = await refusal("rte", { model });
  assertStringIncludes(message, "it begins in bert.encoder.layer.1.output.dense for training");
  assertStringIncludes(message, "without what is trained too: the base model's weights");
});

Deno.test("the examples whose numbers are not finite are named, by their numbers", async () => {
  const lines = (await Deno.readTextFile(`${workspace.data("rte")}/train.tsv`)).trimEnd().split(
    "\n",
  );
  const vocabulary = (await Deno.readTextFile(`${workspace.model("bert")}/vocab.txt`)).split("\n");
  const texts = lines.slice(1).map((line) => line.split("\t").slice(1, 3).join(" ").split(/\W+/));
  // A word of few examples.
  const word = vocabulary.find((one) => {
    const count = texts.filter((words) => words.includes(one)).length;
    return one !== "" && count > 0 && count < 5;
  })!;
  const wanted = [...texts.keys()].filter((i) => texts[i]!.includes(word));
  const at = vocabulary.indexOf(word);
  const model = await spoiled("word", (name, values) => {
    if (name.endsWith("word_embeddings.weight")) values.fill(3e38, at * 16, at * 16 + 16);
  });
  const message = await refusal("rte", { model, batch: 32, accumulate: 1 });
  const noun = wanted.length === 1 ? "example" : "examples";
  assertStringIncludes(message, `for training ${noun} ${wanted.join(", ")},`);
  // In batches of a step, too.
  const parts = await refusal("rte", { model, batch: 8, accumulate: 4, bucket: false });
  const [, listed] = /for training examples? ([\d, ]+),/.exec(parts)!;
  for (const number of listed!.split(", ")) assert(wanted.includes(Number(number)), parts);
});

Deno.test("labels are blamed with their example", async () => {
  const data = workspace.out("scores");
  await Deno.mkdir(data);
  const rows = (far: number) =>
    Array.from({ length: 8 }, (_, i) => {
      return `${JSON.stringify({ text: `the dog ${i}`, label: i === 5 ? far : i })}\n`;
    }).join("");
  for (const [name, far] of [["train", 1e30], ["dev", 1]] as const) {
    await Deno.writeTextFile(`${data}/${name}.jsonl`, rows(far));
  }
  const message = await refusal("regression", { data, model: workspace.model("bert"), batch: 8 });
  const says =
    "step 1 as loss must be finite: found Infinity; the label of training example 5 is 1e+30";
  assertStringIncludes(message, says);
});

class Two extends Module {
  first = new Parameter([2, 2]);
  second = new Parameter([3]);
}

Deno.test("requireFiniteParameters() names the parameter of the first such number", async () => {
  await withDevice("f32", async (device) => {
    for (let at = 0; at < 7; at++) {
      const model = new Two();
      const values = new Float32Array(7);
      values[at] = NaN;
      model.first.value = tensor(device, values.slice(0, 4), [2, 2]);
      model.second.value = tensor(device, values.slice(4), [3]);
      for (const parameter of [model.first, model.second]) parameter.trainable = true;
      const trainable = await Trainable.of(model, device);
      const state = { optimiser: { trainable } } as TrainState;
      const config = { alpha: 1, kl: 1, lr: 0.5, epsilon: 1e-8 };
      const { message } = await assertRejects(
        () => requireFiniteParameters(state, 3, config),
        TrainingError,
      );
      const name = at < 4 ? "first" : "second";
      assertStringIncludes(message, `step 3 as every trained parameter must be finite`);
      assertStringIncludes(message, `found NaN in ${name}; lower --lr 0.5`);
    }
  });
});
