/**
 * The tiny base model of the demonstration: BERT with two layers over a vocabulary of a few dozen
 * words. Nothing here reads a file, so that pages can open it too.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import type { Key } from "../../core/random.ts";
import { parseHeader } from "../../nn/formats/safetensors.ts";
import { decodeFloats } from "../../nn/formats/safetensors_values.ts";
import { parseConfig } from "../../nn/models/config.ts";
import { loadModel } from "../../nn/models/load.ts";
import type { Model, ModelConfig } from "../../nn/models/model.ts";
import { classifier } from "../../nn/models/registry.ts";
import { buildWordPiece } from "../../nn/tokenizer/legacy.ts";
import { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import { grammarWords } from "../data/grammar_clauses.ts";

const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const vocabulary = [...special, ...grammarWords];

/** Sizes of the base model: 2 layers, hidden size 64, 4 heads, 32 positions. */
export const baseConfig: ModelConfig = parseConfig({
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
}, "train/demo/base.ts");

/** Tokenizer of the base model: one token a word. */
export function baseTokenizer(): Tokenizer {
  return new Tokenizer(buildWordPiece(`${vocabulary.join("\n")}\n`, "train/demo/base.ts"));
}

/**
 * The base model with a new head, from the bytes of its file; the open scope owns it.
 *
 * @throws {FileError} If the file is malformed
 */
export async function loadBase(device: Device, key: Key, bytes: Uint8Array): Promise<Model> {
  const path = "train/demo/base.safetensors";
  const { buffer, byteOffset } = bytes;
  const length = Number(new DataView(buffer, byteOffset).getBigUint64(0, true));
  const data = bytes.subarray(8 + length);
  const { tensors } = parseHeader(bytes.subarray(8, 8 + length), data.length, path);
  const model = classifier(baseConfig);
  await loadModel(
    model,
    {
      path,
      names: () => tensors.keys(),
      shape: (tensor) => tensors.get(tensor)!.shape,
      read(tensor, float) {
        const { begin, end, dtype } = tensors.get(tensor)!;
        return Promise.resolve(decodeFloats(data.subarray(begin, end), dtype, float));
      },
    },
    device,
    key,
  );
  return model;
}
