/**
 * Typed access to the keys of a config.json: a value that does not fit is refused by name.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { type Activation, activationNames } from "../layers/feed_forward.ts";

/** The keys of a configuration file; `null` counts as absent. */
export class ConfigFields {
  /**
   * Wraps the keys.
   *
   * @param fields The parsed JSON
   * @param path Name of the file, for messages
   */
  constructor(readonly fields: Readonly<Record<string, unknown>>, readonly path: string) {}

  /**
   * Refuses a key.
   *
   * @throws {FileError} Always
   */
  fail(key: string, required: string, found: unknown): never {
    const verdict = found === undefined ? "it is missing" : `found ${excerpt(found)}`;
    throw new FileError(
      `Cannot use ${key} of this configuration as ${required}: ${verdict}`,
      this.path,
    );
  }

  /**
   * A finite number by the first of several spellings that is there.
   *
   * @param usual Value where none is; without it the first spelling is required
   * @throws {FileError} If it is missing or no number
   */
  number(keys: readonly string[], usual?: number): number {
    for (const key of keys) {
      const value = this.fields[key];
      if (value === undefined || value === null) continue;
      if (typeof value !== "number" || !Number.isFinite(value)) {
        this.fail(key, "a number is required", value);
      }
      return value;
    }
    return usual ?? this.fail(keys[0]!, "a number is required", undefined);
  }

  /**
   * A positive integer, otherwise as {@linkcode number}.
   *
   * @throws {FileError} If it is missing, no positive integer or above `most`
   */
  size(keys: readonly string[], usual?: number, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.number(keys, usual);
    if (!Number.isSafeInteger(value) || value < 1) {
      this.fail(keys[0]!, "a positive integer is required", value);
    }
    if (value > most) this.fail(keys[0]!, `at most ${most} is supported`, value);
    return value;
  }

  /**
   * A truth value.
   *
   * @throws {FileError} If it is another one
   */
  flag(key: string, usual: boolean): boolean {
    const value = this.fields[key] ?? usual;
    if (typeof value !== "boolean") this.fail(key, "true or false is required", value);
    return value;
  }

  /**
   * The number of a token, or the first of several.
   *
   * @throws {FileError} If it is no integer
   */
  id(key: string): number | undefined {
    return this.ids(key)[0];
  }

  /**
   * The numbers of tokens, of which the file may give one alone.
   *
   * @throws {FileError} If one is no integer
   */
  ids(key: string): number[] {
    const value = this.fields[key] ?? [];
    const list: unknown[] = Array.isArray(value) ? value : [value];
    const isId = (id: unknown): id is number => Number.isSafeInteger(id);
    return list.every(isId) ? list : this.fail(key, "token numbers are required", value);
  }

  /** The keys of an object; absent where it is none. */
  object(key: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.fields[key];
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  }

  /**
   * One of some values.
   *
   * @throws {FileError} If it is another one
   */
  only<T>(key: string, allowed: readonly T[], usual?: T): T {
    const value = this.fields[key] ?? usual;
    return allowed.find((one) => one === value) ??
      this.fail(key, `one of ${allowed.join(", ")} is required`, value);
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
