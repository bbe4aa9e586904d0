/**
 * Places in a text that the regular expressions of Oniguruma name.
 *
 * @module
 */

import { wordOutside } from "./regex_classes.ts";
import { choiceOf, lookOf, type Regex, sequenceOf, setOf } from "./regex_tree.ts";

/** Any character. */
export const any = setOf("[^]");
const start = lookOf("behind", any, true);
const end = lookOf("ahead", any, true);
const newline = setOf("[\\n]");
const wordSet = setOf(`[${wordOutside}]`);

function beside(before: boolean, after: boolean): Regex {
  return sequenceOf(lookOf("behind", wordSet, !before), lookOf("ahead", wordSet, !after));
}

/** What a letter behind a backslash means where it is no character. */
export const assertions: Readonly<Record<string, Regex>> = {
  A: start,
  z: end,
  b: choiceOf(beside(true, false), beside(false, true)),
  B: choiceOf(beside(true, true), beside(false, false)),
  R: {
    kind: "atomic",
    body: choiceOf(
      sequenceOf(setOf("[\\r]"), newline),
      setOf(String.raw`[\n-\r\x85\u2028\u2029]`),
    ),
  },
};
/** Where a line begins: not behind the last line break. */
export const lineStart = choiceOf(
  start,
  sequenceOf(lookOf("behind", newline), lookOf("ahead", any)),
);
/** Where a line ends. */
export const lineEnd = choiceOf(lookOf("ahead", newline), end);
