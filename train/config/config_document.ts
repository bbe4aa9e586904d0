/**
 * What a configuration file holds, whatever it is written in.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";

/** Content of a configuration file. */
export interface ConfigDocument {
  /** Texts, finite numbers, switches, nulls, and lists and objects of them; not checked further. */
  readonly value: unknown;
  /** Line of an option's key, counted from 1; undefined where it is not known. */
  readonly lineOf: (key: string) => number | undefined;
}

/** Deeper than any option, and less deep than what fills the stack. */
const mostLevels = 32;

/**
 * A parser's value as JSON has it.
 *
 * @param lineOf Line of an option's key
 * @throws {FileError} If it holds a date, a number that 64 bits do not hold, or what is no value of an
 * option
 */
export function plainDocument(
  value: unknown,
  path: string,
  lineOf: ConfigDocument["lineOf"],
): ConfigDocument {
  const key = (name: string): Place => ({ path, line: () => lineOf(name), name });
  if (!isObject(value)) {
    return { value: plain(value, { path, line: () => 1, name: "file" }, 0), lineOf };
  }
  const entries = Object.entries(value).map(([name, one]) => [name, plain(one, key(name), 1)]);
  return { value: Object.fromEntries(entries), lineOf };
}

interface Place {
  readonly path: string;
  readonly line: () => number | undefined;
  readonly name: string;
}

function plain(value: unknown, place: Place, level: number): unknown {
  const refuse = (required: string, found: string): never => {
    throw new FileError(
      `Cannot read ${place.name} as ${required} is required: found ${found}`,
      place.path,
      place.line(),
    );
  };
  if (level > mostLevels) refuse(`a depth of at most ${mostLevels}`, "more");
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "bigint") {
    const number = Number(value);
    return BigInt(number) === value ? number : refuse("an integer below 2^53", `${value}`);
  }
  if (typeof value === "number") {
    return Number.isFinite(value) ? value : refuse("a finite number", `${value}`);
  }
  if (Array.isArray(value)) return value.map((one) => plain(one, place, level + 1));
  if (isObject(value)) {
    const entries = Object.entries(value).map((
      [name, one],
    ) => [name, plain(one, place, level + 1)]);
    return Object.fromEntries(entries);
  }
  return refuse(
    "a text, number, switch, list or object",
    value instanceof Date
      ? `the date ${value.toISOString()}, which is a text in quotes`
      : "another",
  );
}

/** Whether a value is an object of keys, and none of a class such as a date. */
function isObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** A parser's complaint as the end of a sentence. */
export function complaint(message: string): string {
  const line = message.split("\n")[0]!.replace(/[:.\s]+$/, "");
  return line[0] === undefined ? "malformed" : line[0].toLowerCase() + line.slice(1);
}
