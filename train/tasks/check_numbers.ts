/**
 * Numbers that a tokenizer gives against the tables of the model, once for each text, where it can
 * still be said which one it is. A number that no text has may lie beyond them.
 *
 * @module
 */

import { FileError, IndexError } from "../../core/errors.ts";
import { numbersOf } from "../../core/indices.ts";
import type { EncodedExample } from "../../nn/layers/batch.ts";
import type { ModelConfig } from "../../nn/models/model.ts";
import type { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import type { Place } from "../data/example.ts";

/** What numbers are checked by. */
export interface NumberRules {
  /** Sizes of the model; encoders have a table of segments. */
  readonly config: ModelConfig & { readonly typeVocabularySize?: number };
  /** Where the numbers come from; it names tokens. */
  readonly tokenizer: Tokenizer;
}

/**
 * Checks the tokens and segments of a text.
 *
 * @param place Where it was read
 * @param name What it is called where that is not known, such as `text 3`
 * @throws {FileError} If one has no row in the model's table
 * @throws {IndexError} The same, of a text that was not read from a file
 */
export function checkNumbers(
  { ids, typeIds }: Pick<EncodedExample, "ids" | "typeIds">,
  rules: NumberRules,
  place: Place | undefined,
  name: string,
): void {
  const { vocabularySize, typeVocabularySize = Infinity } = rules.config;
  const token = ids.find((id) => !(id < vocabularySize));
  if (token !== undefined) {
    throw located(beyond("token", tokenName(token, rules), vocabularySize), place, name);
  }
  const segment = typeIds?.find((type) => !(type < typeVocabularySize));
  if (segment === undefined) return;
  throw located(beyond("segment", `${segment}`, typeVocabularySize), place, name);
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
  rules: NumberRules,
): void {
  if (padId < rules.config.vocabularySize) return;
  for (const lengths of batches) {
    if (lengths.every((length) => length === lengths[0])) continue;
    const sentence = beyond("token", tokenName(padId, rules), rules.config.vocabularySize);
    throw new IndexError(`${sentence}: it pads sequences of different lengths`);
  }
}

/** `[NEW] = 30522`. */
function tokenName(id: number, { tokenizer }: NumberRules): string {
  const text = tokenizer.decode([id]);
  return text === "" ? `${id}` : `${text.slice(0, 40)} = ${id}`;
}

function beyond(what: string, number: string, size: number): string {
  return `Cannot embed ${what} ${number} of ${size} as the model's ${what} table has the numbers ` +
    numbersOf(size);
}

function located(sentence: string, place: Place | undefined, name: string): Error {
  if (place === undefined) return new IndexError(`${sentence}: found in ${name}`);
  const { path, row, line } = place;
  const where = line === undefined ? `: found in row ${row}` : "";
  return new FileError(`${sentence}${where}`, path, line);
}
