/**
 * Ids of tokens and segments against the tables of the model, once for each text, where it can still
 * be said which one it is. A token that no text has may lie beyond them.
 *
 * @module
 */

import { FileError, IndexError } from "../../core/errors.ts";
import { numbersOf } from "../../core/indices.ts";
import type { EncodedExample } from "../../nn/layers/batch.ts";
import type { ModelConfig } from "../../nn/models/model.ts";
import type { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import type { Place } from "../data/places.ts";

/** What ids are checked by. */
export interface IdRules {
  /** Sizes of the model; encoders have a table of segments. */
  readonly config: ModelConfig & { readonly typeVocabularySize?: number };
  /** Where the ids come from; it names tokens. */
  readonly tokenizer: Tokenizer;
}

/** What a text is called in a message. */
export interface TextName {
  /** Place of its row, where it is known. */
  readonly place?: () => Place | undefined;
  /** Its file alone. */
  readonly path?: string | undefined;
  /** Its name where the row is not known, such as `example 3`. */
  readonly name: string;
}

/**
 * Checks the ids of tokens and segments of a text.
 *
 * @throws {FileError} If one has no row in the model's table
 * @throws {IndexError} The same, of a text that was not read from a file
 */
export function checkIds(
  { ids, typeIds }: Pick<EncodedExample, "ids" | "typeIds">,
  rules: IdRules,
  text: TextName,
): void {
  const { vocabularySize, typeVocabularySize = Infinity } = rules.config;
  const token = ids.find((id) => !(id < vocabularySize));
  if (token !== undefined) {
    throw located(beyond("token", tokenName(token, rules), vocabularySize), text);
  }
  const segment = typeIds?.find((type) => !(type < typeVocabularySize));
  if (segment !== undefined) {
    throw located(beyond("segment", `${segment}`, typeVocabularySize), text);
  }
}

/**
 * Checks the token that fills sequences up, where some batch needs it.
 *
 * @param batches Lengths of the sequences of each batch
 * @throws {IndexError} If it has no row in the model's table
 */
export function checkPadding(
  padId: number,
  batches: Iterable<readonly number[]>,
  rules: IdRules,
): void {
  if (padId < rules.config.vocabularySize) return;
  for (const lengths of batches) {
    if (lengths.every((length) => length === lengths[0])) continue;
    const sentence = beyond("token", tokenName(padId, rules), rules.config.vocabularySize);
    throw new IndexError(`${sentence}: it pads sequences of different lengths`);
  }
}

/** `[NEW] = 30522`. */
function tokenName(id: number, { tokenizer }: IdRules): string {
  const text = tokenizer.decode([id]);
  return text === "" ? `${id}` : `${JSON.stringify(text.slice(0, 40)).slice(1, -1)} = ${id}`;
}

function beyond(what: string, number: string, size: number): string {
  return `Cannot embed ${what} ${number} of ${size} as the model's ${what} table has ${
    numbersOf(size)
  }`;
}

function located(sentence: string, { place, path, name }: TextName): Error {
  const row = place?.();
  if (row !== undefined) {
    const where = row.line === undefined ? `: found in row ${row.row}` : "";
    return new FileError(`${sentence}${where}`, row.path, row.line);
  }
  const named = `${sentence}: found in ${name}`;
  return path === undefined ? new IndexError(named) : new FileError(named, path);
}
