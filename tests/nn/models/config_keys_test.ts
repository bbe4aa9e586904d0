import { assertEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { FileError } from "../../../core/errors.ts";
import { seedKey } from "../../../core/random.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parseConfig } from "../../../nn/models/config.ts";
import { loadModel } from "../../../nn/models/load.ts";
import { classifier, languageModel } from "../../../nn/models/registry.ts";
import {
  type Base,
  baseOf,
  changedFields,
  changedWeights,
  type ConfigCase,
  configFamilies,
  type ConfigFamily,
  titleOf,
} from "../../support/config_cases.ts";
import { withDevice } from "../../support/with_device.ts";

/** Logits of the last token that a verdict compares. */
const shown = 6;

const encoders = [
  "without num_attention_heads",
  "num_hidden_layers = 0",
  "is_decoder = true",
  'position_embedding_type = "relative_key"',
  'hidden_act = "tanh"',
];

const decoders = [
  "without max_position_embeddings",
  'hidden_act = "tanh"',
  "id2label = {}",
  "num_labels = 0",
];

/** Other numbers of layers than a key lists. */
const otherLayers = ["num_hidden_layers = 1", "num_hidden_layers = 3"];

/** What transformers refuses and this library computes: what is wrong changes no number. */
const accepted: Readonly<Record<string, readonly string[]>> = {
  deberta: ['norm_rel_ebd = ["layer_norm"]'],
  qwen2: ["head_dim = null"],
  // The usual one lies beyond this vocabulary.
  modernbert: ["without pad_token_id"],
  // There are no windows, whatever a file says.
  phi: [
    "head_dim = null",
    'layer_types = ["sliding_attention","full_attention"]',
    'sliding_window = "3"',
    "sliding_window = 2.5",
  ],
  phi3: [
    "head_dim = null",
    // The usual one lies beyond this vocabulary.
    "without pad_token_id",
  ],
  // Without use_sliding_window.
  qwen3: ['sliding_window = "3"', "sliding_window = 2.5"],
  smollm3: [
    "head_dim = null",
    // Unread beside no_rope_layers.
    "no_rope_layer_interval = null",
    // The usual one lies beyond this vocabulary.
    "without pad_token_id",
    'sliding_window = "3"',
    "sliding_window = 2.5",
  ],
};

/** What transformers computes and this library refuses. */
const refused: Readonly<Record<string, readonly string[]>> = {
  bert: encoders,
  roberta: [...encoders, "pad_token_id = -1"],
  gpt2: [
    "without n_head",
    "num_hidden_layers = 0",
    'model_type = "gpt_neo"',
    "reorder_and_upcast_attn = true",
    'activation_function = "quick_gelu"',
    "id2label = {}",
    "num_labels = 0",
  ],
  modernbert: [
    "head_dim = 0",
    "without max_position_embeddings",
    "without num_attention_heads",
    'hidden_activation = "quick_gelu"',
    "local_attention = 0",
  ],
  gemma3: [
    ...decoders.filter((title) => !title.startsWith("hidden_act")),
    'hidden_activation = "quick_gelu"',
    // transformers leaves both out unless the attention is its own.
    "attn_logit_softcapping = 50",
    "final_logit_softcapping = 30",
    "rope_theta = null",
    "use_bidirectional_attention = true",
  ],
  mpnet: ["num_hidden_layers = 0", 'hidden_act = "tanh"'],
  deberta: [
    'hidden_act = "tanh"',
    "without max_position_embeddings",
    // Distances that the buckets hold already, whose logarithms are none.
    "max_relative_positions = 5",
    "max_relative_positions = 4",
    'norm_rel_ebd = "x"',
    'pooler_hidden_act = "quick_gelu"',
    'pos_att_type = "p2p|c2p"',
    'pos_att_type = ""',
    'pos_att_type = ["C2P"]',
  ],
  qwen2: [
    ...decoders,
    "hidden_size = 6",
    ...otherLayers,
    // Layers with a window that has no size: transformers lets them see all tokens, or none.
    "without use_sliding_window",
    "use_sliding_window = false",
  ],
  qwen3: [
    ...decoders,
    ...otherLayers,
    'layer_types = ["sliding_attention","full_attention"]',
  ],
  mistral: [...decoders, "num_hidden_layers = 0", "head_dim = 0"],
  phi: [
    ...decoders.filter((title) => !title.startsWith("hidden_act")),
    'hidden_act = "quick_gelu"',
    "num_hidden_layers = 0",
    'rope_parameters = {"rope_type":"linear","rope_theta":500,"factor":2}',
    'rope_scaling = {"type":"linear","factor":2}',
    'rope_scaling = {"rope_type":"dynamic","factor":2}',
    "tie_word_embeddings = true",
  ],
  phi3: [...decoders, "num_hidden_layers = 0"],
  smollm3: [
    ...decoders,
    "hidden_size = 6",
    ...otherLayers,
    "no_rope_layers = [2,1]",
    'layer_types = ["sliding_attention","full_attention"]',
  ],
  llama: [
    ...decoders,
    "num_hidden_layers = 0",
    "without rope_parameters, rope_theta = 0",
    'rope_parameters = {"rope_type":"longrope","rope_theta":500,"short_factor":[1,1,1],' +
    '"long_factor":[2,2,2],"original_max_position_embeddings":6,"factor":2}',
  ],
};

/** Keys that change no number here, whose values transformers checks nevertheless. */
const unread = new Set([
  "attention_dropout",
  "attention_probs_dropout_prob",
  "attn_pdrop",
  "chunk_size_feed_forward",
  "classifier_dropout",
  "decoder_bias",
  "deterministic_flash_attn",
  "embedding_dropout",
  "initializer_cutoff_factor",
  "mlp_dropout",
  "sparse_pred_ignore_index",
  "sparse_prediction",
  "embd_pdrop",
  "hidden_dropout_prob",
  "is_encoder_decoder",
  "legacy",
  "pooler_dropout",
  "resid_pdrop",
  "return_dict",
  "summary_first_dropout",
  "summary_proj_to_labels",
  "summary_type",
  "summary_use_proj",
  "use_cache",
]);

/** A head or a pooler that a checkpoint lacks is drawn; with another tensor missing it is refused. */
const drawn = /^(no (bert\.)?pooler|no classifier|classifier_bias = true)/;

/** What this library makes of a case: logits, or the error; none where a parameter was drawn. */
async function outcomeOf(
  one: ConfigCase,
  { fields, weights }: Base,
  texts: readonly (readonly number[])[],
  device: Device,
): Promise<readonly number[] | Error | "drawn"> {
  using _scope = device.scope("case");
  try {
    const config = parseConfig(changedFields(fields, one));
    const classifies = one.classifier ?? !config.causal;
    const model = classifies ? classifier(config) : languageModel(config);
    const source = changedWeights(weights, one);
    const { initialised } = await loadModel(model, source, device, seedKey(1));
    if (initialised.length > 0) return "drawn";
    const batch = toBatch(device, texts.map((ids) => ({ ids })), {
      padId: Math.max(0, config.padId ?? 0),
    });
    const numbers = [...await model.forward({ batch }).logits.read()];
    return classifies ? numbers : numbers.slice(-config.vocabularySize).slice(0, shown);
  } catch (error) {
    return error as Error;
  }
}

/** Says how an outcome differs from the verdict of transformers; nothing where it does not. */
function complaint(
  one: ConfigCase,
  outcome: readonly number[] | Error | "drawn",
  { outputs }: ConfigFamily,
  name: string,
): string | undefined {
  const title = titleOf(one);
  const exceptions = refused[name]!;
  const isAccepted = accepted[name]?.includes(title) ?? false;
  const near = (expected: readonly number[]) =>
    Array.isArray(outcome) && outcome.length === expected.length &&
    expected.every((x, i) => Math.abs(x - outcome[i]!) < 1e-11);
  const { verdict, change, without = [], copy = {}, drop = [] } = one;
  const keys = [...Object.keys(change), ...without];
  if (outcome instanceof Error) {
    const named = [...keys, ...Object.keys(copy), ...drop, "tensor"]
      .some((name) => outcome.message.includes(name));
    if (!(outcome instanceof FileError && named)) return `${title}: ${outcome}`;
    return typeof verdict === "number" && !exceptions.includes(title)
      ? `${title}: ${outcome}`
      : undefined;
  }
  if (outcome === "drawn") return drawn.test(title) ? undefined : `${title}: drawn`;
  if (typeof verdict === "number") {
    if (exceptions.includes(title)) return `${title}: not refused`;
    return near(outputs[verdict]!) ? undefined : `${title}: other logits`;
  }
  const harmless = (isAccepted || keys.every((key) => unread.has(key))) && near(outputs[0]!);
  return harmless ? undefined : `${title}: logits, where transformers says ${verdict}`;
}

for (const [name, family] of Object.entries(await configFamilies())) {
  Deno.test(`each key of a configuration of ${name} means what it means to transformers`, async () => {
    await withDevice("f64", async (device) => {
      const base = await baseOf(family);
      const complaints: string[] = [];
      for (const one of family.cases) {
        const outcome = await outcomeOf(one, base, one.texts ?? family.texts, device);
        complaints.push(
          ...[complaint(one, outcome, family, name)].filter((x) => x !== undefined),
        );
      }
      assertEquals(complaints, []);
      assertEquals(family.cases.length > 100, true);
    });
  });
}
