/**
 * Merging: a base model with an adapter becomes one model directory, in the base's own tensor names
 * and dtypes, tensor by tensor.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { FileError } from "../../core/errors.ts";
import { seedKey, uniform } from "../../core/random.ts";
import type { JsonObject } from "../../nn/formats/json_record.ts";
import { peftPrefix, placeOf } from "../../nn/formats/peft_tensors.ts";
import type { FloatDtype } from "../../nn/formats/safetensors_values.ts";
import { streamSafetensors } from "../../nn/formats/safetensors_write.ts";
import { toBatch } from "../../nn/layers/batch.ts";
import type { Model } from "../../nn/models/model.ts";
import { type DeviceChoice, openDevice } from "../device/backend.ts";
import { Checkpoint } from "../files/checkpoint.ts";
import {
  exists,
  readBytes,
  readJson,
  writeDirectoryAtomic,
  writeFileAtomic,
} from "../files/files.ts";
import { findGguf } from "../files/gguf_file.ts";
import { finiteLogits } from "../tasks/finite_logits.ts";
import { loadAdapter, readAdapterConfig } from "../run/adapter.ts";
import { type Loaded, openClassifier, openLanguageModel, readConfig } from "../run/load_model.ts";
import { mergedConfig, type ModelKind } from "./merged_config.ts";
import { mergedTensors } from "./merged_tensors.ts";

/** What to merge, and where to. */
export interface MergeOptions {
  /** Folder of the base model. */
  readonly model: string;
  /** Folder of the adapter. */
  readonly adapter: string;
  /** Folder to be made. */
  readonly out: string;
  /** Type of all weights; the base's where absent. */
  readonly dtype?: FloatDtype;
  /** Names of a classifier's classes, in their order; empty for regression. */
  readonly labels?: readonly string[];
  /** What computes, the CPU by default; in doubles where the old or the new weights are doubles. */
  readonly device?: Partial<Omit<DeviceChoice, "dtype">>;
  /** Called with a line for a log. */
  onMessage?(line: string): void;
}

/** What became of it. */
export interface MergeReport {
  /** Number of tensors written. */
  readonly tensors: number;
  /** Tensors that the adapter changed or added. */
  readonly changed: number;
  /** Tensors of the base that the merged model has no use for. */
  readonly leftOut: readonly string[];
  /** Largest difference between a logit of base with adapter and of what was written. */
  readonly difference: number;
  /** Largest absolute logit of the comparison, for scale. */
  readonly largest: number;
}

/** What is copied as it is, where it exists. */
const companions = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.txt",
  "vocab.json",
  "encoder.json",
  "merges.txt",
  "vocab.bpe",
  "tokenizer.model",
  "spm.model",
  "chat_template.jinja",
  "generation_config.json",
];

/**
 * Merges an adapter into its base model, writes a whole model directory, opens that again and
 * compares logits.
 *
 * @throws {FileError} If something cannot be read, does not fit or cannot be written
 * @throws {NumericError} If a logit is NaN or infinite; nothing is left behind, as with any error
 */
export async function mergeAdapter(options: MergeOptions): Promise<MergeReport> {
  const { model: base, adapter, out } = options;
  const gguf = await findGguf(base);
  if (gguf !== undefined) {
    throw new FileError("Cannot merge as safetensors of the base are required: found GGUF", gguf);
  }
  using source = await Checkpoint.open(base);
  const doubles = options.dtype === "F64" ||
    source.names().some((name) => source.entry(name).dtype === "F64");
  const choice = { backend: "cpu", ...options.device, dtype: doubles ? "f64" : "f32" } as const;
  const { device } = await openDevice(choice);
  await using _device = device;
  const kind = await modelKindOf(base, adapter);
  let report: MergeReport | undefined;
  await writeDirectoryAtomic(out, async (folder) => {
    const { logits: before, ...written } = await write(options, kind, source, device, folder);
    using _scope = device.scope("check");
    const { model } = await open(folder, { classifies: kind.classifies }, device);
    const after = await logitsOf(model, device);
    const difference = maximum(after.map((x, i) => x - before[i]!));
    report = { ...written, difference, largest: maximum(before) };
  });
  return report!;
}

/** Writes all files of the merged model; gives the logits of base and adapter apart. */
async function write(
  { model: base, adapter, dtype, labels, onMessage }: MergeOptions,
  kind: ModelKind,
  source: Checkpoint,
  device: Device,
  folder: string,
) {
  using _scope = device.scope("merge");
  const loaded = await open(base, kind, device);
  const { model, config, report } = loaded;
  await loadAdapter(model, adapter, device, onMessage);
  using file = await Checkpoint.open(`${adapter}/adapter_model.safetensors`);
  const given = new Set(file.names().map(placeOf));
  const missing = report.initialised.find((path) => !given.has(path));
  if (missing !== undefined) {
    throw new FileError(`Cannot merge as base or adapter must hold ${missing}: found none`, base);
  }
  const logits = await logitsOf(model, device);
  const tensors = mergedTensors(loaded, given, source, dtype);
  await writeFileAtomic(
    `${folder}/model.safetensors`,
    streamSafetensors(tensors, { format: "pt" }),
  );
  const untied = !kind.classifies && config.tied && model.tied === undefined;
  const fields = await readJson(`${base}/config.json`) as JsonObject;
  await writeFileAtomic(
    `${folder}/config.json`,
    mergedConfig(fields, config, { ...kind, names: labels, dtype, untied }),
  );
  for (const name of companions) {
    if (await exists(`${base}/${name}`)) {
      await writeFileAtomic(`${folder}/${name}`, await readBytes(`${base}/${name}`));
    }
  }
  return {
    logits,
    tensors: tensors.length,
    changed: tensors.filter(({ changed }) => changed).length,
    leftOut: [...report.ignored, ...report.unexpected],
  };
}

/** What an adapter is for: its own head says it, else its task, else the base model's class. */
async function modelKindOf(base: string, adapter: string): Promise<ModelKind> {
  const { causal, hiddenSize } = await readConfig(base);
  const { taskType } = await readAdapterConfig(adapter);
  using file = await Checkpoint.open(`${adapter}/adapter_model.safetensors`);
  const head = ["classifier.out_proj", "classifier", "score"]
    .map((name) => `${peftPrefix}${name}.weight`).find((name) => file.has(name));
  const [labels, inputs] = head === undefined ? [] : file.entry(head).shape;
  if (labels !== undefined && labels > 0 && inputs === hiddenSize) {
    return { classifies: true, labels };
  }
  const fields = await readJson(`${base}/config.json`) as JsonObject;
  const classifier = /ForSequenceClassification$/.test(String(fields["architectures"]));
  return { classifies: !causal || classifier && taskType !== "CAUSAL_LM" };
}

function open(
  directory: string,
  { classifies, labels }: ModelKind,
  device: Device,
): Promise<Loaded<Model>> {
  const key = seedKey(0);
  return classifies
    ? openClassifier(directory, device, key, labels)
    : openLanguageModel(directory, device, key);
}

/** Logits of three made-up sequences of different lengths. */
async function logitsOf(model: Model, device: Device): Promise<number[]> {
  using _scope = device.scope("logits");
  const { vocabularySize, maxPositions, padId } = model.config;
  const examples = [12, 7, 3].map((most) => {
    const length = Math.min(most, maxPositions);
    const ids = [...uniform(seedKey(most), length)].map((x) => Math.floor(x * vocabularySize));
    return { ids };
  });
  // LLaMA's first checkpoints say -1 for no padding token.
  const batch = toBatch(device, examples, { padId: Math.max(0, padId ?? 0) });
  return [...await finiteLogits(model, device, { batch }, (row) => `made-up sequence ${row}`)];
}

/** Largest absolute number; NaN where one is. */
function maximum(values: readonly number[]): number {
  return values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
}
