/**
 * Numbers of a batch against the tables of a model, on the host, before anything is queued.
 *
 * @module
 */

import { IndexError, OptionError } from "../../core/errors.ts";
import { firstOutOfRange, numbersOf } from "../../core/indices.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Batch } from "./batch.ts";

/** Rows of a model's tables. */
export interface TableSizes {
  /** Tokens. */
  readonly vocabularySize: number;
  /** Positions. */
  readonly maxPositions: number;
  /** Segments; absent where the model has no table of them. */
  readonly typeVocabularySize?: number;
}

/**
 * Checks tokens, positions and segments as far as the host wrote them.
 *
 * @throws {IndexError} If one has no row in its table
 */
export function checkBatch(batch: Batch, sizes: TableSizes): void {
  const { ids, positions, typeIds } = batch;
  check("token", ids, sizes.vocabularySize, batch);
  check("position", positions, sizes.maxPositions, batch);
  if (sizes.typeVocabularySize !== undefined) {
    check("segment", typeIds, sizes.typeVocabularySize, batch);
  }
}

/**
 * Checks that each row of a batch is one example, whose hidden state stands for it.
 *
 * @throws {OptionError} If examples share rows
 */
export function requireOneEach({ offsets }: Batch): void {
  if (offsets === undefined) return;
  throw new OptionError(
    "Cannot run packed examples as a language model of a decoder is required: found another model",
  );
}

function check(what: string, numbers: Tensor, height: number, { lengths, offsets }: Batch): void {
  const found = firstOutOfRange(numbers.value, height);
  if (found === undefined) return;
  const [row = 0, token = 0] = found.place;
  const wordAt = ({ value: { storage: { words }, offset } }: Tensor, at: number) =>
    words?.[offset + at] ?? Infinity;
  const at = row * numbers.shape[1]! + token;
  const padding = offsets === undefined ? token >= wordAt(lengths, row) : wordAt(lengths, at) === 0;
  const sequence = offsets === undefined ? "sequence" : "row";
  const where = `token ${token} of ${sequence} ${row}${padding ? ", which is padding" : ""}`;
  throw new IndexError(
    `Cannot embed ${what} ${found.word} of ${height} as the ${what} table has ` +
      `${numbersOf(height)}: found at ${where}`,
  );
}
