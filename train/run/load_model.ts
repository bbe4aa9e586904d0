/**
 * Base models on disk: config.json and safetensors in a folder.
 *
 * @module
 */

import type { Key } from "../../core/random.ts";
import type { Device } from "../../core/device.ts";
import { type ModelConfig, parseConfig } from "../../nn/models/config.ts";
import type { LanguageModel } from "../../nn/models/decoder.ts";
import {
  type Classifier,
  classifier,
  languageModel,
  loadModel,
  type LoadOptions,
  type LoadReport,
  type WeightSource,
} from "../../nn/models/load.ts";
import { readJson } from "../files/files.ts";
import { Checkpoint } from "../files/checkpoint.ts";
import { decodeFloats } from "../../nn/formats/safetensors_values.ts";

/** A model with its numbers. */
export interface Loaded<M> {
  /** The model. */
  readonly model: M;
  /** Its configuration. */
  readonly config: ModelConfig;
  /** What became of the checkpoint's tensors. */
  readonly report: LoadReport;
}

/** Reads a folder's config.json. */
export async function readConfig(directory: string): Promise<ModelConfig> {
  const path = `${directory}/config.json`;
  return parseConfig(await readJson(path), path);
}

/** An open checkpoint as a source of weights, read part by part. */
export function weightsOf(checkpoint: Checkpoint): WeightSource {
  return {
    path: checkpoint.path,
    file: (name) => checkpoint.file(name),
    names: () => checkpoint.names(),
    shape: (name) => checkpoint.entry(name).shape,
    read: (name, float) => checkpoint.readFloat(name, float),
    async *parts(name, float) {
      const { dtype } = checkpoint.entry(name);
      for (const part of checkpoint.parts(name)) yield decodeFloats(part, dtype, float);
    },
    halves(name) {
      const { dtype } = checkpoint.entry(name);
      if (dtype !== "F16" && dtype !== "BF16") return undefined;
      return { dtype: dtype === "F16" ? "f16" : "bf16", parts: checkpoint.parts(name) };
    },
  };
}

async function fill<M extends Classifier | LanguageModel>(
  model: M,
  config: ModelConfig,
  directory: string,
  device: Device,
  key: Key,
  options?: LoadOptions,
): Promise<Loaded<M>> {
  using checkpoint = await Checkpoint.open(directory);
  return {
    model,
    config,
    report: await loadModel(model, weightsOf(checkpoint), device, key, options),
  };
}

/** Opens a sequence classifier; `labels` overrides the number of classes of the configuration. */
export async function openClassifier(
  directory: string,
  device: Device,
  key: Key,
  labels?: number,
  options?: LoadOptions,
): Promise<Loaded<Classifier>> {
  const read = await readConfig(directory);
  const config = labels === undefined ? read : { ...read, labels };
  return await fill(classifier(config), config, directory, device, key, options);
}

/** Opens a language model. */
export async function openLanguageModel(
  directory: string,
  device: Device,
  key: Key,
  options?: LoadOptions,
): Promise<Loaded<LanguageModel>> {
  const config = await readConfig(directory);
  return await fill(languageModel(config), config, directory, device, key, options);
}
