import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { parseConfig } from "../../../nn/models/config.ts";
import { architectures } from "../../../nn/models/registry.ts";

const encoder = {
  vocab_size: 10,
  hidden_size: 8,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: 32,
};
const gpt2 = { vocab_size: 10, n_embd: 8, n_layer: 3, n_head: 2, n_positions: 32 };

const complete: Record<string, Record<string, number>> = {
  bert: encoder,
  roberta: encoder,
  mpnet: encoder,
  "deberta-v2": encoder,
  llama: encoder,
  qwen2: encoder,
  qwen3: encoder,
  smollm3: encoder,
  mistral: encoder,
  modernbert: encoder,
  gemma3_text: encoder,
  phi: encoder,
  phi3: encoder,
  gpt2,
};
for (const [architecture, fields] of Object.entries(complete)) {
  Deno.test(`parseConfig() names the key that a configuration of ${architecture} misses`, () => {
    for (const key of Object.keys(fields)) {
      const { [key]: _, ...rest } = fields;
      const error = assertThrows(
        () => parseConfig({ model_type: architecture, ...rest }, "folder/config.json"),
        FileError,
      );
      assertEquals(
        error.message,
        `folder/config.json: Cannot use ${key} of this configuration as a number is required: ` +
          "it is missing",
      );
    }
  });
}

Deno.test("parseConfig() takes the usual spelling of GPT-2's keys before its own, and no other's", () => {
  const mixed = { ...encoder, n_embd: 4, n_layer: 1, n_head: 1, n_positions: 7 };
  const pick = (architecture: string) => {
    const fields = { model_type: architecture, ...mixed };
    const { hiddenSize, layers, heads, maxPositions } = parseConfig(fields);
    return [hiddenSize, layers, heads, maxPositions];
  };
  assertEquals(pick("bert"), [8, 3, 2, 32]);
  assertEquals(pick("gpt2"), [8, 3, 2, 32]);
  assertEquals(parseConfig({ model_type: "gpt2", ...gpt2 }).hiddenSize, 8);
  // A key of another architecture says nothing.
  const foreign = { intermediate_size: 7, layer_norm_eps: 7, head_dim: 2, num_key_value_heads: 1 };
  const { intermediateSize, epsilon, headSize, keyValueHeads } = parseConfig({
    model_type: "gpt2",
    ...gpt2,
    ...foreign,
  });
  assertEquals([intermediateSize, epsilon, headSize, keyValueHeads], [32, 1e-5, 4, 2]);
  const { hidden_size: _, ...narrow } = encoder;
  assertThrows(
    () => parseConfig({ model_type: "bert", ...narrow, n_embd: 8 }),
    FileError,
    "hidden_size",
  );
});

Deno.test("parseConfig() says what is allowed where the architecture is missing or unknown", () => {
  const list =
    "one of bert, roberta, mpnet, deberta-v2, modernbert, gpt2, llama, qwen2, qwen3, smollm3, mistral, gemma3_text, phi, phi3 is required";
  assertThrows(() => parseConfig(encoder), FileError, `${list}: it is missing`);
  assertThrows(() => parseConfig({ ...encoder, model_type: 1 }), FileError, `${list}: found 1`);
  const text = { ...encoder, model_type: "bert", hidden_size: "8" };
  assertThrows(() => parseConfig(text), FileError, "hidden_size of this configuration as a number");
});

Deno.test("parseConfig() bounds what would take memory before any tensor bears it out", () => {
  const refuse = (architecture: string, change: Record<string, unknown>, message: string) => {
    const fields = { model_type: architecture, ...encoder, ...change };
    assertThrows(() => parseConfig(fields), FileError, `Cannot use ${message}`);
  };
  refuse("llama", { num_hidden_layers: 1e9 }, "num_hidden_layers of this configuration as at most");
  refuse("llama", { max_position_embeddings: 1e15 }, "max_position_embeddings of this");
  refuse("bert", { num_labels: 1e12 }, "num_labels of this configuration as at most 65536");
  refuse("bert", { id2label: {} }, "id2label of this configuration as 1 to 65536 classes");
  refuse("roberta", { pad_token_id: -5 }, "pad_token_id of this configuration as a token number");
  refuse(
    "roberta",
    { pad_token_id: 1e6 },
    "pad_token_id of this configuration as it must be below",
  );
  // LLaMA's first checkpoints say -1 for none.
  assertEquals(parseConfig({ model_type: "llama", ...encoder, pad_token_id: -1 }).padId, -1);
});

Deno.test("parseConfig() shows what it found in a short message, however large or deep", () => {
  for (const value of ["x".repeat(1e6), JSON.parse("[".repeat(1e5) + "]".repeat(1e5))]) {
    const fields = { model_type: "bert", ...encoder, hidden_size: value };
    const error = assertThrows(() => parseConfig(fields), FileError, "hidden_size");
    assertEquals(error.message.length < 400, true);
  }
});

Deno.test("parseConfig() takes the special tokens of a family where a file says nothing of them", () => {
  const sizes: Record<string, Record<string, number>> = { ...complete };
  const tokens = (architecture: string, change: Record<string, unknown> = {}) => {
    const sized = { ...sizes[architecture], num_key_value_heads: 2, vocab_size: 60000 };
    const fields = { model_type: architecture, ...sized };
    const { padId, bosId, eosIds } = parseConfig({ ...fields, ...change });
    return [padId, bosId, eosIds];
  };
  assertEquals(tokens("bert"), [0, undefined, []]);
  assertEquals(tokens("roberta"), [1, 0, [2]]);
  assertEquals(tokens("gpt2"), [undefined, 50256, [50256]]);
  assertEquals(tokens("llama"), [undefined, 1, [2]]);
  const none = { bos_token_id: null, eos_token_id: null };
  for (const name of Object.keys(complete)) {
    assertEquals(tokens(name, none).slice(1), [undefined, []]);
    assertEquals(tokens(name, { eos_token_id: [5, 6] })[2], [5, 6]);
  }
  // That of another vocabulary is none of this one.
  assertEquals(tokens("gpt2", { vocab_size: 50256 }), [undefined, undefined, []]);
});

Deno.test("parseConfig() reads the deviation of new weights", () => {
  const deviation = (change: Record<string, unknown>) =>
    parseConfig({ model_type: "llama", ...encoder, ...change }).initializerRange;
  assertEquals(deviation({}), 0.02);
  assertEquals(deviation({ initializer_range: 0.041 }), 0.041);
  assertThrows(() => deviation({ initializer_range: -1 }), FileError, "initializer_range");
});

Deno.test("parseConfig() refuses a summand of the norms below 0 by its key", () => {
  for (const { name, keys } of architectures) {
    const change = { ...complete[name], [keys.epsilon]: -1e-5 };
    const says = `Cannot use ${keys.epsilon} of this configuration as at least 0 is required`;
    assertThrows(() => parseConfig({ model_type: name, ...change }), FileError, says);
  }
});

Deno.test("parseConfig() refuses a decoder that sees later tokens", () => {
  for (const is_causal of [false, null, 0]) {
    for (const [model_type, keys] of Object.entries({ gpt2, llama: encoder })) {
      const error = assertThrows(() => parseConfig({ model_type, ...keys, is_causal }), FileError);
      assertStringIncludes(
        error.message,
        "Cannot use is_causal of this configuration as one of true",
      );
    }
    // An encoder is no decoder by this key.
    assertEquals(parseConfig({ model_type: "bert", ...encoder, is_causal: true }).causal, false);
  }
  assertEquals(parseConfig({ model_type: "gpt2", ...gpt2, is_causal: true }).causal, true);
});

Deno.test("parseConfig() takes names of classes where there is one for each", () => {
  const names = (change: Record<string, unknown>) => {
    const { labels, labelNames } = parseConfig({ model_type: "bert", ...encoder, ...change });
    return [labels, labelNames];
  };
  assertEquals(names({}), [2, []]);
  assertEquals(names({ num_labels: 5 }), [5, []]);
  assertEquals(names({ id2label: { 0: "no", 1: "yes", 2: "maybe" } }), [3, ["no", "yes", "maybe"]]);
  assertEquals(names({ id2label: { 0: "no", 1: "yes" }, num_labels: 3 }), [3, []]);
  assertEquals(names({ id2label: { 0: "no", 2: "yes" } }), [2, []]);
  assertEquals(names({ id2label: { 0: "no", 1: 1 } }), [2, []]);
});
