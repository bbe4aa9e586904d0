/** A temporary folder with tiny models and data in the published layouts, all of our own making. */

import { Device } from "../../core/device.ts";
import { openCpu } from "../../kernels/cpu/backend.ts";
import { encodeSafetensors, type TensorData } from "../../nn/formats/safetensors_write.ts";
import { parameters } from "../../nn/layers/module.ts";
import { parseConfig } from "../../nn/models/config.ts";
import { classifier, languageModel } from "../../nn/models/registry.ts";
import { type GivenConfig, resolveConfig, type TrainConfig } from "../../train/config/config.ts";
import type { TaskName } from "../../train/config/train_options.ts";
import { grammarWords } from "../../train/data/grammar_clauses.ts";
import { generates } from "../../train/data/text_tasks.ts";
import { fillRandomly } from "./tiny_models.ts";
import { writeE2e, writeGlue, writeWebnlg } from "./workspace_data.ts";
import { byteLevelFiles, llamaTokenizer } from "./workspace_tokenizer.ts";

/** Models of a workspace: folders below `models`. */
export type TinyModel = "bert" | "gpt2" | "llama";

const sizes = { vocab_size: 0, hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2 };

const fields: Record<TinyModel, Record<string, unknown>> = {
  bert: {
    model_type: "bert",
    ...sizes,
    intermediate_size: 24,
    max_position_embeddings: 48,
    type_vocab_size: 2,
    hidden_act: "gelu",
    pad_token_id: 0,
  },
  gpt2: {
    model_type: "gpt2",
    vocab_size: 0,
    n_embd: 16,
    n_layer: 2,
    n_head: 2,
    n_positions: 96,
    activation_function: "gelu_new",
  },
  llama: {
    model_type: "llama",
    ...sizes,
    num_key_value_heads: 1,
    intermediate_size: 24,
    max_position_embeddings: 96,
    hidden_act: "silu",
    rms_norm_eps: 1e-5,
  },
};

/** A folder that is removed when the workspace is disposed. */
export class Workspace implements AsyncDisposable {
  private constructor(
    /** The folder. */
    readonly root: string,
  ) {}

  /** Makes the folder with its models and data. */
  static async open(): Promise<Workspace> {
    const workspace = new Workspace(await Deno.makeTempDir({ prefix: "hiddenkey-" }));
    await Promise.all([
      writeModels(`${workspace.root}/models`),
      writeGlue(`${workspace.root}/data`),
      writeE2e(`${workspace.root}/data/e2e`),
      writeWebnlg(`${workspace.root}/data/webnlg`),
    ]);
    return workspace;
  }

  /** Folder of a model. */
  model(name: TinyModel): string {
    return `${this.root}/models/${name}`;
  }

  /** Folder of a task's files. */
  data(task: TaskName): string {
    return `${this.root}/data/${task}`;
  }

  /** A folder for results, not made yet. */
  out(name: string): string {
    return `${this.root}/${name}`;
  }

  /** A run of eight steps: two passes over the 32 training examples. */
  config(task: TaskName, changes: GivenConfig = {}): TrainConfig {
    return resolveConfig({
      task,
      data: this.data(task),
      model: this.model(generates(task) ? "gpt2" : "bert"),
      epochs: 2,
      batch: 8,
      rank: 4,
      lr: 5e-3,
      newTokens: 8,
      ...changes,
    });
  }

  /** Removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

async function writeModels(root: string): Promise<void> {
  const words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...grammarWords];
  await writeModel(`${root}/bert`, "bert", { vocab_size: words.length });
  await Deno.writeTextFile(`${root}/bert/vocab.txt`, words.map((word) => `${word}\n`).join(""));

  const { vocabulary, merges } = byteLevelFiles(["<|endoftext|>"]);
  const end = vocabulary["<|endoftext|>"];
  await writeModel(`${root}/gpt2`, "gpt2", {
    vocab_size: Object.keys(vocabulary).length,
    bos_token_id: end,
    eos_token_id: end,
  });
  await Deno.writeTextFile(`${root}/gpt2/vocab.json`, JSON.stringify(vocabulary));
  await Deno.writeTextFile(`${root}/gpt2/merges.txt`, merges);

  const { json, size, bos, eos } = llamaTokenizer();
  await writeModel(`${root}/llama`, "llama", {
    vocab_size: size,
    bos_token_id: bos,
    eos_token_id: eos,
  });
  await Deno.writeTextFile(`${root}/llama/tokenizer.json`, JSON.stringify(json));
}

/** Writes config.json and random weights, without a classification head. */
async function writeModel(folder: string, name: TinyModel, changes: Record<string, unknown>) {
  await Deno.mkdir(folder, { recursive: true });
  const json = { ...fields[name], ...changes };
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(json));
  const config = parseConfig(json);
  await using device = new Device(openCpu(), "f32");
  using _scope = device.scope("workspace");
  const model = name === "bert" ? classifier(config) : languageModel(config);
  fillRandomly(model, device);
  const tensors: TensorData[] = [];
  for (const [path, { value, shape }] of parameters(model)) {
    if (path.startsWith("classifier.")) continue;
    const bytes = new Uint8Array(Float32Array.from(await value.read()).buffer);
    tensors.push({ name: path, dtype: "F32", shape, bytes });
  }
  await Deno.writeFile(
    `${folder}/model.safetensors`,
    encodeSafetensors(tensors, { format: "pt" }),
  );
}

/** The lines of a run's metrics.jsonl. */
export async function readMetrics(run: string): Promise<Record<string, number>[]> {
  const lines = (await Deno.readTextFile(`${run}/metrics.jsonl`)).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

/** The same without the seconds, which no two runs share. */
export async function readTimeless(run: string): Promise<Record<string, number>[]> {
  return (await readMetrics(run)).map(({ seconds: _, ...rest }) => rest);
}

/** Bytes of a run's adapter. */
export function readAdapter(run: string): Promise<Uint8Array> {
  return Deno.readFile(`${run}/adapter_model.safetensors`);
}

/** Contents of a folder's files by name. */
export async function filesIn(folder: string): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const read = async (name: string) => [name, await Deno.readFile(`${folder}/${name}`)] as const;
  const names = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile).map(({ name }) =>
    name
  );
  return Object.fromEntries(await Promise.all(names.sort().map(read)));
}

/** Names of a folder's entries, sorted. */
export function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}
