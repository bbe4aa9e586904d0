import { assertEquals } from "@std/assert";
import { Tokenizer } from "../../../nn/tokenizer/tokenizer.ts";

const token = (id: number, content: string) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

const json = {
  added_tokens: ["<e", "<end", "<end>", "d>"].map((content, index) => token(6 + index, content)),
  normalizer: null,
  pre_tokenizer: { type: "Whitespace" },
  post_processor: null,
  decoder: null,
  model: {
    type: "WordLevel",
    vocab: { "[UNK]": 0, a: 1, ",": 2, do: 3, not: 4, n: 5 },
    unk_token: "[UNK]",
  },
};

Deno.test("the longest added token that begins at a place is found there", () => {
  const tokenizer = new Tokenizer(json);
  const idsOf = (text: string) => tokenizer.encode(text).ids;
  assertEquals(idsOf("a<end>a"), [1, 8, 1]);
  assertEquals(idsOf("a<end,"), [1, 7, 2]);
  assertEquals(idsOf("<en<end>"), [6, 5, 8]);
  assertEquals(idsOf("<endd>"), [7, 9]);
});

Deno.test("decoded text is cleaned up only where the configuration says true", () => {
  const ids = [1, 2, 1];
  const decoded = (config: Record<string, unknown>) => new Tokenizer(json, config).decode(ids);
  assertEquals(decoded({}), "a , a");
  assertEquals(decoded({ clean_up_tokenization_spaces: false }), "a , a");
  assertEquals(decoded({ clean_up_tokenization_spaces: null }), "a , a");
  assertEquals(decoded({ clean_up_tokenization_spaces: true }), "a, a");
});
