/**
 * Vocabularies of tokenizers, and models that look whole words or pieces of words up in them.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { isRecord } from "../formats/json_record.ts";
import type { Component } from "./component.ts";

/** Turns words into token ids. */
export interface WordModel {
  /** Returns the ids of one word, which is not empty. */
  readonly tokenize: (word: string) => readonly number[];
  /** Ids by token. */
  readonly ids: ReadonlyMap<string, number>;
  /** Tokens by id, where several ids can have the same one. */
  readonly tokens?: readonly string[];
}

const mostIds = 2 ** 32;

/**
 * Reads the key `vocab` of a model: ids by token.
 *
 * @throws {FileError} If it is empty, or an id is none or that of two tokens
 */
export function readVocabulary(part: Component): Map<string, number> {
  const json = part.json["vocab"];
  if (!isRecord(json)) part.fail("vocab", "an object of ids by token");
  const ids = new Map<string, number>();
  const taken = new Set<number>();
  for (const [token, id] of Object.entries(json)) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= mostIds) {
      part.fail("vocab", "integers from 0", { [token]: id });
    }
    if (taken.has(id)) part.fail("vocab", "one token for each id", { [token]: id });
    taken.add(id);
    ids.set(token, id);
  }
  if (ids.size === 0) part.fail("vocab", "at least one token");
  return ids;
}

/** Says that a word has no id as the vocabulary lacks the token for unknown text. */
export function refuseUnknown(word: string): never {
  throw new OptionError(
    `Cannot encode text as it requires a token for unknown text: found none for ${
      JSON.stringify(word.slice(0, 40))
    }`,
  );
}

const mostRemembered = 50_000;
const longestRemembered = 256;

/** Remembers what words became. */
export function remembering(
  tokenize: (word: string) => readonly number[],
): (word: string) => readonly number[] {
  const known = new Map<string, readonly number[]>();
  return (word) => {
    const before = known.get(word);
    if (before) return before;
    const ids = tokenize(word);
    if (word.length <= longestRemembered) {
      if (known.size >= mostRemembered) known.clear();
      known.set(word, ids);
    }
    return ids;
  };
}

/** Reads a model of whole words. */
export function readWordLevel(part: Component): WordModel {
  part.only("vocab", "unk_token");
  const ids = readVocabulary(part);
  const unknown = ids.get(part.text("unk_token"));
  return { ids, tokenize: (word) => [ids.get(word) ?? unknown ?? refuseUnknown(word)] };
}

/** Reads a model that takes the longest piece of the vocabulary from a word, again and again. */
export function readWordPiece(part: Component): WordModel {
  part.only("vocab", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word");
  const ids = readVocabulary(part);
  const unknown = ids.get(part.text("unk_token"));
  const prefix = part.text("continuing_subword_prefix");
  const most = part.count("max_input_chars_per_word");
  let longest = 0;
  for (const token of ids.keys()) longest = Math.max(longest, token.length);
  const pieces = (word: string): number[] | undefined => {
    const found: number[] = [];
    let start = 0;
    while (start < word.length) {
      let end = Math.min(word.length, start + longest);
      let id: number | undefined;
      for (; end > start; end--) {
        const piece = word.slice(start, end);
        id = ids.get(start > 0 ? prefix + piece : piece);
        if (id !== undefined) break;
      }
      if (id === undefined) return undefined;
      found.push(id);
      start = end;
    }
    return found;
  };
  const tooLong = (word: string) => word.length > most && [...word].length > most;
  const tokenize = (word: string) =>
    (tooLong(word) ? undefined : pieces(word)) ?? [unknown ?? refuseUnknown(word)];
  return { ids, tokenize: remembering(tokenize) };
}
