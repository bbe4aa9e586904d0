/**
 * Labelled texts as tokens, for tasks of classes and scores.
 *
 * @module
 */

import type { EncodedExample } from "../../nn/layers/batch.ts";
import type { Example } from "../data/example.ts";
import type { Places } from "../data/places.ts";
import { checkIds, type IdRules } from "./check_ids.ts";

/** How {@linkcode encodeExamples} reads texts. */
export interface EncodingRules extends IdRules {
  /** Most tokens in a sequence, special tokens included. */
  readonly maxLength: number;
  /** Where the examples were read, for messages. */
  readonly places?: Places | undefined;
}

/**
 * Tokenises examples; texts longer than `maxLength` tokens lose their ends, the longer text first.
 *
 * @throws {FileError} If a token or segment has no row in the model's table
 * @throws {IndexError} The same, of examples that were not read from a file
 */
export function encodeExamples(
  examples: readonly Example[],
  rules: EncodingRules,
): EncodedExample[] {
  const { tokenizer, maxLength, places } = rules;
  return examples.map(({ textA, textB, label }, i) => {
    const encoded = tokenizer.encode(textA, textB, { maxLength });
    checkIds(encoded, rules, { place: () => places?.at(i), name: `example ${i}` });
    return { ...encoded, label };
  });
}
