import { assertEquals, assertThrows } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { parseConfig } from "../../../nn/models/config.ts";

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
  llama: encoder,
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

Deno.test("parseConfig() takes the architecture's own key before the other spelling", () => {
  const mixed = { ...encoder, n_embd: 4, n_layer: 1, n_head: 1, n_positions: 7 };
  const pick = (architecture: string) => {
    const fields = { model_type: architecture, ...mixed };
    const { hiddenSize, layers, heads, maxPositions } = parseConfig(fields);
    return [hiddenSize, layers, heads, maxPositions];
  };
  assertEquals(pick("bert"), [8, 3, 2, 32]);
  assertEquals(pick("gpt2"), [4, 1, 1, 7]);
  assertEquals(parseConfig({ model_type: "gpt2", ...encoder }).hiddenSize, 8);
});

Deno.test("parseConfig() says what is allowed where the architecture is missing or unknown", () => {
  const list = "one of bert, roberta, gpt2, llama is required";
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
