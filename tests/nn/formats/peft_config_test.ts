import { assertEquals, assertThrows } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { type AdapterConfig, parseAdapterConfig } from "../../../nn/formats/peft_config.ts";
import { formatAdapterConfig } from "../../../nn/formats/peft_format.ts";

const least = { peft_type: "LORA", target_modules: ["query"] };

Deno.test("parseAdapterConfig() fills what the least configuration leaves out as PEFT does", () => {
  assertEquals<AdapterConfig>(parseAdapterConfig(least, "file"), {
    targets: ["query"],
    exclude: [],
    rank: 8,
    alpha: 8,
    rslora: false,
    rankPattern: {},
    alphaPattern: {},
    bias: "none",
    taskType: undefined,
    modulesToSave: [],
    baseModel: undefined,
    revision: undefined,
  });
});

Deno.test("parseAdapterConfig() adds the heads of a classifier, which PEFT saves undeclared", () => {
  const saved = (fields: object) =>
    parseAdapterConfig({ ...least, ...fields }, "file").modulesToSave;
  assertEquals(saved({ task_type: "SEQ_CLS" }), ["classifier", "score"]);
  assertEquals(saved({ task_type: "SEQ_CLS", modules_to_save: ["score", "pooler"] }), [
    "score",
    "pooler",
    "classifier",
  ]);
  assertEquals(saved({ task_type: "CAUSAL_LM", modules_to_save: null }), []);
});

Deno.test("parseAdapterConfig() names each setting that is not supported", () => {
  const settings: Record<string, unknown> = {
    use_dora: true,
    use_qalora: true,
    use_bdlora: { nblocks: 2 },
    lora_bias: true,
    layer_replication: [[0, 2], [1, 3]],
    target_parameters: ["mlp.experts"],
    trainable_token_indices: [1],
    alora_invocation_tokens: [1],
    megatron_config: { x: 1 },
    loftq_config: { loftq_bits: 4 },
    arrow_config: { top_k: 3 },
    kasa_config: { beta: 1 },
    monteclora_config: { x: 1 },
    velora_config: { num_groups: 1 },
    ensure_weight_tying: true,
    init_lora_weights: "pissa",
    task_type: "TOKEN_CLS",
    peft_type: "LOHA",
    bias: "some",
  };
  for (const [key, value] of Object.entries(settings)) {
    const message = `file: Cannot use ${key} of this adapter as `;
    assertThrows(() => parseAdapterConfig({ ...least, [key]: value }, "file"), FileError, message);
  }
  for (const kind of ["olora", "pissa_niter_4", "loftq", "corda", "lora_ga"]) {
    const fields = { ...least, init_lora_weights: kind };
    assertThrows(() => parseAdapterConfig(fields, "file"), FileError, "changes the base weights");
  }
  const atRest = { use_dora: false, loftq_config: {}, layer_replication: null, lora_bias: false };
  const harmless = {
    megatron_core: "megatron.core",
    qalora_group_size: 16,
    eva_config: { rho: 2 },
  };
  for (const init_lora_weights of [true, false, "gaussian", "eva", "orthogonal", "mica", null]) {
    parseAdapterConfig({ ...least, ...atRest, ...harmless, init_lora_weights }, "file");
  }
});

Deno.test("parseAdapterConfig() names each key whose value does not fit", () => {
  const wrong: [string, unknown][] = [
    ["target_modules", null],
    ["target_modules", []],
    ["target_modules", ""],
    ["target_modules", [1]],
    ["exclude_modules", 3],
    ["r", 0],
    ["r", "8"],
    ["r", 1.5],
    ["lora_alpha", -1],
    ["lora_alpha", Infinity],
    ["use_rslora", 1],
    ["lora_dropout", "0.1"],
    ["lora_dropout", 2],
    ["rank_pattern", []],
    ["rank_pattern", { query: 0 }],
    ["alpha_pattern", { query: "1" }],
    ["modules_to_save", "classifier"],
    ["layers_to_transform", [0.5]],
    ["layers_to_transform", "1"],
    ["layers_pattern", 1],
    ["task_type", 1],
    ["base_model_name_or_path", 1],
  ];
  for (const [key, value] of wrong) {
    const message = `Cannot use ${key} of this adapter as`;
    assertThrows(() => parseAdapterConfig({ ...least, [key]: value }, "file"), FileError, message);
  }
  const both = { ...least, target_modules: ".*query", layers_to_transform: 1 };
  assertThrows(() => parseAdapterConfig(both, "file"), FileError, "layers_to_transform");
  for (const key of ["target_modules", "exclude_modules"]) {
    const fields = { ...least, [key]: "(" };
    assertThrows(() => parseAdapterConfig(fields, "file"), FileError, 'pattern "("');
  }
  assertThrows(() => parseAdapterConfig([], "file"), FileError, "an object is required");
});

Deno.test("formatAdapterConfig() writes what parseAdapterConfig() reads, keys in order", () => {
  const config: AdapterConfig = {
    targets: ["query", "dense"],
    exclude: ".*pooler.*",
    layers: [0, 2],
    layersPattern: ["layer"],
    rank: 3,
    alpha: 4.5,
    rslora: true,
    rankPattern: { "^a\\.b": 5 },
    alphaPattern: { query: 0.5 },
    bias: "lora_only",
    loraDropout: 0.1,
    taskType: "CAUSAL_LM",
    modulesToSave: ["lm_head"],
    baseModel: "org/x",
    revision: "0123abc",
  };
  const text = formatAdapterConfig(config, { loraDropout: 0.1, fanInFanOut: true });
  assertEquals(parseAdapterConfig(JSON.parse(text), "file"), config);
  const keys = Object.keys(JSON.parse(text));
  assertEquals(keys, keys.toSorted());
  assertEquals(JSON.parse(text).lora_dropout, 0.1);
});

Deno.test("parseAdapterConfig() refuses an expression that could run without end", () => {
  for (
    const fields of [
      { target_modules: "([a-z_.0-9]+)+!" },
      { exclude_modules: "(\\w+\\.?)*!" },
      { rank_pattern: { "(a|a)*b": 4 } },
      { alpha_pattern: { "([^!]+)+!": 4 } },
      { modules_to_save: ["(.*)*x"] },
      { layers_to_transform: [0], layers_pattern: "(x+x+)+y" },
    ]
  ) {
    const error = assertThrows(
      () => parseAdapterConfig({ ...least, ...fields }, "file"),
      FileError,
      "ends in bounded time is required",
    );
    assertEquals(error.message.length < 500, true);
  }
});

Deno.test("parseAdapterConfig() tells which keys PEFT passes over as well", () => {
  const fields = { foo_bar: true, lora_dropout: 0.1, peft_version: "0.21.0", rank: 4 };
  assertEquals(parseAdapterConfig({ ...least, ...fields }).unknown, ["foo_bar", "rank"]);
  assertEquals(parseAdapterConfig({ ...least, peft_version: "0.21.0" }).unknown, undefined);
});

Deno.test("parseAdapterConfig() refuses more patterns than any model has layers", () => {
  const rank_pattern = Object.fromEntries(Array.from({ length: 5001 }, (_, i) => [`a${i}`, 2]));
  assertThrows(() => parseAdapterConfig({ ...least, rank_pattern }), FileError, "at most 5000");
});
