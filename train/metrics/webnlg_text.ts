/**
 * How the evaluations of WebNLG part texts before any metric sees them.
 *
 * @module
 */

import anyAscii from "any-ascii";

/**
 * The text as the WebNLG challenge 2017 compares it: in ASCII and lower case, every character but
 * letters, digits and the underscore by itself. Texts of the challenge's own files stay as they are.
 *
 * Source: the challenge's scripts, as in https://github.com/Yale-LILY/dart. They write ASCII with
 * Python's Unidecode; of the corpus's 27,731 texts 6 come out otherwise, all with an `ə`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(challengeText("Lars Løkke's 1–2"), "lars lokke ' s 1 - 2");
 * ```
 */
export function challengeText(text: string): string {
  return parted(anyAscii(text).toLowerCase());
}

/**
 * The text as the LoRA recipe writes outputs and references for WebNLG's later evaluation: as
 * {@linkcode challengeText}, but with the letters of the text.
 *
 * Source: https://github.com/microsoft/LoRA, examples/NLG, its options `--tokenize --lower`
 */
export function recipeText(text: string): string {
  return parted(text.toLowerCase());
}

function parted(text: string): string {
  return text.replace(/[^\p{L}\p{N}_]/gu, " $& ").trim().replace(/\s+/g, " ");
}
