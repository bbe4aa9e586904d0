/**
 * What a `tokenizer.json` says, put together: from text to ids and from ids to text.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { type AddedToken, AddedTokenFinder, readAddedTokens } from "./added_tokens.ts";
import { readBytePair } from "./bpe.ts";
import { Component } from "./component.ts";
import { readDecoder, type TokenDecoder } from "./decoders.ts";
import { type Normalizer, readNormalizer } from "./normalizers.ts";
import { type PreTokenizer, readPreTokenizer } from "./pre_tokenizers.ts";
import { topLevel } from "./tokenizer_json.ts";
import { readUnigram } from "./unigram.ts";
import { readWordLevel, readWordPiece, type WordModel } from "./vocabulary.ts";

/** Names the kind of model, which older files leave out. */
function modelType(part: Component): string {
  if ("type" in part.json) return part.type;
  if (Array.isArray(part.json["vocab"])) return "Unigram";
  if ("merges" in part.json) return "BPE";
  return "continuing_subword_prefix" in part.json ? "WordPiece" : "WordLevel";
}

function readModel(json: unknown, name: string): WordModel {
  const part = new Component(json, "model", name);
  switch (modelType(part)) {
    case "BPE":
      return readBytePair(part);
    case "WordPiece":
      return readWordPiece(part);
    case "WordLevel":
      return readWordLevel(part);
    case "Unigram":
      return readUnigram(part);
    default:
      return part.fail("type", "a known model");
  }
}

/** Most characters that a normalizer makes of each, and in a text beside: else a file fills memory. */
const [mostGrowth, mostAdded] = [100, 10_000];

/** A tokenizer without post-processing. */
export class TokenizerPipeline {
  /** Added tokens in the order of the file. */
  readonly added: readonly AddedToken[];
  /** One more than the highest token id, added tokens included. */
  readonly vocabularySize: number;
  readonly #name: string;
  readonly #normalizer: Normalizer | undefined;
  readonly #preTokenizer: PreTokenizer | undefined;
  readonly #decoder: TokenDecoder | undefined;
  readonly #model: WordModel;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #tokens: ReadonlyMap<number, string>;
  readonly #special = new Set<string>();
  readonly #plain: AddedTokenFinder;
  readonly #normalized: AddedTokenFinder;
  /** Whether some step may ask if a word begins where the text does: Metaspace of scheme `first`. */
  readonly #first: boolean;

  /**
   * Puts the parts of a file together.
   *
   * @param json Parsed `tokenizer.json`
   * @param name File name for messages
   * @throws {FileError} If a part is missing, malformed or asks for something unsupported
   */
  constructor(json: unknown, name: string) {
    const parts = topLevel(json, name);
    this.#name = name;
    this.#normalizer = readNormalizer(parts.normalizer, name);
    this.#preTokenizer = readPreTokenizer(parts.preTokenizer, name);
    this.#first = JSON.stringify(parts.preTokenizer).includes('"first"');
    this.#decoder = readDecoder(parts.decoder, name);
    this.#model = readModel(parts.model, name);
    this.added = readAddedTokens(parts.addedTokens, this.#model, name);
    const ids = new Map(this.#model.ids);
    const tokens = new Map<number, string>();
    for (const [token, id] of ids) tokens.set(id, token);
    for (const [id, token] of this.#model.tokens?.entries() ?? []) tokens.set(id, token);
    const plain = new Map<string, AddedToken>();
    const normalized = new Map<string, AddedToken>();
    for (const token of this.added) {
      const text = token.normalized ? this.#normalize(token.content) : token.content;
      const kind = token.normalized ? normalized : plain;
      if (text === "" || kind.has(text)) {
        throw new FileError(
          `Cannot load tokenizer as added_tokens requires a text of its own for each token: found ${
            excerpt(token.content)
          }`,
          name,
        );
      }
      kind.set(text, token);
      ids.set(token.content, token.id);
      tokens.set(token.id, text);
      if (token.special) this.#special.add(token.content);
    }
    this.#plain = new AddedTokenFinder(plain);
    this.#normalized = new AddedTokenFinder(normalized);
    this.#ids = ids;
    this.#tokens = tokens;
    let highest = -1;
    for (const id of tokens.keys()) highest = Math.max(highest, id);
    this.vocabularySize = highest + 1;
  }

  /** Returns the id of a token; undefined where there is none. */
  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  /**
   * Encodes a text without the special tokens of a layout.
   *
   * @returns Token ids
   * @throws {OptionError} If text is unknown without a token for it
   */
  encode(text: string): number[] {
    const ids: number[] = [];
    const add = (id: number) => ids.push(id);
    const word = (piece: string) => {
      for (const id of this.#model.tokenize(piece)) ids.push(id);
    };
    const split = (piece: string, first: boolean) => {
      if (piece === "") return;
      if (this.#preTokenizer) this.#preTokenizer(piece, first, word);
      else word(piece);
    };
    this.#plain.split(text.toWellFormed(), (part, start) => {
      const begins = start === 0 && !(this.#first && this.#normalizer?.losesStart?.(part));
      this.#normalized.split(
        this.#normalize(part),
        (piece, offset) => split(piece, begins && offset === 0),
        add,
      );
    }, add);
    return ids;
  }

  /**
   * Decodes token ids; unknown ones are left out.
   *
   * @param ids Token ids
   * @param skipSpecial Whether special tokens are left out
   * @returns The text
   */
  decode(ids: Iterable<number>, skipSpecial: boolean): string {
    const tokens: string[] = [];
    for (const id of ids) {
      const token = this.#tokens.get(id);
      if (token !== undefined && !(skipSpecial && this.#special.has(token))) tokens.push(token);
    }
    if (tokens.length === 0) return "";
    return this.#decoder ? this.#decoder(tokens).join("") : tokens.join(" ");
  }

  #normalize(text: string): string {
    const normal = this.#normalizer?.apply(text) ?? text;
    if (normal.length <= mostGrowth * text.length + mostAdded) return normal;
    throw new FileError(
      `Cannot tokenize text as its normalizer may make at most ${mostAdded} characters and ` +
        `${mostGrowth} of each: found ${normal.length} of ${text.length}`,
      this.#name,
    );
  }
}
