/**
 * The ways in which metrics split texts into tokens, by name.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { splitWords } from "./segments.ts";
import { tokenize13a, tokenizeInternational } from "./tokenize_13a.ts";
import { tokenizePtb } from "./tokenize_ptb.ts";

/**
 * How a text becomes tokens: as mteval-v13a does, as mteval-v14 does by Unicode's categories, as
 * coco-caption does, by character, or at white space. `13a` joins lines as sacreBLEU does; `mteval`
 * reads a line break as a space, and `pymteval` takes a text without a word as one empty token.
 */
export type Tokenization =
  | "13a"
  | "mteval"
  | "pymteval"
  | "international"
  | "ptb"
  | "characters"
  | "none";

const tokenizers: Readonly<Record<Tokenization, (text: string) => string[]>> = {
  "13a": tokenize13a,
  mteval: (text) => tokenize13a(text.replace(/\p{White_Space}+/gu, " ")),
  pymteval: (text) => {
    const tokens = tokenize13a(text);
    return tokens.length > 0 ? tokens : [""];
  },
  international: tokenizeInternational,
  ptb: tokenizePtb,
  characters: (text) => Array.from(text.replace(/\s/g, "")),
  none: splitWords,
};

/**
 * The function that splits texts in a named way.
 *
 * @throws {OptionError} If the name is unknown
 */
export function tokenizer(name: Tokenization): (text: string) => string[] {
  if (Object.hasOwn(tokenizers, name)) return tokenizers[name];
  const names = Object.keys(tokenizers).join(", ");
  throw new OptionError(`Cannot tokenize as one of ${names} is required: found ${name}`);
}
