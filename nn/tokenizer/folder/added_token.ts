/**
 * Tokens that are found in a text before it is split: reading their descriptions, and giving them
 * their ids as the reference does.
 *
 * @module
 */

import { FileError } from "../../../core/errors.ts";
import { excerpt } from "../../../core/excerpt.ts";
import { isRecord, type JsonObject } from "../../formats/json_record.ts";

/** A token that is found in a text before it is split. */
export interface DescribedToken {
  /** Text of the token. */
  readonly content: string;
  /** Whether it is found between characters that belong to no word only. */
  readonly single_word: boolean;
  /** Whether it takes the whitespace on its left with it. */
  readonly lstrip: boolean;
  /** Whether it takes the whitespace on its right with it. */
  readonly rstrip: boolean;
  /** Whether it is looked for in the normalized text; undefined unless it is special. */
  readonly normalized: boolean | undefined;
  /** Whether decoding can leave it out. */
  readonly special: boolean;
}

/** An added token with the id that a file lists for it; undefined where it lists none. */
export interface ListedToken {
  /** The token. */
  readonly token: DescribedToken;
  /** Id that the file lists. */
  readonly id: number | undefined;
}

/** Where a description stands, for messages. */
export interface KeyPlace {
  /** Path of the file. */
  readonly path: string;
  /** Key in the file. */
  readonly key: string;
}

/**
 * Refuses what a file says of tokens.
 *
 * @throws {FileError} Always
 */
export function refuse(place: KeyPlace, required: string, found: unknown): never {
  throw new FileError(
    `Cannot load tokenizer as ${excerpt(place.key)} requires ${required}: found ${
      excerpt(found ?? null)
    }`,
    place.path,
  );
}

/**
 * Reads a token from its text or its description.
 *
 * @param value Text, which means a special token, or an object with `content` and flags
 * @param place Where it stands
 * @param special Whether the place makes it special; by default the description says so
 * @throws {FileError} If text or a flag is malformed
 */
export function readAddedToken(value: unknown, place: KeyPlace, special?: true): DescribedToken {
  const description: JsonObject = typeof value === "string"
    ? { content: value, special: true }
    : isRecord(value)
    ? value
    : refuse(place, "a token or its description", value);
  const { content } = description;
  if (typeof content !== "string" || content === "") {
    refuse(place, "a token of at least one character", content);
  }
  const flag = (key: string): boolean | undefined => {
    const found = description[key] ?? undefined;
    if (found === undefined || typeof found === "boolean") return found;
    return refuse({ ...place, key: `${place.key}.${key}` }, "true or false", found);
  };
  return {
    content,
    single_word: flag("single_word") ?? false,
    lstrip: flag("lstrip") ?? false,
    rstrip: flag("rstrip") ?? false,
    normalized: flag("normalized"),
    special: special ?? flag("special") ?? false,
  };
}
