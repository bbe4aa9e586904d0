import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { foldKey, normal, seedKey } from "../../../core/random.ts";
import type { Device } from "../../../core/device.ts";
import { tensor } from "../../../core/tensor.ts";
import { LanguageModel } from "../../../nn/models/decoder.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { loadAdapter, saveAdapter } from "../../../train/run/adapter.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { openClassifier, openLanguageModel } from "../../../train/run/load_model.ts";
import { mergeAdapter } from "../../../train/merge/merge.ts";
import { relativeError } from "../../../train/parity/parity_rows.ts";
import { here, needsPython, runPython, withoutPython } from "../../support/python.ts";
import { shared, sharedPresent } from "../../support/shared.ts";
import { withDevice } from "../../support/with_device.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { applyLora, type LoraOptions } from "../../../nn/lora/apply.ts";
import { trainHead } from "../../../nn/models/heads.ts";

/** Two sequences of different lengths. */
const sequences = [[5, 9, 30, 7, 21, 8], [11, 4, 33, 6]];
const lengths = sequences.map(({ length }) => length);

/** The sequences, padded on the right with the model's own token: transformers looks for it. */
async function padded(model: string): Promise<number[][]> {
  const { pad_token_id: pad } = JSON.parse(await Deno.readTextFile(`${model}/config.json`));
  return sequences.map((ids) => Object.assign(new Array(lengths[0]!).fill(pad ?? 1), ids));
}

/** A model for transformers, with an adapter or without. */
interface Job {
  readonly model: string;
  readonly adapter?: string;
  readonly labels?: number;
}

/** Logits of models as transformers and PEFT compute them; nothing may be missing or left over. */
async function pythonLogits(jobs: readonly Job[], folder: string): Promise<number[][]> {
  const path = `${folder}/jobs.json`;
  const attention_mask = sequences.map((ids) =>
    sequences[0]!.map((_, i) => Number(i < ids.length))
  );
  const complete = await Promise.all(jobs.map(async (job) => {
    return { ...job, input_ids: await padded(job.model), attention_mask };
  }));
  await Deno.writeTextFile(path, JSON.stringify(complete));
  const results = await runPython("logits.py", [path]) as {
    logits: number[];
    complaints: string[];
  }[];
  return results.map(({ logits, complaints }) => {
    assertEquals(complaints, []);
    return logits;
  });
}

async function open(directory: string, device: Device, language: boolean, labels?: number) {
  const key = seedKey(7);
  return language
    ? await openLanguageModel(directory, device, key)
    : await openClassifier(directory, device, key, labels);
}
type Model = Awaited<ReturnType<typeof open>>["model"];

async function logitsOf(model: Model, device: Device): Promise<ArrayLike<number>> {
  const batch = toBatch(device, sequences.map((ids) => ({ ids })), { padId: 1 });
  return await model.forward({ batch }).logits.read();
}

/** Registers a test that gets a folder of its own and is skipped where there is no Python. */
function pythonTest(
  name: string,
  body: (folder: string, t: Deno.TestContext) => Promise<void>,
  needsShared = false,
) {
  Deno.test({
    name: `${name} ${needsShared ? "(needs reference data in ../shared) " : ""}${needsPython}`,
    ignore: withoutPython || needsShared && !sharedPresent,
    async fn(t) {
      const folder = await Deno.makeTempDir();
      try {
        await body(folder, t);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

const roundTrips: readonly { what: string; base: string; lora: LoraOptions }[] = [
  {
    what: "BERT's query and value, with its head",
    base: "bert-classification",
    lora: { targets: ["query", "value"], rank: 3, alpha: 5 },
  },
  {
    what: "RoBERTa's query, key and value by rsLoRA, with its head",
    base: "roberta-regression-rslora",
    lora: { targets: ["query", "key", "value"], rank: 4, alpha: 5, rslora: true },
  },
  {
    what: "GPT-2's whole c_attn and both c_proj",
    base: "gpt2-lm",
    lora: { targets: ["c_attn", "c_proj"], rank: 2, alpha: 3 },
  },
  {
    what: "GPT-2's c_attn.q and c_attn.v",
    base: "gpt2-lm",
    lora: { targets: ["c_attn.q", "c_attn.v"], rank: 2, alpha: 3 },
  },
  {
    what: "GPT-2's c_attn.k alone by rsLoRA",
    base: "gpt2-lm",
    lora: { targets: ["c_attn.k"], rank: 2, alpha: 3, rslora: true },
  },
  {
    what: "GPT-2's c_attn.q, c_attn.k and c_attn.v by rsLoRA",
    base: "gpt2-lm",
    lora: { targets: ["c_attn.q", "c_attn.k", "c_attn.v"], rank: 2, alpha: 3, rslora: true },
  },
  {
    what: "thirds of GPT-2's c_attn that differ by layer, beside c_proj",
    base: "gpt2-lm",
    lora: { targets: ["c_attn.q", "h.1.attn.c_attn.v", "c_proj"], rank: 3, alpha: 5 },
  },
  {
    what: "LLaMA's q_proj, v_proj and down_proj",
    base: "llama-lm",
    lora: { targets: ["q_proj", "v_proj", "down_proj"], rank: 3, alpha: 5 },
  },
];

pythonTest("PEFT computes the same logits from what saveAdapter() writes", async (folder, t) => {
  const jobs: Job[] = [];
  const ours: ArrayLike<number>[] = [];
  for (const [i, { base: name, lora }] of roundTrips.entries()) {
    await withDevice("f64", async (device) => {
      const base = here(`./golden/${name}/base`);
      const { model } = await open(base, device, name.endsWith("-lm"));
      const before = await logitsOf(model, device);
      applyLora(model, lora);
      trainHead(model);
      for (const [path, parameter] of parameters(model)) {
        if (!parameter.trainable) continue;
        // Rounded, as the file holds 32 bits.
        const values = normal(foldKey(seedKey(7), path), parameter.size).map((x) =>
          Math.fround(x / 4)
        );
        parameter.value = tensor(device, values, parameter.shape);
      }
      ours.push(await logitsOf(model, device));
      assert(relativeError(ours[i]!, before) > 0.01, "The adapter changes the logits");
      const adapter = `${folder}/${i}`;
      await Deno.mkdir(adapter);
      const language = model instanceof LanguageModel;
      await saveAdapter(model, {
        ...lora,
        taskType: language ? "CAUSAL_LM" : "SEQ_CLS",
        modulesToSave: language ? [] : ["classifier"],
        baseModel: undefined,
      }, adapter);
      jobs.push({ model: base, adapter });
    });
  }
  const theirs = await pythonLogits(jobs, folder);
  for (const [i, { what }] of roundTrips.entries()) {
    await t.step(what, () => assertLessOrEqual(relativeError(ours[i]!, theirs[i]!), 1e-5));
  }
});

/** What is compared with PEFT of one adapter of its own. */
interface Compared {
  readonly name: string;
  readonly loaded: ArrayLike<number>;
  readonly jobs: readonly [asRead: Job, asWritten: Job, merged: Job, mergedAsBase: Job];
}

/** Loads PEFT's adapter, writes it anew and merges it. */
async function through(name: string, job: Required<Omit<Job, "labels">> & Job, folder: string) {
  const language = JSON.parse(await Deno.readTextFile(`${job.adapter}/adapter_config.json`))
    .task_type === "CAUSAL_LM";
  const written = `${folder}/${name}-written`;
  const merged = `${folder}/${name}-merged`;
  let loaded: ArrayLike<number> = [];
  await withDevice("f64", async (device) => {
    const { model } = await open(job.model, device, language, job.labels);
    const adapter = await loadAdapter(model, job.adapter, device);
    loaded = await logitsOf(model, device);
    await Deno.mkdir(written);
    await saveAdapter(model, adapter, written);
  });
  const paths = { model: job.model, adapter: job.adapter };
  const { difference, largest } = await mergeAdapter({ ...paths, out: merged, dtype: "F32" });
  assertLessOrEqual(difference, 1e-5 * largest);
  await mergeAdapter({ ...paths, out: `${merged}-as-base` });
  const whole = [{ model: merged }, { model: `${merged}-as-base` }] as const;
  return { name, loaded, jobs: [job, { ...job, adapter: written }, ...whole] as const };
}

/** Compares the four readings of each adapter with what PEFT computes from its own files. */
async function compareAll(all: readonly Compared[], folder: string, t: Deno.TestContext) {
  const theirs = await pythonLogits(all.flatMap(({ jobs }) => jobs), folder);
  for (const [i, { name, loaded }] of all.entries()) {
    await t.step(name, () => {
      const [expected, written, merged, mergedAsBase] = theirs.slice(4 * i, 4 * i + 4);
      assertLessOrEqual(relativeError(loaded, expected!), 1e-5, "loadAdapter() reads it");
      assertLessOrEqual(relativeError(written!, expected!), 1e-5, "saveAdapter() writes it");
      assertLessOrEqual(relativeError(merged!, expected!), 1e-5, "mergeAdapter() merges it");
      // MiniLM is stored in half precision.
      const bound = name.startsWith("minilm") ? 1e-3 : 1e-5;
      assertLessOrEqual(relativeError(mergedAsBase!, expected!), bound, "in the base's dtype");
    });
  }
}

pythonTest("adapters of every kind that PEFT writes mean the same here", async (folder, t) => {
  const made = await runPython("adapters.py", [`${folder}/made`]) as {
    case: string;
    base: string;
    adapter: string;
  }[];
  assert(made.length > 30);
  const all: Compared[] = [];
  for (const { case: name, base, adapter } of made) {
    const job = { model: `${folder}/made/${base}`, adapter: `${folder}/made/${adapter}` };
    all.push(await through(name, job, folder));
  }
  await compareAll(all, folder, t);
});

const fixtures: readonly [name: string, model?: string, labels?: number][] = [
  ["bert-classification"],
  ["gpt2-lm"],
  ["llama-classification"],
  ["llama-lm"],
  ["minilm-rte", "models/minilm", 2],
  ["minilm-stsb", "models/minilm", 1],
  ["roberta-classification"],
  ["roberta-regression"],
];

pythonTest("the shared fixtures' adapters mean the same here", async (folder, t) => {
  const all: Compared[] = [];
  for (const [name, base = `fixtures/${name}/base`, labels] of fixtures) {
    const adapter = shared(`fixtures/${name}/adapter`);
    using file = await Checkpoint.open(`${adapter}/adapter_model.safetensors`);
    assert(file.names().length > 0);
    const job = { model: shared(base), adapter, ...(labels !== undefined && { labels }) };
    all.push(await through(name, job, folder));
  }
  await compareAll(all, folder, t);
}, true);
