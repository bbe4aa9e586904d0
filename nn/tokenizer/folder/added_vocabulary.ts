/**
 * The added tokens of a tokenizer and the ids that they get.
 *
 * Source: the Hugging Face tokenizers library. A token of the vocabulary keeps its id, any other
 * gets the next one; a token that comes again takes the flags of the later description, but stays
 * special.
 *
 * @module
 */

import { isRecord, type JsonObject } from "../../formats/json_record.ts";
import { type DescribedToken, type KeyPlace, type ListedToken, refuse } from "./added_token.ts";

/** Ids by token of a model, which `tokenizer.json` has as an object or as a list. */
export class ModelVocabulary {
  /** Number of tokens. */
  readonly size: number;
  readonly #ids: JsonObject | ReadonlyMap<string, number>;
  #highest: number | undefined;

  /**
   * Wraps the vocabulary.
   *
   * @param vocab Ids by token, or a list of tokens or of pairs that begin with the token
   */
  constructor(vocab: unknown) {
    if (isRecord(vocab)) {
      this.#ids = vocab;
      this.size = Object.keys(vocab).length;
      return;
    }
    const list: readonly unknown[] = Array.isArray(vocab) ? vocab : [];
    this.#ids = new Map(list.map((item, id) => [String(Array.isArray(item) ? item[0] : item), id]));
    this.size = list.length;
  }

  /** Id of a token; undefined when the vocabulary lacks it. */
  id(token: string): number | undefined {
    if (this.#ids instanceof Map) return this.#ids.get(token);
    const ids = this.#ids as JsonObject;
    const id = Object.hasOwn(ids, token) ? ids[token] : undefined;
    return typeof id === "number" ? id : undefined;
  }

  /** Whether a token of the vocabulary has this id. */
  holds(id: number): boolean {
    if (this.#ids instanceof Map) return id < this.size;
    const ids = Object.values(this.#ids);
    this.#highest ??= ids.reduce<number>((high, one) => Math.max(high, Number(one)), -1);
    return id <= this.#highest && ids.includes(id);
  }
}

/** The added tokens of a tokenizer. */
export class AddedVocabulary {
  readonly #model: ModelVocabulary;
  readonly #place: KeyPlace;
  readonly #entries = new Map<string, { id: number; token: DescribedToken }>();
  #next: number;

  /**
   * Begins without added tokens.
   *
   * @param model Vocabulary of the model
   * @param place File that is named where ids contradict each other
   */
  constructor(model: ModelVocabulary, place: KeyPlace) {
    this.#model = model;
    this.#place = place;
    this.#next = model.size;
  }

  /** Whether a token was added. */
  has(content: string): boolean {
    return this.#entries.has(content);
  }

  /** Id of a token, added or not; undefined when there is none. */
  id(content: string): number | undefined {
    return this.#entries.get(content)?.id ?? this.#model.id(content);
  }

  /**
   * Adds a token.
   *
   * @throws {FileError} If the id that is listed for it is not the one that it gets
   */
  add({ token, id: listed }: ListedToken): void {
    const known = this.id(token.content);
    const id = known ?? this.#next;
    const place = { ...this.#place, key: token.content };
    if (known === undefined && this.#model.holds(id)) {
      refuse(place, "an id that no other token has", id);
    }
    if (listed !== undefined && listed !== id) {
      refuse(place, `the id ${id}, as the vocabulary has it or as the next one`, listed);
    }
    const special = token.special || this.#entries.get(token.content)?.token.special === true;
    const normalized = token.normalized ?? !token.special;
    this.#entries.set(token.content, { id, token: { ...token, special, normalized } });
    this.#next = Math.max(this.#next, id + 1);
  }

  /** The tokens as `tokenizer.json` lists them, by id. */
  list(): JsonObject[] {
    const entries = [...this.#entries.values()].toSorted((a, b) => a.id - b.id);
    return entries.map(({ id, token }) => ({ id, ...token }));
  }
}
