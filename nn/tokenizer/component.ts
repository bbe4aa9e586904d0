/**
 * Parts of `tokenizer.json`, read strictly: what a part does not know is refused by its name.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord, type JsonObject } from "../formats/json_record.ts";
import { type Pattern, regexPattern, textPattern } from "./pattern.ts";
import { PatternError } from "./regex_tree.ts";

const deepest = 8;

/** One part of `tokenizer.json` and where it stands. */
export class Component {
  /** Keys of the part. */
  readonly json: JsonObject;
  /** Path of keys from the top of the file, such as `model.vocab`. */
  readonly path: string;
  readonly #name: string;

  /**
   * Takes a part.
   *
   * @param json Value of the part
   * @param path Path of keys from the top of the file
   * @param name File name for messages
   * @throws {FileError} If the value is not an object
   */
  constructor(json: unknown, path: string, name: string) {
    this.path = path;
    this.#name = name;
    if (!isRecord(json)) {
      throw new FileError(
        `Cannot load tokenizer as ${path} requires an object: found ${excerpt(json)}`,
        name,
      );
    }
    this.json = json;
  }

  /** Says what a key requires and what was found. */
  fail(key: string, requirement: string, found: unknown = this.json[key]): never {
    throw new FileError(
      `Cannot load tokenizer as ${this.path}.${key} requires ${requirement}: found ${
        excerpt(found)
      }`,
      this.#name,
    );
  }

  /** Refuses keys other than these and `type`. */
  only(...keys: string[]): this {
    for (const key of Object.keys(this.json)) {
      if (key === "type" || keys.includes(key)) continue;
      throw new FileError(
        `Cannot load tokenizer as ${this.path} requires known keys: found ${excerpt(key)}`,
        this.#name,
      );
    }
    return this;
  }

  /** Returns the type of the part. */
  get type(): string {
    return this.text("type");
  }

  /** Returns the text of a key. */
  text(key: string, absent?: string): string {
    const value = this.json[key] ?? absent;
    return typeof value === "string" ? value : this.fail(key, "a text");
  }

  /** Returns the text of a key; undefined where it is null or missing. */
  optionalText(key: string): string | undefined {
    return this.json[key] == null ? undefined : this.text(key);
  }

  /** Returns the one character of a key. */
  character(key: string): string {
    const text = this.text(key);
    return [...text].length === 1 ? text : this.fail(key, "one character");
  }

  /** Returns the truth value of a key, or what holds where it is null or missing. */
  flag(key: string, absent?: boolean): boolean {
    const value = this.json[key] ?? absent;
    return typeof value === "boolean" ? value : this.fail(key, "true or false");
  }

  /** Returns the integer of a key, 0 or more. */
  count(key: string, absent?: number): number {
    const value = this.json[key] ?? absent;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    return this.fail(key, "an integer from 0");
  }

  /** Returns one of several texts. */
  oneOf<const Choice extends string>(key: string, choices: readonly Choice[]): Choice {
    const value = this.json[key];
    return choices.find((choice) => choice === value) ??
      this.fail(key, choices.join(", ").replace(/, ([^,]*)$/, " or $1"));
  }

  /** Returns the parts in the list of a key. */
  parts(key: string): Component[] {
    const value = this.json[key];
    if (!Array.isArray(value)) return this.fail(key, "a list");
    if (this.path.split(".").length > deepest) this.fail("type", `at most ${deepest} nested lists`);
    return value.map((part, index) =>
      new Component(part, `${this.path}.${key}[${index}]`, this.#name)
    );
  }

  /** Reads the key `pattern`: a text or a regular expression. */
  pattern(): Pattern {
    const value = this.json["pattern"];
    const entries = isRecord(value) ? Object.entries(value) : [];
    const [kind, source] = entries.length === 1 ? entries[0] ?? [] : [];
    if (typeof source !== "string" || kind !== "String" && kind !== "Regex") {
      return this.fail("pattern", "either String or Regex with a text");
    }
    if (kind === "String") return textPattern(source);
    try {
      return regexPattern(source);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      return this.fail("pattern", `a regular expression without ${error.message}`, source);
    }
  }
}
