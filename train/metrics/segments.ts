/**
 * What every metric of generated text requires of its input.
 *
 * @module
 */

import { ShapeError } from "../../core/errors.ts";

/**
 * The references of each segment that hold a word.
 *
 * @param metric Name of the metric for messages
 * @throws {ShapeError} If there is not one list of references per hypothesis, or a list holds no text
 */
export function requireReferences(
  metric: string,
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
): string[][] {
  return requireLists(metric, hypotheses, references).map((texts, segment) => {
    if (texts[0] === "") throw withoutReference(metric, segment);
    return texts;
  });
}

/**
 * The references of each segment that hold a word, but an empty one where there is no other: for
 * metrics that are defined there.
 *
 * @param metric Name of the metric for messages
 * @throws {ShapeError} If there is not one list of references per hypothesis, or a list is empty
 */
export function requireLists(
  metric: string,
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
): string[][] {
  if (hypotheses.length !== references.length || hypotheses.length === 0) {
    throw new ShapeError(
      `Cannot compute ${metric} as one list of references per hypothesis and at least 1 are ` +
        `required: found ${hypotheses.length} hypotheses and ${references.length} lists`,
    );
  }
  return references.map((texts, segment) => {
    if (texts.length === 0) throw withoutReference(metric, segment);
    const given = texts.filter((text) => /\P{White_Space}/u.test(text));
    return given.length > 0 ? given : [""];
  });
}

function withoutReference(metric: string, segment: number): ShapeError {
  return new ShapeError(
    `Cannot compute ${metric} as every hypothesis requires a reference: found none in ${segment}`,
  );
}

/** Parts a text at white space as Unicode defines it. */
export function splitWords(text: string): string[] {
  return text.match(/\P{White_Space}+/gu) ?? [];
}

/** A text in lower case; with `ascii`, its ASCII letters alone, as Perl's `tr/A-Z/a-z/` does. */
export function lowered(text: string, lowercase: boolean | "ascii"): string {
  if (lowercase === "ascii") return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return lowercase ? text.toLowerCase() : text;
}
