/**
 * Tokenizers from the files that models had before `tokenizer.json`.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord, type JsonObject } from "../formats/json_record.ts";
import { type BuiltClass, type Pieces, usualTokens } from "./folder/parts.ts";
import { resolveTokenizer } from "./folder/resolve.ts";
import { readSettings, type Settings } from "./folder/settings.ts";

/** Vocabulary and merges of files before `tokenizer.json`. */
export interface VocabularyPieces extends Pieces {
  /** Ids by token. */
  readonly vocab: JsonObject;
}

// White space of Unicode, which the reference takes off the end of each line.
const lineEnd = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/;

/**
 * Reads word pieces.
 *
 * @param text Content of `vocab.txt`: one token a line, the line number from 0 is the id
 * @param name File name for messages
 * @throws {FileError} If a token occurs twice
 */
export function readWordPieces(text: string, name: string): VocabularyPieces {
  const vocabulary = new Map<string, number>();
  for (const [id, line] of text.replace(/\r?\n$/, "").split(/\r?\n/).entries()) {
    const token = line.replace(lineEnd, "");
    if (token !== "" && vocabulary.has(token)) {
      throw new FileError(
        `Cannot load vocabulary as token ${token.slice(0, 60)} requires one line: found another`,
        name,
        id + 1,
      );
    }
    vocabulary.set(token, id);
  }
  return { vocab: Object.fromEntries(vocabulary), merges: [], digits: [] };
}

/** Reads the merges of byte-pair encoding: two tokens a line beside version lines. */
function readMerges(text: string, name: string): [string, string][] {
  const merges: [string, string][] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === "" || line.startsWith("#version")) continue;
    const [left, right, more] = line.split(" ");
    if (!left || !right || more !== undefined) {
      throw new FileError(
        `Cannot read merge as it requires two tokens: found ${excerpt(line)}`,
        name,
        index + 1,
      );
    }
    merges.push([left, right]);
  }
  return merges;
}

/** Files of byte-pair encoding and their names for messages. */
export interface BytePairFiles {
  /** Parsed `vocab.json` or `encoder.json`: ids by token. */
  readonly vocabulary: unknown;
  /** File name of the vocabulary. */
  readonly vocabularyName: string;
  /** Content of `merges.txt` or `vocab.bpe`. */
  readonly merges: string;
  /** File name of the merges. */
  readonly mergesName: string;
}

/**
 * Reads a vocabulary and merges.
 *
 * @throws {FileError} If an id or a merge is malformed, or two tokens have one id
 */
export function readBytePairs(files: BytePairFiles): VocabularyPieces {
  const { vocabulary, vocabularyName, merges, mergesName } = files;
  const fail = (token: string, required: string, id: unknown): never => {
    throw new FileError(
      `Cannot load vocabulary as ${token.slice(0, 60)} requires ${required}: found ${excerpt(id)}`,
      vocabularyName,
    );
  };
  const tokens = new Map<unknown, string>();
  const vocab = isRecord(vocabulary) ? vocabulary : {};
  for (const [token, id] of Object.entries(vocab)) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0) fail(token, "an id", id);
    const other = tokens.get(id);
    if (other !== undefined) fail(token, `another id than ${excerpt(other)}`, id);
    tokens.set(id, token);
  }
  return { vocab, merges: readMerges(merges, mergesName), digits: [] };
}

/** Whether a byte-level vocabulary is RoBERTa's: it has tokens for beginning, end and mask. */
export function isRoberta({ vocab }: VocabularyPieces): boolean {
  return ["<s>", "</s>", "<mask>"].every((token) => Object.hasOwn(vocab, token));
}

/** Classes whose vocabulary is that of `tokenizer.json`, or of SentencePiece. */
type BuiltFromJson =
  | "LlamaTokenizer"
  | "GemmaTokenizer"
  | "XLMRobertaTokenizer"
  | "DebertaV2Tokenizer";

/**
 * Builds the tokenizer of a class from the files of its vocabulary.
 *
 * @param name Class that reads such files
 * @param path File name of the vocabulary for messages
 * @throws {FileError} If the vocabulary lacks a token that the class cannot do without
 */
export function resolveLegacy(
  name: Exclude<BuiltClass, BuiltFromJson>,
  pieces: VocabularyPieces,
  settings: Settings,
  path: string,
): ReturnType<typeof resolveTokenizer> {
  const listed = new Set([...settings.added, ...settings.decoder ?? []]
    .map(({ token }) => token.content));
  const missing = Object.entries(usualTokens[name])
    .filter(([role, token]) => !settings.named.has(role) && !listed.has(token))
    .map(([, token]) => token)
    .filter((token) => !Object.hasOwn(pieces.vocab, token));
  if (missing.length > 0) {
    const tokens = [...new Set(missing)].join(", ");
    throw new FileError(`Cannot load vocabulary as it requires the tokens ${tokens}`, path);
  }
  return resolveTokenizer({ name, pieces, path }, settings);
}

/**
 * Builds the `tokenizer.json` of a BERT model from its word pieces.
 *
 * @param text Content of `vocab.txt`: one token a line, the line number from 0 is the id
 * @param name File name for messages
 * @returns The object that `tokenizer.json` would hold
 * @throws {FileError} If a token is missing or occurs twice
 */
export function buildWordPiece(text: string, name: string): JsonObject {
  const none = { value: undefined, path: name };
  const settings = readSettings({ config: none, map: none, added: none });
  return resolveLegacy("BertTokenizer", readWordPieces(text, name), settings, name).json;
}
