/**
 * Clean-up of decoded text.
 *
 * @module
 */

// Replacements in their order: spaces before punctuation and before what English contracts.
const replacements: readonly (readonly [string, string])[] = [
  ...[".", "?", "!", ","].map((mark) => [` ${mark}`, mark] as const),
  [" ' ", "'"],
  ...["n't", "'m", "'s", "'ve", "'re"].map((end) => [` ${end}`, end] as const),
];

/**
 * Takes out the spaces that word pieces leave before punctuation and English contractions.
 *
 * Source: `clean_up_tokenization` of Hugging Face transformers.
 */
export function cleanUp(text: string): string {
  return replacements.reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

/** The same as decoders of `tokenizer.json` do it to each token: they contract `do not` too. */
export function cleanUpToken(text: string): string {
  return cleanUp(text).replaceAll(" do not", " don't");
}
