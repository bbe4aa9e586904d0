import type { AdapterConfig } from "../../nn/formats/peft_config.ts";
import type { ArchitectureName } from "./tiny_models.ts";
import type { LoraOptions } from "../../nn/lora/apply.ts";

const encoder = { taskType: "SEQ_CLS", modulesToSave: ["classifier", "score"] };
const decoder = { taskType: "CAUSAL_LM", modulesToSave: [] };
const usual = { rank: 2, alpha: 3, baseModel: undefined };

/** An adapter, and what its file holds. */
export interface AdapterCase {
  /** What is particular to it. */
  readonly what: string;
  /** Its model. */
  readonly architecture: ArchitectureName;
  /** What adapter_config.json says. */
  readonly config: AdapterConfig;
  /** What the rules of the configuration mean; its own names where absent. */
  readonly lora?: Partial<LoraOptions>;
  /** Tensors beside those of the updates. */
  readonly whole: readonly string[];
}

const layers = [0, 1];
/** Adapters of tiny models with two layers. */
export const adapterCases: readonly AdapterCase[] = [
  {
    what: "ranks and alphas by pattern",
    architecture: "bert",
    config: {
      ...usual,
      ...encoder,
      targets: ".*\\.(query|key)",
      rankPattern: { "layer.1.attention.self.query": 5 },
      alphaPattern: { "^bert.*key": 7 },
    },
    lora: {
      targets: ["query", "key"],
      ranks: { "1.attention.self.query": 5 },
      alphas: { key: 7 },
    },
    whole: ["classifier.bias", "classifier.weight"],
  },
  {
    what: "biases of adapted layers",
    architecture: "roberta",
    config: { ...usual, ...encoder, targets: ["value"], bias: "lora_only", rslora: true },
    whole: [
      ...["dense", "out_proj"].flatMap((name) => [`classifier.${name}.bias`]),
      ...["dense", "out_proj"].flatMap((name) => [`classifier.${name}.weight`]),
      ...layers.map((i) => `roberta.encoder.layer.${i}.attention.self.value.base_layer.bias`),
    ],
  },
  {
    what: "all biases",
    architecture: "gpt2",
    config: { ...usual, ...decoder, targets: ["c_attn"], bias: "all" },
    whole: [
      ...layers.flatMap((i) => [
        `transformer.h.${i}.attn.c_attn.base_layer.bias`,
        ...["attn.c_proj", "ln_1", "ln_2", "mlp.c_fc", "mlp.c_proj"]
          .map((name) => `transformer.h.${i}.${name}.bias`),
      ]),
      "transformer.ln_f.bias",
    ],
  },
  {
    what: "a pooler saved whole",
    architecture: "bert",
    config: {
      ...usual,
      taskType: "SEQ_CLS",
      modulesToSave: ["pooler", "classifier", "score"],
      targets: ["dense"],
      layers: [1],
    },
    lora: { targets: ["layer.1.attention.output.dense", "1.intermediate.dense", "1.output.dense"] },
    whole: ["bert.pooler.dense.bias", "bert.pooler.dense.weight", "classifier.bias"]
      .concat("classifier.weight"),
  },
  {
    what: "an output layer of its own",
    architecture: "gpt2",
    config: { ...usual, ...decoder, targets: ["c_attn"], modulesToSave: ["lm_head"] },
    whole: ["lm_head.weight"],
  },
  {
    what: "an embedding without the output layer",
    architecture: "gpt2",
    config: { ...usual, ...decoder, targets: ["c_fc"], modulesToSave: ["wte"] },
    whole: ["transformer.wte.weight"],
  },
  {
    what: "an adapted output layer",
    architecture: "gpt2",
    config: { ...usual, ...decoder, targets: ["c_attn", "lm_head"] },
    whole: [],
  },
  {
    what: "embedding and output layer",
    architecture: "llama",
    config: {
      ...usual,
      ...decoder,
      targets: "all-linear",
      modulesToSave: ["embed_tokens", "lm_head"],
    },
    lora: {
      targets: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    },
    whole: ["lm_head.weight", "model.embed_tokens.weight"],
  },
];
