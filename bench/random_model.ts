// Models with random weights, filled on the device: benches need shapes, not meaning.
import { apply } from "../core/apply.ts";
import { draw, index, scalar, toFloat, word } from "../core/expr.ts";
import type { Quantised } from "../core/dtype.ts";
import { encodeBf16 } from "../core/half.ts";
import { empty } from "../core/memory.ts";
import { rowwise } from "../core/ops/rowwise.ts";
import { Quantiser } from "../core/quantise.ts";
import type { Device } from "../core/device.ts";
import { Value } from "../core/storage.ts";
import { unpacked } from "../core/unpack.ts";
import { Tensor } from "../core/tensor.ts";
import { parseConfig } from "../nn/models/config.ts";
import { parameters } from "../nn/layers/module.ts";
import { classifier, languageModel } from "../nn/models/registry.ts";
import { applyLora } from "../nn/lora/apply.ts";
import { trainHead } from "../nn/models/heads.ts";

const noise = rowwise("noise", [], [
  toFloat(draw([scalar(0, "u32"), word(7)], word(0), index(0, 3)))
    .mul(2 ** -32).sub(0.5).mul(scalar(1, "f32")).add(scalar(2, "f32")),
]);

/** Shapes that benches know. */
export const modelShapes = {
  "minilm": {
    model_type: "bert",
    vocab_size: 30522,
    hidden_size: 384,
    num_hidden_layers: 6,
    num_attention_heads: 12,
    intermediate_size: 1536,
    max_position_embeddings: 512,
  },
  "bert-12x256": {
    model_type: "bert",
    vocab_size: 30522,
    hidden_size: 256,
    num_hidden_layers: 12,
    num_attention_heads: 4,
    intermediate_size: 1024,
    max_position_embeddings: 512,
  },
  "gpt2-12x256": {
    model_type: "gpt2",
    vocab_size: 30522,
    n_embd: 256,
    n_layer: 12,
    n_head: 4,
    n_positions: 512,
  },
  "roberta-large": {
    model_type: "roberta",
    vocab_size: 50265,
    hidden_size: 1024,
    num_hidden_layers: 24,
    num_attention_heads: 16,
    intermediate_size: 4096,
    max_position_embeddings: 514,
    type_vocab_size: 1,
    pad_token_id: 1,
  },
  "gpt2-medium": {
    model_type: "gpt2",
    vocab_size: 50257,
    n_embd: 1024,
    n_layer: 24,
    n_head: 16,
    n_positions: 1024,
  },
  "smollm2-135m": {
    model_type: "llama",
    vocab_size: 49152,
    hidden_size: 576,
    intermediate_size: 1536,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-5,
    rope_theta: 1e5,
    tie_word_embeddings: true,
  },
  "qwen3-0.6b": {
    model_type: "qwen3",
    vocab_size: 151936,
    hidden_size: 1024,
    intermediate_size: 3072,
    num_hidden_layers: 28,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    head_dim: 128,
    max_position_embeddings: 40960,
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    tie_word_embeddings: true,
  },
  "llama-7b": {
    model_type: "llama",
    vocab_size: 32000,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-6,
  },
} as const;

/** Linear layers that LoRA adapts, by model type. */
const targets = {
  bert: ["query", "value"],
  roberta: ["query", "value"],
  gpt2: ["c_attn"],
  llama: ["q_proj", "v_proj"],
  qwen3: ["q_proj", "v_proj"],
};

/** In how many bits frozen matrices are. */
interface Bits {
  /** Whether they have 16, as those of checkpoints in bf16. */
  readonly half?: boolean;
  /** Format of 8 or 4 for those of the layers. */
  readonly quantize?: Quantised | undefined;
}

/** Makes a model with LoRA on the projections of queries and values: rank 4 for GPT-2, 8 otherwise. */
export function randomModel(
  device: Device,
  name: keyof typeof modelShapes,
  { half = false, quantize }: Bits = {},
) {
  const shape = modelShapes[name];
  const config = parseConfig(shape);
  const decoder = config.causal;
  const model = decoder ? languageModel(config) : classifier(config);
  let key = 0;
  const fill = () => {
    for (const [path, parameter] of parameters(model)) {
      if (parameter.filled) continue;
      const isInside = parameter.shape.length === 2 && /\.\d+\./.test(path);
      if (quantize !== undefined && isInside && !path.includes("lora_")) {
        parameter.value = quantised(device, parameter.shape, quantize);
        continue;
      }
      if (half && parameter.shape.length === 2 && !/(classifier|pooler|lora_)/.test(path)) {
        parameter.value = halves(device, parameter.shape);
        continue;
      }
      const norm = /(LayerNorm|ln_\w+|norm)\.weight$/.test(path);
      parameter.value = apply(noise, [], {
        space: parameter.shape,
        scalars: [key++, norm ? 0 : 0.07, norm ? 1 : 0],
        indices: [{ offset: 0, strides: strides(parameter.shape) }],
      }, device)[0]!;
    }
  };
  fill();
  applyLora(model, {
    targets: targets[shape.model_type],
    rank: shape.model_type === "gpt2" ? 4 : 8,
    alpha: 16,
  });
  fill();
  trainHead(model);
  model.prepare(device);
  return { model, config, decoder };
}

/** 65,536 numbers in bf16 between -0.035 and 0.035. */
const block = encodeBf16(
  Float32Array.from({ length: 2 ** 16 }, (_, i) => 0.07 * (Math.imul(i, 0x9e3779b1) / 2 ** 32)),
);

/** A matrix in bf16 of the same block again and again. */
function halves(device: Device, shape: readonly number[]): Tensor {
  const [rows, columns] = shape as [number, number];
  const data = new Uint16Array(rows * columns);
  for (let at = 0; at < data.length; at += block.length) {
    data.set(block.subarray(0, Math.min(block.length, data.length - at)), at);
  }
  const value = Value.allocate(device.backend, "bf16", [...shape]);
  device.backend.write(value.storage.buffer, 0, data);
  return new Tensor(value, device);
}

const memories = new Map<string, Uint32Array>();

/** A matrix in fewer bits, of the same numbers for each shape. */
function quantised(device: Device, shape: readonly number[], dtype: Quantised): Tensor {
  let memory = memories.get(`${shape}`);
  if (memory === undefined) {
    const [rows, columns] = shape as [number, number];
    const quantiser = new Quantiser(dtype);
    const row = Float32Array.from({ length: columns }, (_, i) => 0.035 * Math.sin(i * i));
    const parts = Array.from({ length: rows }, () => quantiser.add(row));
    parts.push(quantiser.end());
    memory = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) memory.set(part, (at += part.length) - part.length);
    memories.set(`${shape}`, memory);
  }
  const made = empty(device, shape, dtype);
  made.value.storage.unpack = unpacked;
  device.backend.write(made.value.storage.buffer, 0, memory);
  return made;
}

function strides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
}
