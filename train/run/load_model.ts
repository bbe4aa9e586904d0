/**
 * Base models on disk: config.json and safetensors in a folder, or a GGUF file.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { FileError } from "../../core/errors.ts";
import type { Key } from "../../core/random.ts";
import { ggufConfig } from "../../nn/formats/gguf_architectures.ts";
import { ggufWeights } from "../../nn/formats/gguf_weights.ts";
import type { JsonObject } from "../../nn/formats/json_record.ts";
import { bytesAsWeights } from "../../nn/formats/tensor_bytes.ts";
import { parseConfig, withGenerationConfig } from "../../nn/models/config.ts";
import type { LanguageModel } from "../../nn/models/decoder.ts";
import type { LoadOptions, LoadReport } from "../../nn/models/fill_model.ts";
import { loadModel } from "../../nn/models/load.ts";
import type { Model, ModelConfig } from "../../nn/models/model.ts";
import { classifier, languageModel } from "../../nn/models/registry.ts";
import type { WeightSource } from "../../nn/models/weight_source.ts";
import { Checkpoint } from "../files/checkpoint.ts";
import { exists, readJson } from "../files/files.ts";
import { findGguf, GgufFile, modelFolder } from "../files/gguf_file.ts";
import { type ProgressHooks, progressOf } from "../tasks/progress.ts";

/** A model with its numbers. */
export interface Loaded<M extends Model> {
  /** Model with the numbers of its checkpoint. */
  readonly model: M;
  /** What its config.json says. */
  readonly config: ModelConfig;
  /** What became of the checkpoint's tensors. */
  readonly report: LoadReport;
}

/**
 * Reads a folder's config.json, or what the model's GGUF file says instead, and the end tokens of its
 * generation_config.json where that is there.
 *
 * @throws {FileError} If it is missing, malformed or asks for what is not implemented
 */
export async function readConfig(model: string): Promise<ModelConfig> {
  const { fields, path } = await readFields(model);
  const config = parseConfig(fields, path);
  const generation = `${await modelFolder(model)}/generation_config.json`;
  if (!await exists(generation)) return config;
  return withGenerationConfig(config, await readJson(generation), generation);
}

/** The fields of config.json, and where they stand. */
async function readFields(model: string): Promise<{ fields: unknown; path: string }> {
  const path = `${await modelFolder(model)}/config.json`;
  const gguf = await exists(path) ? undefined : await findGguf(model);
  if (gguf === undefined) return { fields: await readJson(path), path };
  using file = await GgufFile.open(gguf);
  return { fields: ggufConfig(file.header, gguf), path: gguf };
}

/** How a model is opened. */
export interface OpenOptions extends LoadOptions, ProgressHooks {}

/**
 * Refuses a base model with an adapter in its own folder, as the same folder means the adapted model to
 * other tools.
 *
 * @throws {FileError} If there is one
 */
async function requireNoAdapter(directory: string): Promise<void> {
  const path = `${directory}/adapter_config.json`;
  if (!await exists(path)) return;
  throw new FileError(
    "Cannot open base model as a folder without an adapter is required: found one beside it, which " +
      "transformers would apply",
    path,
  );
}

async function fill<M extends Model>(
  model: M,
  directory: string,
  device: Device,
  key: Key,
  options: OpenOptions = {},
): Promise<Loaded<M>> {
  await requireNoAdapter(await modelFolder(directory));
  using opened = await openWeights(directory);
  const total = [...opened.source.names()].length;
  const source = counting(opened.source, progressOf("loading", total, options));
  const report = await loadModel(model, source, device, key, options);
  return { model, config: model.config, report };
}

/** The weights of a model, in the files that hold them, which are closed with it. */
async function openWeights(model: string): Promise<Disposable & { readonly source: WeightSource }> {
  const gguf = await findGguf(model);
  if (gguf === undefined) {
    const checkpoint = await Checkpoint.open(model);
    return { source: bytesAsWeights(checkpoint), [Symbol.dispose]: () => checkpoint.close() };
  }
  const { fields } = await readFields(model);
  const file = await GgufFile.open(gguf);
  const source = ggufWeights(file.header, fields as JsonObject, file.read, gguf);
  return { source, [Symbol.dispose]: () => file[Symbol.dispose]() };
}

/** A source that tells how many of its tensors were asked for. */
function counting(source: WeightSource, onRead?: (done: number) => void): WeightSource {
  if (onRead === undefined) return source;
  let done = 0;
  return {
    ...source,
    shape(name) {
      onRead(++done);
      return source.shape(name);
    },
  };
}

/**
 * Opens a sequence classifier.
 *
 * @param key Key of the parameters that the folder does not hold
 * @param labels Number of classes instead of that of the configuration
 * @throws {FileError} If a file is missing or malformed, a tensor is missing or misshapen, or an adapter
 * lies beside the model
 */
export async function openClassifier(
  directory: string,
  device: Device,
  key: Key,
  labels?: number,
  options: OpenOptions = {},
): Promise<Loaded<Model>> {
  const config = await readConfig(directory);
  const model = classifier(labels === undefined ? config : { ...config, labels });
  return await fill(model, directory, device, key, options);
}

/**
 * Opens a language model.
 *
 * @param key Key of the parameters that the folder does not hold
 * @throws {FileError} If a file is missing or malformed, a tensor is missing or misshapen, or an adapter
 * lies beside the model
 * @throws {OptionError} If the architecture is an encoder
 */
export async function openLanguageModel(
  directory: string,
  device: Device,
  key: Key,
  options: OpenOptions = {},
): Promise<Loaded<LanguageModel>> {
  return await fill(languageModel(await readConfig(directory)), directory, device, key, options);
}
