import { assertEquals, assertThrows } from "@std/assert";
import { FileError } from "../core/errors.ts";
import { parseConfig } from "../nn/config.ts";

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
    const { width, layers, heads, positions } = parseConfig(fields);
    return [width, layers, heads, positions];
  };
  assertEquals(pick("bert"), [8, 3, 2, 32]);
  assertEquals(pick("gpt2"), [4, 1, 1, 7]);
  assertEquals(parseConfig({ model_type: "gpt2", ...encoder }).width, 8);
});

Deno.test("parseConfig() says what is allowed where the architecture is missing or unknown", () => {
  const list = "one of bert, roberta, gpt2, llama is required";
  assertThrows(() => parseConfig(encoder), FileError, `${list}: it is missing`);
  assertThrows(() => parseConfig({ ...encoder, model_type: 1 }), FileError, `${list}: found 1`);
  const text = { ...encoder, model_type: "bert", hidden_size: "8" };
  assertThrows(() => parseConfig(text), FileError, "hidden_size of this configuration as a number");
});
