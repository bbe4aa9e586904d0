/**
 * What every test and interval requires of its values.
 *
 * @module
 */

import { NumericError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";

/**
 * Checks that every value of a sample is a finite number.
 *
 * @param purpose What is computed of them, as it stands in the message
 * @throws {NumericError} If one is NaN or infinite
 */
export function requireFinite(purpose: string, values: readonly number[]): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  throw new NumericError(
    `Cannot compute ${purpose} as finite values are required: found ${
      shown(values[index])
    } at index ${index}`,
  );
}
