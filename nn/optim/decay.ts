/**
 * Which trained parameters weight decay shrinks.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";

/** Kinds of parameters that weight decay can leave out: biases, and factors of norms. */
export const decayExclusions = ["bias", "norm"] as const;
/** A kind of parameters that weight decay can leave out. */
export type DecayExclusion = typeof decayExclusions[number];

/**
 * Requires words to name kinds of parameters that weight decay can leave out.
 *
 * @throws {OptionError} If one of them does not, or there is no list
 */
export function requireDecayExclusions(
  words: readonly string[],
): asserts words is readonly DecayExclusion[] {
  const known: readonly string[] = decayExclusions;
  if (!Array.isArray(words)) {
    throw new OptionError(
      `Cannot leave parameters out of weight decay as a list of ${
        known.join(", ")
      } is required: found ` +
        shown(words),
    );
  }
  const strange = words.find((word) => !known.includes(word));
  if (strange === undefined) return;
  throw new OptionError(
    `Cannot leave parameters out of weight decay as one of ${
      known.join(", ")
    } is required: found ${strange}`,
  );
}

/**
 * Whether weight decay shrinks a parameter. A bias is what has that name; of all other parameters, a
 * norm's factor alone has one axis.
 *
 * @param path Path of the parameter in its model
 * @param shape Size of each axis
 */
export function isDecayed(
  path: string,
  shape: readonly number[],
  exclude: readonly DecayExclusion[],
): boolean {
  if (path === "bias" || path.endsWith(".bias")) return !exclude.includes("bias");
  return shape.length > 1 || !exclude.includes("norm");
}
