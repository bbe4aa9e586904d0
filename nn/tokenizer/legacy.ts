/**
 * Tokenizers from the files that models had before `tokenizer.json`.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { isRecord, type JsonObject } from "../formats/json_record.ts";

/** Describes a special token; the mask of RoBERTa swallows the spaces before it. */
function addedToken(id: number, content: string): JsonObject {
  const lstrip = content === "<mask>";
  return {
    id,
    content,
    single_word: false,
    lstrip,
    rstrip: false,
    normalized: false,
    special: true,
  };
}

/** Looks up the tokens that a kind of model cannot do without. */
function requireTokens(
  vocabulary: ReadonlyMap<string, number>,
  tokens: readonly string[],
  name: string,
): number[] {
  return tokens.map((token) => {
    const id = vocabulary.get(token);
    if (id !== undefined) return id;
    throw new FileError(`Cannot load vocabulary as it requires the token ${token}`, name);
  });
}

/**
 * Builds the `tokenizer.json` of a BERT model from its word pieces.
 *
 * @param text Content of `vocab.txt`: one token a line, the line number from 0 is the id
 * @param config Parsed `tokenizer_config.json`: `do_lower_case` (true by default), `strip_accents`
 * and `tokenize_chinese_chars` count
 * @param name File name for messages
 * @returns The object that `tokenizer.json` would hold
 * @throws {FileError} If a token is missing or occurs twice
 */
export function buildWordPiece(text: string, config: JsonObject, name: string): JsonObject {
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  const vocabulary = new Map<string, number>();
  for (const [id, token] of lines.entries()) {
    if (vocabulary.has(token)) {
      throw new FileError(`Cannot load vocabulary as ${token} requires one line`, name, id + 1);
    }
    vocabulary.set(token, id);
  }
  const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const ids = requireTokens(vocabulary, tokens, name);
  return {
    added_tokens: tokens.map((token, index) => addedToken(ids[index] ?? 0, token)),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: config["tokenize_chinese_chars"] ?? true,
      strip_accents: config["strip_accents"] ?? null,
      lowercase: config["do_lower_case"] ?? true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: { type: "BertProcessing", cls: ["[CLS]", ids[2]], sep: ["[SEP]", ids[3]] },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocabulary),
    },
  };
}

/** Reads the merges of byte-pair encoding: two tokens a line behind an optional version line. */
function readMerges(text: string, name: string): [string, string][] {
  const merges: [string, string][] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === "" || (index === 0 && line.startsWith("#version"))) continue;
    const [left, right, more] = line.split(" ");
    if (!left || !right || more !== undefined) {
      throw new FileError(
        `Cannot read merge as it requires two tokens: found ${JSON.stringify(line)}`,
        name,
        index + 1,
      );
    }
    merges.push([left, right]);
  }
  return merges;
}

/**
 * Builds the `tokenizer.json` of a GPT-2 or RoBERTa model from its vocabulary and merges.
 *
 * A vocabulary with the tokens for beginning, end and mask is RoBERTa's; else GPT-2's.
 *
 * @param vocabularyJson Parsed `vocab.json` or `encoder.json`: ids by token
 * @param mergesText Content of `merges.txt` or `vocab.bpe`
 * @param vocabularyName File name of the vocabulary for messages
 * @param mergesName File name of the merges for messages
 * @returns The object that `tokenizer.json` would hold
 * @throws {FileError} If the vocabulary or a merge is malformed
 */
export function buildByteLevel(
  vocabularyJson: unknown,
  mergesText: string,
  vocabularyName: string,
  mergesName: string,
): JsonObject {
  const vocabulary = new Map<string, number>();
  for (const [token, id] of isRecord(vocabularyJson) ? Object.entries(vocabularyJson) : []) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0) {
      throw new FileError(
        `Cannot load vocabulary as ${token} requires an id: found ${JSON.stringify(id)}`,
        vocabularyName,
      );
    }
    vocabulary.set(token, id);
  }
  const roberta = ["<s>", "</s>", "<mask>"].every((token) => vocabulary.has(token));
  const tokens = roberta ? ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] : ["<|endoftext|>"];
  const ids = requireTokens(vocabulary, tokens, vocabularyName);
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
  return {
    added_tokens: tokens.map((token, index) => addedToken(ids[index] ?? 0, token)),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: roberta
      ? { type: "RobertaProcessing", cls: ["<s>", ids[0]], sep: ["</s>", ids[2]] }
      : byteLevel,
    decoder: byteLevel,
    model: {
      type: "BPE",
      unk_token: roberta ? "<unk>" : null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      vocab: Object.fromEntries(vocabulary),
      merges: readMerges(mergesText, mergesName),
    },
  };
}
