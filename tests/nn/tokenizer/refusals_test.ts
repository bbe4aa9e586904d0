import { assert, assertEquals, assertThrows } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { Tokenizer } from "../../../nn/tokenizer/tokenizer.ts";

const vocab = { "<unk>": 0, a: 1, b: 2, ab: 3 };
const bpe = { type: "BPE", unk_token: "<unk>", vocab, merges: [["a", "b"]] };
const whole = {
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: bpe,
};
const wordPiece = {
  type: "WordPiece",
  unk_token: "<unk>",
  continuing_subword_prefix: "##",
  max_input_chars_per_word: 9,
  vocab,
};
const token = {
  id: 4,
  content: "[X]",
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: false,
};
const replace = (pattern: unknown) => ({ type: "Replace", pattern, content: "" });
const split = (more: object) => ({
  type: "Split",
  pattern: { String: "a" },
  behavior: "Isolated",
  invert: false,
  ...more,
});
const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always" };

/** Changes of a good file, and what the message says. */
const refused: readonly (readonly [Record<string, unknown>, string])[] = [
  [{ normalizer: replace({ Strinw: " " }) }, "normalizer.pattern requires either String or Regex"],
  [{ normalizer: replace({ String: " ", Regex: " " }) }, "normalizer.pattern"],
  [{ normalizer: replace({ Regex: "(a" }) }, "a regular expression without an open group"],
  [{ normalizer: { ...replace({ String: "a" }), contents: "" } }, 'known keys: found "contents"'],
  [{ normalizer: { type: "Sequence", normalizers: [{ type: "NFX" }] } }, "normalizers[0].type"],
  [{ normalizer: { type: "BertNormalizer" } }, "normalizer.clean_text"],
  [{ normalizer: { type: "Precompiled", precompiled_charsmap: "A" } }, "base64"],
  [{ normalizer: { type: "Precompiled", precompiled_charsmap: "/////w==" } }, "stated size"],
  [{ normalizer: "NFC" }, "normalizer requires an object"],
  [{ pre_tokenizer: split({ behavior: "Merged" }) }, "MergedWithNext or Contiguous"],
  [{ pre_tokenizer: split({ invert: 1 }) }, "pre_tokenizer.invert requires true or false"],
  [{ pre_tokenizer: { ...metaspace, replacement: "▁▁" } }, "requires one character"],
  [{ pre_tokenizer: { ...metaspace, prepend_scheme: "sometimes" } }, "first, never or always"],
  [{ pre_tokenizer: { ...metaspace, add_prefix_space: false } }, "add_prefix_space"],
  [{ pre_tokenizer: { type: "UnicodeScripts" } }, 'found "UnicodeScripts"'],
  [{ pre_tokenizer: { type: "FixedLength", length: 0 } }, "an integer from 1"],
  [{ decoder: { type: "Strip", content: " ", start: -1, stop: 0 } }, "decoder.start"],
  [{ decoder: { type: "Novel" } }, "decoder.type"],
  [{ model: { ...bpe, type: "Novel" } }, "model.type"],
  [{ model: { ...bpe, vocab: {} } }, "model.vocab requires at least one token"],
  [{ model: { ...bpe, vocab: { ...vocab, c: 1.5 } } }, "model.vocab requires integers"],
  [{ model: { ...bpe, vocab: { ...vocab, c: -1 } } }, "model.vocab requires integers"],
  [{ model: { ...bpe, vocab: { ...vocab, c: 1 } } }, "one token for each id"],
  [{ model: { ...bpe, merges: [["a", "z"]] } }, 'tokens of model.vocab: found "z"'],
  [{ model: { ...bpe, merges: [["b", "a"]] } }, 'tokens of model.vocab: found "ba"'],
  [{ model: { ...bpe, merges: ["a b c"] } }, "model.merges requires pairs of tokens"],
  [{ model: { ...bpe, dropout: 0.1 } }, "model.dropout requires null or 0"],
  [{ model: { ...bpe, fuse_unks: true } }, 'found "fuse_unks"'],
  [{ model: { ...wordPiece, vocab: [] } }, "model.vocab requires an object"],
  [{ model: { ...wordPiece, vocab: {} } }, "model.vocab requires at least one token"],
  [{ model: { ...wordPiece, max_input_chars_per_word: "9" } }, "max_input_chars_per_word"],
  [{ model: { type: "WordLevel", vocab } }, "model.unk_token"],
  [{ model: { type: "Unigram", unk_id: 0, vocab: [] } }, "at least one token with its score"],
  [{ model: { type: "Unigram", unk_id: 0, vocab: [["a"]] } }, "tokens with their scores"],
  [{ model: { type: "Unigram", unk_id: 1, vocab: [["a", 0]] } }, "an id below 1"],
  [{ added_tokens: [{ ...token, id: 9 }] }, "added_tokens[0].id requires 4"],
  [{ added_tokens: [{ ...token, content: "a" }] }, "added_tokens[0].id requires 1"],
  [{ added_tokens: [{ ...token, special: "yes" }] }, "added_tokens[0].special"],
  [{ added_tokens: [{ ...token, bold: true }] }, 'found "bold"'],
  [{ added_tokens: ["[X]"] }, "added_tokens[0] requires an object"],
];

Deno.test("Tokenizer refuses what a tokenizer.json must not say, by its key", () => {
  assertEquals(new Tokenizer(whole).encode("abz").ids, [3, 0]);
  assertEquals(new Tokenizer({ ...whole, added_tokens: [token] }).encode("a[X]").ids, [1, 4]);
  for (const [change, message] of refused) {
    const error = assertThrows(
      () => new Tokenizer({ ...whole, ...change }, {}, "t.json"),
      FileError,
      message,
    );
    assert(error.message.length < 500);
    assertEquals(error.path, "t.json");
  }
});

Deno.test("Tokenizer keeps its messages short whatever the file holds", () => {
  const long = "x".repeat(100_000);
  let nested: unknown = { type: "NFC" };
  for (let depth = 0; depth < 10_000; depth++) nested = { type: "Sequence", normalizers: [nested] };
  for (
    const change of [
      { normalizer: nested },
      { normalizer: { type: long } },
      { normalizer: { type: "NFC", [long]: 1 } },
      { normalizer: replace({ Regex: `(${long}` }) },
      { normalizer: replace({ Regex: `\\p{${long}}` }) },
      { normalizer: replace({ Regex: `[[:${long.slice(0, 10_000)}:]]` }) },
      { model: { ...bpe, merges: [[long, long]] } },
      { added_tokens: [{ ...token, content: long, id: 0 }] },
    ]
  ) {
    const error = assertThrows(() => new Tokenizer({ ...whole, ...change }), FileError);
    assert(error.message.length < 500, error.message.slice(0, 600));
  }
});

Deno.test("Tokenizer splits with a pattern that other engines do not get through", () => {
  const regex = (Regex: string) => split({ pattern: { Regex } });
  const bad = new Tokenizer({ ...whole, pre_tokenizer: regex("([^!]+)+!") });
  assertEquals(bad.encode("ab".repeat(5000)).ids.length, 5000);
});
