import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FileError, OptionError } from "../../../core/errors.ts";
import { loadTokenizer } from "../../../train/run/load_tokenizer.ts";
import { Tokenizer } from "../../../nn/tokenizer/tokenizer.ts";
import { buildWordPiece } from "../../../nn/tokenizer/legacy.ts";
import type { TokenizerFiles } from "../../../nn/tokenizer/file_names.ts";
import { openTokenizer } from "../../../nn/tokenizer/open.ts";
import { shared, sharedTest } from "../../support/shared.ts";

const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const pieces = [...special, "a", "b", "c", "cat", "##s", "##a", ",", "é", "e"];
const vocabText = pieces.join("\n") + "\n";
const bert = new Tokenizer(buildWordPiece(vocabText, "vocab.txt"), {}, "vocab.txt");

/** The 256 characters that stand for bytes in byte-level vocabularies. */
function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCharCode(printable ? byte : next++);
  });
}

const merges = "#version: 0.2\nh e\nhe y\nĠ hey\n";
const gptTokens = [...byteCharacters(), "he", "hey", "Ġhey", "<|endoftext|>"];
const gptVocabulary = Object.fromEntries(gptTokens.map((token, id) => [token, id]));
const gpt = await openTokenizer({ "vocab.json": gptVocabulary, "merges.txt": merges });
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
const gptJson = {
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: byteLevel,
  post_processor: null,
  decoder: byteLevel,
  model: { type: "BPE", vocab: gptVocabulary, merges: ["h e", "he y", "Ġ hey"] },
};
const robertaTokens = ["<s>", "<pad>", "</s>", "<unk>", ...gptTokens.slice(0, -1), "<mask>"];
const robertaVocabulary = Object.fromEntries(robertaTokens.map((token, id) => [token, id]));
const roberta = await openTokenizer({ "vocab.json": robertaVocabulary, "merges.txt": merges });
const ids = (...tokens: string[]) => tokens.map((token) => bert.tokenId(token));

Deno.test("Tokenizer encodes singles and pairs of BERT", () => {
  const { ids: single, typeIds } = bert.encode("Cats, a");
  assertEquals(single, ids("[CLS]", "cat", "##s", ",", "a", "[SEP]"));
  assertEquals(typeIds, [0, 0, 0, 0, 0, 0]);
  const pair = bert.encode("a", "b É");
  assertEquals(pair.ids, ids("[CLS]", "a", "[SEP]", "b", "e", "[SEP]"));
  assertEquals(pair.typeIds, [0, 0, 0, 1, 1, 1]);
  assertEquals(bert.encode("a z").ids, ids("[CLS]", "a", "[UNK]", "[SEP]"));
  assertEquals(bert.encode("a", "b", { special: false }), { ids: [5, 6], typeIds: [0, 1] });
});

Deno.test("Tokenizer treats an empty second text as a pair", () => {
  assertEquals(bert.encode("a", "").ids, ids("[CLS]", "a", "[SEP]", "[SEP]"));
  assertEquals(roberta.encode("", "").ids, [0, 2, 2, 2]);
});

Deno.test("Tokenizer puts RoBERTa pairs together with one token type", () => {
  const a = roberta.tokenId("a") ?? -1;
  const hey = roberta.tokenId("Ġhey") ?? -1;
  assertEquals(roberta.encode("a", " hey"), {
    ids: [0, a, 2, 2, hey, 2],
    typeIds: [0, 0, 0, 0, 0, 0],
  });
  assertEquals([roberta.padId, roberta.bosId, roberta.eosId], [1, 0, 2]);
  assertEquals(roberta.vocabularySize, robertaTokens.length);
  const space = roberta.tokenId("Ġ");
  assertEquals(roberta.encode("a <mask>").ids, [0, a, space, robertaTokens.length - 1, 2]);
});

Deno.test("Tokenizer joins GPT-2 pairs without special tokens", () => {
  const hey = gpt.tokenId("hey") ?? -1;
  const spaced = gpt.tokenId("Ġhey") ?? -1;
  assertEquals(gpt.encode("hey", " hey hey"), {
    ids: [hey, spaced, spaced],
    typeIds: [0, 1, 1],
  });
  const end = gptTokens.length - 1;
  assertEquals([gpt.padId, gpt.bosId, gpt.eosId], [undefined, end, end]);
});

Deno.test("Tokenizer of byte level decodes any text it encodes", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    fc.pre(!text.includes("<"));
    assertEquals(gpt.decode(gpt.encode(text).ids), text);
    assertEquals(roberta.decode(roberta.encode(text).ids, { skipSpecial: true }), text);
  }));
});

Deno.test("Tokenizer decodes nothing, special and unknown ids", () => {
  assertEquals(bert.decode([]), "");
  assertEquals(bert.decode([2, 3], { skipSpecial: true }), "");
  assertEquals(bert.decode([2, 8, 9, 3]), "[CLS] cats [SEP]");
  assertEquals(bert.decode(new Set([8, 9, 99_999, -1])), "cats");
  assertEquals(gpt.decode(gpt.encode("hey , hey").ids), "hey , hey");
});

Deno.test("Tokenizer takes the special tokens of tokenizer_config.json first", () => {
  const json = buildWordPiece(vocabText, "v");
  assertEquals([bert.padId, bert.bosId, bert.eosId], [0, undefined, undefined]);
  const config = { pad_token: null, bos_token: "[CLS]", eos_token: { content: "[SEP]" } };
  const tokenizer = new Tokenizer(json, config);
  assertEquals([tokenizer.padId, tokenizer.bosId, tokenizer.eosId], [undefined, 2, 3]);
});

Deno.test("Tokenizer switches off the truncation and padding of tokenizer.json", () => {
  const json = {
    ...buildWordPiece(vocabText, "v"),
    truncation: { max_length: 4, strategy: "LongestFirst", stride: 0 },
    padding: { strategy: { Fixed: 8 }, pad_id: 0, pad_type_id: 0, pad_token: "[PAD]" },
  };
  assertEquals(new Tokenizer(json).encode("a b c a b c").ids.length, 8);
});

Deno.test("Tokenizer splits all numeric characters as the reference's Digits does", () => {
  const numbers = (steps: unknown) => {
    const vocab = { a: 0, "½": 1, "1": 2, "½1": 3 };
    const parts = { normalizer: null, post_processor: null, decoder: null, added_tokens: [] };
    const model = { type: "BPE", unk_token: null, vocab, merges: [["½", "1"]] };
    return new Tokenizer({ ...parts, model, pre_tokenizer: steps }).encode("a½1").ids;
  };
  const digits = (individual_digits: boolean) => ({ type: "Digits", individual_digits });
  assertEquals(numbers(null), [0, 3]);
  assertEquals(numbers(digits(false)), [0, 3]);
  assertEquals(numbers(digits(true)), [0, 1, 2]);
  assertEquals(numbers({ type: "Sequence", pretokenizers: [digits(true)] }), [0, 1, 2]);
});

Deno.test("Tokenizer names the file and the key that is missing or unsupported", () => {
  for (const key of Object.keys(gptJson)) {
    const partial = Object.fromEntries(Object.entries(gptJson).filter(([other]) => other !== key));
    const error = assertThrows(() => new Tokenizer(partial, {}, "t.json"), FileError, key);
    assertEquals(error.path, "t.json");
  }
  const { model } = gptJson;
  const refuse = (change: Record<string, unknown>, message: string) =>
    assertThrows(() => new Tokenizer({ ...gptJson, ...change }, {}, "t.json"), FileError, message);
  refuse({ added_tokens: null }, "added_tokens requires a list: found null");
  refuse({ model: { ...model, merges: undefined } }, "model.merges");
  refuse({ model: { ...model, vocab: undefined } }, "model.vocab");
  refuse({ normalizer: { type: "Novel" } }, "Novel");
  refuse({ post_processor: { type: "Novel" } }, "Novel");
  refuse({ pre_tokenizer: { type: "Split", behavior: "Merged" } }, "MergedWithNext");
  assertThrows(() => new Tokenizer([], {}, "t.json"), FileError, "JSON object: found []");
});

Deno.test("Tokenizer leaves out an added token that the one before has taken whole", () => {
  const added = ["[X]", "  ", "\n"].map((content, index) => {
    const flags = { single_word: false, normalized: false, special: false };
    return { id: index + 3, content, ...flags, lstrip: content === "  ", rstrip: index === 0 };
  });
  const vocab = { "[UNK]": 0, a: 1, b: 2 };
  const json = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  const model = { type: "WordLevel", vocab, unk_token: "[UNK]" };
  const words = new Tokenizer({ ...json, added_tokens: added, model });
  const expected = { "a[X]  b": [1, 3, 2], "a  b": [1, 4, 2], "[X]\nb": [3, 5, 2] };
  for (const [text, ids] of Object.entries(expected)) assertEquals(words.encode(text).ids, ids);
});

Deno.test("decoders look for the empty text between characters and not within one", () => {
  const json = { normalizer: null, pre_tokenizer: null, post_processor: null, added_tokens: [] };
  const model = { type: "WordLevel", vocab: { "👩": 0, a: 1 }, unk_token: "a" };
  const decode = (decoder: object) => new Tokenizer({ ...json, decoder, model }).decode([0, 1, 0]);
  assertEquals(decode({ type: "BPEDecoder", suffix: "" }), " 👩  a 👩");
  const ctc = { type: "CTC", pad_token: "", word_delimiter_token: "", cleanup: true };
  assertEquals(decode(ctc), " 👩  a  👩 ");
});

Deno.test("Tokenizer refuses unknown text where the vocabulary lacks the unknown token", () => {
  const json = buildWordPiece(vocabText, "v");
  const model = { ...(json["model"] as Record<string, unknown>), unk_token: "[NONE]" };
  const tokenizer = new Tokenizer({ ...json, model });
  assertEquals(tokenizer.encode("a").ids, [2, 5, 3]);
  assertThrows(() => tokenizer.encode("z"), OptionError, 'found none for "z"');
});

Deno.test("encode() truncates one sequence by strategy and keeps special tokens", () => {
  const first = bert.encode("a b c", "a b", { maxLength: 6, strategy: "only_first" });
  assertEquals(first.ids, ids("[CLS]", "a", "[SEP]", "a", "b", "[SEP]"));
  const second = bert.encode("a b c", "a b", { maxLength: 7, strategy: "only_second" });
  assertEquals(second.ids, ids("[CLS]", "a", "b", "c", "[SEP]", "a", "[SEP]"));
  assertEquals(bert.encode("a b c", undefined, { maxLength: 4 }).ids.length, 4);
  const refuse = (maxLength: number, strategy: "only_first" | "only_second", pair?: string) =>
    assertThrows(() => bert.encode("a b c", pair, { maxLength, strategy }), OptionError);
  refuse(5, "only_second", "a b");
  refuse(3, "only_second");
  refuse(2, "only_first", "a b");
  refuse(4.5, "only_first");
});

Deno.test("encode() keeps the limit and the special tokens for any texts", () => {
  const words = fc.array(fc.constantFrom("a", "b", "cats", ","), { maxLength: 20 });
  fc.assert(fc.property(words, words, fc.integer({ min: 3, max: 50 }), (first, second, limit) => {
    const texts = [first.join(" "), second.join(" ")] as const;
    const whole = bert.encode(...texts);
    const cut = bert.encode(...texts, { maxLength: limit });
    assertEquals(cut.ids.length, Math.min(limit, whole.ids.length));
    assertEquals(cut.typeIds.length, cut.ids.length);
    assertEquals(cut.ids.filter((id) => id === 2 || id === 3), [2, 3, 3]);
  }));
});

Deno.test("openTokenizer() refuses malformed files of a vocabulary with the line", async () => {
  const refusal = (files: TokenizerFiles, message: string) =>
    assertRejects(() => openTokenizer(files), FileError, message);
  const duplicate = await refusal({ "vocab.txt": vocabText + "cat\n" }, "cat requires one line");
  assertEquals(duplicate.line, pieces.length + 1);
  await refusal({ "vocab.txt": "a\nb\n" }, "[PAD]");
  const files = { "vocab.json": gptVocabulary, "merges.txt": merges };
  const merge = await refusal({ ...files, "merges.txt": merges + "a b c\n" }, "two tokens");
  assertEquals([merge.path, merge.line], ["merges.txt", 5]);
  await refusal({ ...files, "vocab.json": { a: "1" } }, "requires an id");
  await refusal({ ...files, "vocab.json": { a: 1 } }, "<|endoftext|>");
});

Deno.test("openTokenizer() follows do_lower_case beside vocab.txt", async () => {
  const config = { do_lower_case: false };
  const cased = await openTokenizer({ "vocab.txt": vocabText, "tokenizer_config.json": config });
  assertEquals(cased.encode("cats Cats é").ids, ids("[CLS]", "cat", "##s", "[UNK]", "é", "[SEP]"));
});

Deno.test("loadTokenizer() finds each kind of file and says what is missing", async () => {
  const directory = await Deno.makeTempDir();
  const write = (name: string, value: unknown) =>
    Deno.writeTextFile(
      `${directory}/${name}`,
      typeof value === "string" ? value : JSON.stringify(value),
    );
  try {
    await assertRejects(() => loadTokenizer(directory), FileError, "found none of these");
    await write("encoder.json", gptVocabulary);
    await write("vocab.bpe", merges);
    assertEquals((await loadTokenizer(directory)).encode("hey").ids, gpt.encode("hey").ids);
    await write("vocab.json", robertaVocabulary);
    await write("merges.txt", merges);
    assertEquals((await loadTokenizer(directory)).encode("hey").ids, roberta.encode("hey").ids);
    await write("vocab.txt", vocabText);
    await write("tokenizer_config.json", { eos_token: "[SEP]" });
    const pieceTokenizer = await loadTokenizer(directory);
    assertEquals([pieceTokenizer.encode("cats").ids, pieceTokenizer.eosId], [[2, 8, 9, 3], 3]);
    await write("tokenizer.json", gptJson);
    assertEquals((await loadTokenizer(directory)).encode("hey").ids, gpt.encode("hey").ids);
    await write("tokenizer.json", "{");
    await assertRejects(() => loadTokenizer(directory), FileError, "tokenizer.json:1:");
    await write("tokenizer.json", gptJson);
    await write("tokenizer_config.json", "[]");
    await assertRejects(() => loadTokenizer(directory), FileError, "tokenizer_config.json: ");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

sharedTest("vocab.txt alone yields the same encodings as MiniLM's tokenizer.json", async () => {
  const whole = await loadTokenizer(shared("models/minilm"));
  const legacy = await loadTokenizer(shared("models/bert_tokenizer"));
  assert(whole.vocabularySize === 30522 && legacy.vocabularySize === 30522);
  for (const text of ["Ünïcode, [MASK] 北京 don't", "½ is 50%", "\u0000\u200bx y", "unaffable"]) {
    assertEquals(legacy.encode(text, text), whole.encode(text, text));
  }
});
