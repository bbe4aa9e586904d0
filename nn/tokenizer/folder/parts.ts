/**
 * The parts of `tokenizer.json` that a class of tokenizer builds itself, whatever the file says.
 *
 * @module
 */

import { isRecord, type JsonObject } from "../../formats/json_record.ts";
import { refuse } from "./added_token.ts";
import type { TokenizerClass } from "./class_name.ts";
import { flagOf, type Role, type Settings } from "./settings.ts";

/** Classes with parts of their own. */
export type BuiltClass = Exclude<TokenizerClass, "whole">;

const robertaTokens = {
  bos_token: "<s>",
  eos_token: "</s>",
  unk_token: "<unk>",
  sep_token: "</s>",
  pad_token: "<pad>",
  cls_token: "<s>",
  mask_token: "<mask>",
};

const bertTokens = {
  unk_token: "[UNK]",
  sep_token: "[SEP]",
  pad_token: "[PAD]",
  cls_token: "[CLS]",
  mask_token: "[MASK]",
};

/** Tokens of a class where the files do not name others. */
export const usualTokens: Readonly<
  Record<TokenizerClass, Readonly<Partial<Record<Role, string>>>>
> = {
  BertTokenizer: bertTokens,
  DebertaV2Tokenizer: { ...bertTokens, bos_token: "[CLS]", eos_token: "[SEP]" },
  MPNetTokenizer: { ...robertaTokens, unk_token: "[UNK]" },
  RobertaTokenizer: robertaTokens,
  GPT2Tokenizer: {
    bos_token: "<|endoftext|>",
    eos_token: "<|endoftext|>",
    unk_token: "<|endoftext|>",
  },
  Qwen2Tokenizer: {
    eos_token: "<|endoftext|>",
    unk_token: "<|endoftext|>",
    pad_token: "<|endoftext|>",
  },
  XLMRobertaTokenizer: robertaTokens,
  LlamaTokenizer: { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" },
  GemmaTokenizer: {
    bos_token: "<bos>",
    eos_token: "<eos>",
    unk_token: "<unk>",
    pad_token: "<pad>",
    mask_token: "<mask>",
  },
  whole: {},
};

/** What a class takes from `tokenizer.json` or from the files before it. */
export interface Pieces {
  /** Ids by token; for a Unigram model pairs of piece and score. */
  readonly vocab: unknown;
  /** Merges of byte-pair encoding; empty for word pieces. */
  readonly merges: readonly unknown[];
  /** Steps that split numbers before bytes are looked at; mostly none. */
  readonly digits: readonly unknown[];
  /** Table of character replacements, which a SentencePiece model brings along. */
  readonly charsmap?: JsonObject | undefined;
  /** Id of the unknown piece, which a SentencePiece model names. */
  readonly unknownId?: number | undefined;
}

/** Reads a flag for which these classes take no null. */
function strictFlag(settings: Settings, key: string, usual: boolean): boolean {
  if (settings.config[key] !== null) return flagOf(settings, key, usual);
  return refuse({ path: settings.path, key }, "true or false", null);
}

function bytePairs({ vocab, merges }: Pieces, changes: JsonObject): JsonObject {
  return {
    type: "BPE",
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab,
    merges,
    ...changes,
  };
}

function bertParts(settings: Settings, { vocab }: Pieces, unknown: string): JsonObject {
  return {
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: flagOf(settings, "tokenize_chinese_chars", true),
      strip_accents: settings.config["strip_accents"] ?? null,
      lowercase: flagOf(settings, "do_lower_case", true),
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: unknown,
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

function byteLevelParts(settings: Settings, pieces: Pieces): JsonObject {
  const byteLevel = { type: "ByteLevel", trim_offsets: true, use_regex: true };
  const add_prefix_space = strictFlag(settings, "add_prefix_space", false);
  const step = { ...byteLevel, add_prefix_space };
  return {
    normalizer: null,
    pre_tokenizer: pieces.digits.length === 0
      ? step
      : { type: "Sequence", pretokenizers: [...pieces.digits, step] },
    decoder: { ...byteLevel, add_prefix_space: true },
    model: bytePairs(pieces, { continuing_subword_prefix: "", end_of_word_suffix: "" }),
  };
}

/** Where Qwen's texts are split before bytes are paired. */
const qwenSplit = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|" +
  " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

function qwenParts({ config }: Settings, pieces: Pieces): JsonObject {
  const bytes = { type: "ByteLevel", trim_offsets: true };
  const add_prefix_space = config["add_prefix_space"] === true;
  return {
    normalizer: { type: "NFC" },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: qwenSplit }, behavior: "Isolated", invert: false },
        { ...bytes, add_prefix_space, use_regex: false },
      ],
    },
    decoder: { ...bytes, add_prefix_space: true, use_regex: true },
    model: bytePairs(pieces, { continuing_subword_prefix: "", end_of_word_suffix: "" }),
  };
}

function llamaParts(settings: Settings, pieces: Pieces): JsonObject {
  const prefix = flagOf(settings, "add_prefix_space", true);
  const space = flagOf(settings, "legacy", false) ? "always" : "first";
  const decoders = [
    { type: "Replace", pattern: { String: "▁" }, content: " " },
    { type: "ByteFallback" },
    { type: "Fuse" },
    ...prefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : [],
  ];
  return {
    normalizer: null,
    pre_tokenizer: {
      type: "Metaspace",
      replacement: "▁",
      prepend_scheme: prefix ? space : "never",
      split: false,
    },
    decoder: { type: "Sequence", decoders },
    model: bytePairs(pieces, { fuse_unk: true, byte_fallback: true }),
  };
}

function gemmaParts(pieces: Pieces, unknown: string): JsonObject {
  const space = { String: " " };
  const decoders = [
    { type: "Replace", pattern: { String: "▁" }, content: " " },
    { type: "ByteFallback" },
    { type: "Fuse" },
  ];
  return {
    normalizer: { type: "Replace", pattern: space, content: "▁" },
    pre_tokenizer: {
      type: "Split",
      pattern: space,
      behavior: "MergedWithPrevious",
      invert: false,
    },
    decoder: { type: "Sequence", decoders },
    model: bytePairs(pieces, { unk_token: unknown, fuse_unk: true, byte_fallback: true }),
  };
}

function xlmRobertaParts({ config }: Settings, { vocab, charsmap }: Pieces): JsonObject {
  const prefix = config["add_prefix_space"] === undefined || config["add_prefix_space"] === true;
  const prepend_scheme = prefix ? "always" : "never";
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme, split: true };
  return {
    normalizer: charsmap ?? null,
    pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, metaspace] },
    decoder: metaspace,
    model: { type: "Unigram", unk_id: 3, byte_fallback: false, vocab },
  };
}

/**
 * Id of the unknown piece: that of the unknown token where its score is 0, else the model's, else that
 * of the settings.
 */
function unknownPiece({ config, path }: Settings, pieces: Pieces, unknown: string): number {
  const { vocab, unknownId } = pieces;
  const entries: readonly unknown[] = Array.isArray(vocab) ? vocab : [];
  const named = entries.findIndex((entry) =>
    Array.isArray(entry) && entry[0] === unknown && entry[1] === 0
  );
  if (named >= 0) return named;
  if (unknownId !== undefined) return unknownId;
  const id = config["unk_id"];
  if (id === undefined) return 1;
  if (typeof id === "number" && Number.isSafeInteger(id) && id >= 0 && id < entries.length) {
    return id;
  }
  return refuse({ path, key: "unk_id" }, `an id from 0, below ${entries.length}`, id);
}

function debertaParts(settings: Settings, pieces: Pieces, unknown: string): JsonObject {
  const prefix = settings.config["add_prefix_space"];
  const prepend_scheme = prefix === undefined || prefix === true ? "always" : "first";
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme, split: true };
  const punctuation = flagOf(settings, "split_by_punct", false)
    ? [{ type: "Punctuation", behavior: "Isolated" }]
    : [];
  const normalizers = [
    ...flagOf(settings, "do_lower_case", false) ? [{ type: "Lowercase" }] : [],
    { type: "Replace", pattern: { Regex: "\\s{2,}|[\\n\\r\\t]" }, content: " " },
    { type: "NFC" },
    { type: "Strip", strip_left: false, strip_right: true },
  ];
  return {
    normalizer: { type: "Sequence", normalizers },
    pre_tokenizer: { type: "Sequence", pretokenizers: [...punctuation, metaspace] },
    decoder: metaspace,
    model: {
      type: "Unigram",
      unk_id: unknownPiece(settings, pieces, unknown),
      byte_fallback: false,
      vocab: pieces.vocab,
    },
  };
}

/**
 * Normalizer, pre-tokenizer, decoder and model of a class.
 *
 * @param unknown Token for unknown pieces of words
 * @throws {FileError} If a flag is null that must not be
 */
export function buildParts(
  name: BuiltClass,
  settings: Settings,
  pieces: Pieces,
  unknown: string,
): JsonObject {
  switch (name) {
    case "BertTokenizer":
    case "MPNetTokenizer":
      return bertParts(settings, pieces, unknown);
    case "RobertaTokenizer":
    case "GPT2Tokenizer":
      return byteLevelParts(settings, pieces);
    case "LlamaTokenizer":
      return llamaParts(settings, pieces);
    case "GemmaTokenizer":
      return gemmaParts(pieces, unknown);
    case "Qwen2Tokenizer":
      return qwenParts(settings, pieces);
    case "XLMRobertaTokenizer":
      return xlmRobertaParts(settings, pieces);
    case "DebertaV2Tokenizer":
      return debertaParts(settings, pieces, unknown);
  }
}

/** The steps of a pre-tokenizer, those of sequences one by one. */
export function stepsOf(step: unknown): unknown[] {
  if (step === null || step === undefined) return [];
  const steps = isRecord(step) && step["type"] === "Sequence" ? step["pretokenizers"] : undefined;
  return Array.isArray(steps) ? steps.flatMap(stepsOf) : [step];
}
