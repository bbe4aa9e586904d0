/**
 * The tiny base model of the demonstration: BERT with two layers over a vocabulary of a few dozen
 * words. Nothing here reads a file, so that pages can open it too.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import type { Key } from "../../core/random.ts";
import { parseSafetensors } from "../../nn/formats/weights.ts";
import { parseConfig } from "../../nn/models/config.ts";
import { loadModel } from "../../nn/models/load.ts";
import type { Model, ModelConfig } from "../../nn/models/model.ts";
import { classifier } from "../../nn/models/registry.ts";
import { buildWordPiece } from "../../nn/tokenizer/legacy.ts";
import { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import { grammarWords } from "../data/grammar_clauses.ts";

const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const vocabulary = [...special, ...grammarWords];

/** The words of the base model's tokenizer, one a line: what a vocab.txt holds. */
export const baseVocabulary: string = `${vocabulary.join("\n")}\n`;

/** What a config.json of the base model holds: 2 layers, hidden size 64, 4 heads, 32 positions. */
export const baseJson: Readonly<Record<string, unknown>> = {
  model_type: "bert",
  vocab_size: vocabulary.length,
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 128,
  max_position_embeddings: 32,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
  hidden_act: "gelu",
  pad_token_id: 0,
};

/** Sizes of the base model. */
export const baseConfig: ModelConfig = parseConfig(baseJson, "train/demo/base.ts");

/** Tokenizer of the base model: one token a word. */
export function baseTokenizer(): Tokenizer {
  return new Tokenizer(buildWordPiece(baseVocabulary, "train/demo/base.ts"));
}

/**
 * The base model with a new head, from the bytes of its file; the open scope owns it.
 *
 * @throws {FileError} If the file is malformed
 */
export async function loadBase(device: Device, key: Key, bytes: Uint8Array): Promise<Model> {
  const model = classifier(baseConfig);
  await loadModel(model, parseSafetensors(bytes, "train/demo/base.safetensors"), device, key);
  return model;
}
