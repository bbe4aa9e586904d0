/**
 * Numbers of a batch against the tables of a model, on the host, before anything is queued.
 *
 * @module
 */

import { IndexError } from "../../core/errors.ts";
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

function check(what: string, numbers: Tensor, height: number, { lengths }: Batch): void {
  const found = firstOutOfRange(numbers.value, height);
  if (found === undefined) return;
  const [sequence = 0, token = 0] = found.place;
  const { storage: { words }, offset } = lengths.value;
  const padding = token >= (words?.[offset + sequence] ?? Infinity);
  const where = `token ${token} of sequence ${sequence}${padding ? ", which is padding" : ""}`;
  throw new IndexError(
    `Cannot embed ${what} ${found.word} of ${height} as the ${what} table has ` +
      `${numbersOf(height)}: found at ${where}`,
  );
}
