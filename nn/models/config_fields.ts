/**
 * Typed access to the keys of a config.json: a value that does not fit is refused by name.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { type Activation, activationNames } from "../layers/feed_forward.ts";
import type { ModelConfig } from "./model.ts";

/** Keys whose `null` means what their absence means; that of any other key is refused. */
const nullable: ReadonlySet<string> = new Set([
  "pad_token_id",
  "bos_token_id",
  "eos_token_id",
  "n_inner",
  "head_dim",
  "num_key_value_heads",
  "rope_parameters",
  "rope_scaling",
  "position_embedding_type",
  "id2label",
  "problem_type",
  // Of rotary positions: transformers takes them for absent.
  "attention_factor",
  "beta_fast",
  "beta_slow",
  "mscale",
  "mscale_all_dim",
  "sliding_window",
  "layer_types",
  "no_rope_layers",
  "use_bidirectional_attention",
  "pos_att_type",
]);

/** The keys of a configuration file. */
export class ConfigFields {
  /**
   * Wraps the keys.
   *
   * @param fields The parsed JSON
   * @param path Name of the file, for messages
   * @param prefix What messages put before a key: that of the object it belongs to
   */
  constructor(
    readonly fields: Readonly<Record<string, unknown>>,
    readonly path: string,
    private readonly prefix = "",
  ) {}

  /**
   * Refuses a key.
   *
   * @throws {FileError} Always
   */
  fail(key: string, required: string, found: unknown): never {
    const verdict = found === undefined ? "it is missing" : `found ${excerpt(found)}`;
    throw new FileError(
      `Cannot use ${this.prefix}${key} of this configuration as ${required}: ${verdict}`,
      this.path,
    );
  }

  /** The value of a key; another one where it is absent, or null where that means the same. */
  #value(key: string, usual?: unknown): unknown {
    const value = this.fields[key];
    const absent = value === undefined || value === null && nullable.has(key);
    return absent ? usual : value;
  }

  /** Whether a key has a value. */
  has(key: string): boolean {
    return this.#value(key) !== undefined;
  }

  /** The keys of an object; none where it is absent. */
  within(key: string): ConfigFields {
    return new ConfigFields(this.object(key) ?? {}, this.path, `${this.prefix}${key}.`);
  }

  /** The same keys, and others that stand before them. */
  and(others: Readonly<Record<string, unknown>>): ConfigFields {
    return new ConfigFields({ ...this.fields, ...others }, this.path, this.prefix);
  }

  /** The first of several spellings of a key that is there; the last where none is. */
  keyOf(keys: readonly string[]): string {
    return keys.find((key) => this.fields[key] !== undefined) ?? keys.at(-1)!;
  }

  /**
   * A finite number.
   *
   * @param usual Value where the key is absent; without it the key is required
   * @throws {FileError} If it is missing or no number
   */
  number(key: string, usual?: number): number {
    const value = this.#value(key, usual);
    if (typeof value === "number" && Number.isFinite(value)) return value;
    return this.fail(key, "a number is required", value);
  }

  /**
   * A finite number of at least 0.
   *
   * @param usual Value where the key is absent
   * @throws {FileError} If it is no number or below 0
   */
  notNegative(key: string, usual: number): number {
    const value = this.number(key, usual);
    return value >= 0 ? value : this.fail(key, "at least 0 is required", value);
  }

  /**
   * A finite number above 0.
   *
   * @param usual Value where the key is absent; without it the key is required
   * @throws {FileError} If it is missing, no number or at most 0
   */
  positive(key: string, usual?: number): number {
    const value = this.number(key, usual);
    return value > 0 ? value : this.fail(key, "a positive number is required", value);
  }

  /**
   * A positive integer by the first of several spellings that is there.
   *
   * @param usual Value where none is; without it the last spelling is required
   * @throws {FileError} If it is missing, no positive integer or above `most`
   */
  size(keys: readonly string[], usual?: number, most = Number.MAX_SAFE_INTEGER): number {
    const key = this.keyOf(keys);
    const value = this.number(key, usual);
    if (!Number.isSafeInteger(value) || value < 1) {
      this.fail(key, "a positive integer is required", value);
    }
    if (value > most) this.fail(key, `at most ${most} is supported`, value);
    return value;
  }

  /**
   * An integer.
   *
   * @param usual Value where the key is absent
   * @throws {FileError} If it is no integer
   */
  integer(key: string, usual: number): number {
    const value = this.number(key, usual);
    return Number.isSafeInteger(value) ? value : this.fail(key, "an integer is required", value);
  }

  /**
   * A truth value.
   *
   * @throws {FileError} If it is another one
   */
  flag(key: string, usual: boolean): boolean {
    const value = this.#value(key, usual);
    return typeof value === "boolean" ? value : this.fail(key, "true or false is required", value);
  }

  /**
   * The number of a token, or the first of several.
   *
   * @throws {FileError} If it is no integer
   */
  id(key: string, usual: readonly number[] = []): number | undefined {
    return this.ids(key, usual)[0];
  }

  /**
   * The numbers of tokens, of which the file may give one alone; null means none.
   *
   * @param usual Numbers where the key is absent
   * @throws {FileError} If one is no integer
   */
  ids(key: string, usual: readonly number[] = []): readonly number[] {
    if (this.fields[key] === undefined) return usual;
    const value = this.#value(key, []);
    const list: unknown[] = Array.isArray(value) ? value : [value];
    const isId = (id: unknown): id is number => Number.isSafeInteger(id);
    return list.every(isId) ? list : this.fail(key, "token numbers are required", value);
  }

  /**
   * The keys of an object; undefined where it is absent.
   *
   * @throws {FileError} If it is no object
   */
  object(key: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.#value(key);
    if (value === undefined) return undefined;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return this.fail(key, "an object is required", value);
    }
    return { ...value };
  }

  /**
   * The items of a list; undefined where it is absent.
   *
   * @throws {FileError} If it is no list
   */
  list(key: string): readonly unknown[] | undefined {
    const value = this.#value(key);
    if (value === undefined || Array.isArray(value)) return value;
    return this.fail(key, "a list is required", value);
  }

  /**
   * The words of a list, or of a text that has `|` between them in any case; none where it is absent.
   *
   * @throws {FileError} If one is another than those allowed
   */
  words<T extends string>(key: string, allowed: readonly T[]): readonly T[] {
    const value = this.#value(key, []);
    const list: unknown = typeof value === "string"
      ? value.toLowerCase().split("|").map((word) => word.trim())
      : value;
    const isWord = (word: unknown): word is T => allowed.some((one) => one === word);
    return Array.isArray(list) && list.every(isWord)
      ? list
      : this.fail(key, `words of ${allowed.join(", ")} are required`, value);
  }

  /**
   * One of some values.
   *
   * @throws {FileError} If it is another one
   */
  only<T>(key: string, allowed: readonly T[], usual?: T): T {
    const value = this.#value(key, usual);
    return allowed.find((one) => one === value) ??
      this.fail(key, `one of ${allowed.join(", ")} is required`, value);
  }

  /**
   * Refuses a key that would change the numbers in a way that is not implemented.
   *
   * @throws {FileError} If it has a value
   */
  none(key: string): void {
    const value = this.fields[key] ?? undefined;
    if (value !== undefined) this.fail(key, "none is supported", value);
  }

  /**
   * An activation, in any spelling of transformers.
   *
   * @throws {FileError} If it is unknown
   */
  activation(key: string, usual: Activation): Activation {
    return activationNames[this.only(key, Object.keys(activationNames), usual)]!;
  }
}

/**
 * Refuses a padding token that the embedding does not have, where it has a row of its own there.
 *
 * @throws {FileError} If it lies beyond the vocabulary
 */
export function requireToken(
  fields: ConfigFields,
  { padId = 0, vocabularySize }: Pick<ModelConfig, "padId" | "vocabularySize">,
): void {
  if (padId < vocabularySize) return;
  fields.fail("pad_token_id", `a token of the ${vocabularySize} is required`, padId);
}
