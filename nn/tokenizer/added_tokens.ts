/**
 * The key `added_tokens` of `tokenizer.json`: texts that are tokens wherever they stand.
 *
 * @module
 */

import { Component } from "./component.ts";
import { Lexicon } from "./lexicon.ts";
import { classes, isSpace } from "./unicode.ts";
import type { WordModel } from "./vocabulary.ts";

/** A token that is found in the text before the model sees it. */
export interface AddedToken {
  /** Its id. */
  readonly id: number;
  /** Its text. */
  readonly content: string;
  /** Whether it is found only where no character of a word is beside it. */
  readonly singleWord: boolean;
  /** Whether it takes the white space before it. */
  readonly lstrip: boolean;
  /** Whether it takes the white space behind it. */
  readonly rstrip: boolean;
  /** Whether it is found in normalized text, as its own normalized text. */
  readonly normalized: boolean;
  /** Whether it is left out where decoding leaves special tokens out. */
  readonly special: boolean;
}

const wordAtStart = new RegExp(`^[${classes.word}]`, "v");
const wordAtEnd = new RegExp(`[${classes.word}]$`, "v");

/** Finds added tokens of one kind in texts. */
export class AddedTokenFinder {
  readonly #lexicon: Lexicon;
  readonly #tokens: ReadonlyMap<string, AddedToken>;

  /**
   * Takes tokens by the texts that stand for them.
   *
   * @param tokens Tokens by text
   */
  constructor(tokens: ReadonlyMap<string, AddedToken>) {
    this.#tokens = tokens;
    this.#lexicon = new Lexicon(tokens.keys());
  }

  /**
   * Splits a text.
   *
   * @param take Gets what lies between tokens, with where it begins
   * @param add Gets the ids of tokens
   */
  split(
    text: string,
    take: (part: string, start: number) => void,
    add: (id: number) => void,
  ): void {
    let done = 0;
    for (let at = 0; this.#tokens.size > 0 && at < text.length;) {
      const length = this.#lexicon.lengthsAt(text, at).at(-1);
      const token = length === undefined
        ? undefined
        : this.#tokens.get(text.slice(at, at + length));
      if (length === undefined || token === undefined) {
        at++;
        continue;
      }
      let [start, end] = [at, at + length];
      at = end;
      if (token.singleWord && besideWord(text, start, end)) continue;
      if (token.lstrip) {
        while (start > done && isSpace(text[start - 1] ?? "")) start--;
        start = Math.max(start, done);
        // The token before has taken all of this one.
        if (start >= at) continue;
      }
      if (token.rstrip) { while (end < text.length && isSpace(text[end] ?? "")) end++; }
      if (done < start) take(text.slice(done, start), done);
      add(token.id);
      done = end;
    }
    if (done < text.length) take(text.slice(done), done);
  }
}

function besideWord(text: string, start: number, end: number): boolean {
  return wordAtEnd.test(text.slice(Math.max(0, start - 2), start)) ||
    wordAtStart.test(text.slice(end, end + 2));
}

/**
 * Reads the added tokens.
 *
 * @param list Value of the key `added_tokens`
 * @param model The model's tokens
 * @param name File name for messages
 * @returns The tokens in the order of the file
 * @throws {FileError} If one is malformed, or its id is not the one that the library gives it: the
 * model's, else the next free one
 */
export function readAddedTokens(
  list: readonly unknown[],
  { ids, tokens: all }: WordModel,
  name: string,
): AddedToken[] {
  const tokens = new Map<string, AddedToken>();
  let next = all?.length ?? ids.size;
  for (const [index, json] of list.entries()) {
    const part = new Component(json, `added_tokens[${index}]`, name);
    part.only("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special");
    const content = part.text("content");
    if (content === "") continue;
    const token: AddedToken = {
      id: part.count("id"),
      content,
      singleWord: part.flag("single_word"),
      lstrip: part.flag("lstrip"),
      rstrip: part.flag("rstrip"),
      normalized: part.flag("normalized"),
      special: part.flag("special"),
    };
    const given = ids.get(content) ?? tokens.get(content)?.id ?? next++;
    if (given !== token.id) part.fail("id", `${given}, as the model's vocabulary has it`);
    tokens.set(content, token);
  }
  return [...tokens.values()];
}
