// A LLaMA of random weights in bf16, in several files as large models are published.
import { encodeBf16 } from "../core/half.ts";
import { normal, seedKey } from "../core/random.ts";
import { checkpointIndex } from "../nn/formats/shards.ts";
import { streamSafetensors, type TensorParts } from "../nn/formats/safetensors_write.ts";
import { type Parameter, parameters } from "../nn/layers/module.ts";
import { parseConfig } from "../nn/models/config.ts";
import { languageModel } from "../nn/models/registry.ts";
import { writeFileAtomic, writeJson } from "../train/files/files.ts";

/** The shape of Llama 3.2 1B: 1.24 billion parameters, the output layer tied to the embedding. */
export const llama1B = {
  model_type: "llama",
  vocab_size: 128256,
  hidden_size: 2048,
  num_hidden_layers: 16,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 64,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  rope_scaling: {
    rope_type: "llama3",
    factor: 32,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  },
  tie_word_embeddings: true,
};

/** A prime, so that the rows of a matrix differ though the same numbers come again. */
const blockLength = 65521;

/** Bytes of a parameter: norms are ones, all else is the same block of numbers again and again. */
function tensorOf(name: string, { shape, size }: Parameter, block: Uint8Array): TensorParts {
  const ones = encodeBf16(new Float32Array(size < 1e6 ? size : 0).fill(1));
  return {
    name,
    dtype: "BF16",
    shape,
    *parts() {
      if (shape.length === 1) return void (yield new Uint8Array(ones.buffer));
      for (let left = 2 * size; left > 0; left -= block.length) yield block.subarray(0, left);
    },
  };
}

/**
 * Writes a model in shards of at most so many bytes, unless a tensor is larger, with their index.
 *
 * @returns Bytes of all tensors
 */
export async function writeShardedModel(
  folder: string,
  fields: Readonly<Record<string, unknown>>,
  mostBytes: number,
): Promise<number> {
  const numbers = normal(seedKey(1), blockLength).map((x) => x / 50);
  const block = new Uint8Array(encodeBf16(Float32Array.from(numbers)).buffer);
  const shards: [string, Parameter][][] = [];
  let room = 0;
  let total = 0;
  for (const entry of parameters(languageModel(parseConfig(fields)))) {
    const bytes = 2 * entry[1].size;
    if (bytes > room) room = shards.push([]) && mostBytes;
    shards.at(-1)!.push(entry);
    room -= bytes;
    total += bytes;
  }
  const map: Record<string, string> = {};
  for (const [i, entries] of shards.entries()) {
    const number = (n: number) => String(n).padStart(5, "0");
    const file = `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
    const tensors = entries.map(([name, parameter]) => tensorOf(name, parameter, block));
    await writeFileAtomic(`${folder}/${file}`, streamSafetensors(tensors, { format: "pt" }));
    for (const [name] of entries) map[name] = file;
  }
  await writeJson(`${folder}/config.json`, fields);
  await writeJson(`${folder}/${checkpointIndex}`, {
    metadata: { total_size: total },
    weight_map: map,
  });
  return total;
}
