/**
 * The key `pre_tokenizer` of `tokenizer.json`: how text is split into words.
 *
 * @module
 */

import { toByteSymbols } from "./bytes.ts";
import { Component } from "./component.ts";
import { classPattern, type Pattern, regexPattern, type SplitBehavior } from "./pattern.ts";
import { splitBounds, textPattern } from "./pattern.ts";
import { classes } from "./unicode.ts";

/** Takes a word and whether it begins where the text does. */
export type Emit = (word: string, first: boolean) => void;

/** Hands the words of a text on; none is empty. */
export type PreTokenizer = (text: string, first: boolean, emit: Emit) => void;

const behaviors = [
  "Removed",
  "Isolated",
  "MergedWithPrevious",
  "MergedWithNext",
  "Contiguous",
] as const satisfies readonly SplitBehavior[];

function splitter(pattern: Pattern, behavior: SplitBehavior, invert = false): PreTokenizer {
  return (text, first, emit) => {
    const bounds = splitBounds(text, pattern(text), behavior, invert);
    for (let index = 0; index < bounds.length; index += 2) {
      const start = bounds[index] ?? 0;
      emit(text.slice(start, bounds[index + 1]), first && start === 0);
    }
  };
}

/** Hands on what matches. */
function matches(source: string): PreTokenizer {
  const regex = new RegExp(source, "gv");
  return (text, first, emit) => {
    for (const match of text.matchAll(regex)) emit(match[0], first && match.index === 0);
  };
}

const { punctuation, space, word } = classes;
const gpt2 = regexPattern(
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
);

const plainTypes: Readonly<Record<string, PreTokenizer>> = {
  BertPreTokenizer: matches(`[${punctuation}]|[^${space}[${punctuation}]]+`),
  Whitespace: matches(`[${word}]+|[^${word}${space}]+`),
  WhitespaceSplit: matches(`[^${space}]+`),
};

function readByteLevel(part: Component): PreTokenizer {
  part.only("add_prefix_space", "trim_offsets", "use_regex");
  const prefix = part.flag("add_prefix_space");
  part.flag("trim_offsets");
  const split = part.flag("use_regex", true) ? splitter(gpt2, "Isolated") : undefined;
  return (text, first, emit) => {
    const spaced = prefix && !text.startsWith(" ") ? ` ${text}` : text;
    if (split) split(spaced, first, (piece, begins) => emit(toByteSymbols(piece), begins));
    else emit(toByteSymbols(spaced), first);
  };
}

/** Reads what Metaspace has as pre-tokenizer and as decoder: its sign and where that is prepended. */
export function readMetaspace(
  part: Component,
): { sign: string; prepend: "first" | "never" | "always"; split: boolean } {
  part.only("replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep");
  const sign = part.character("replacement");
  const declared = "prepend_scheme" in part.json;
  const scheme = declared
    ? part.oneOf("prepend_scheme", ["first", "never", "always"])
    : "always" as const;
  const plain = part.flag("add_prefix_space", true);
  if (!plain && scheme !== "never") {
    part.fail("add_prefix_space", `true beside the prepend_scheme ${scheme}`);
  }
  return { sign, prepend: scheme, split: part.flag("split", true) };
}

function readMetaspaceSplit(part: Component): PreTokenizer {
  const { sign, prepend, split } = readMetaspace(part);
  const divide = splitter(textPattern(sign), "MergedWithNext");
  return (text, first, emit) => {
    let marked = text.replaceAll(" ", () => sign);
    const wanted = prepend === "always" || prepend === "first" && first;
    if (wanted && !marked.startsWith(sign)) marked = sign + marked;
    if (split) divide(marked, first, emit);
    else emit(marked, first);
  };
}

function readFixedLength(part: Component): PreTokenizer {
  const length = part.only("length").count("length", 5);
  if (length === 0) part.fail("length", "an integer from 1");
  return (text, first, emit) => {
    const characters = [...text];
    for (let start = 0; start < characters.length; start += length) {
      emit(characters.slice(start, start + length).join(""), first && start === 0);
    }
  };
}

function chain(steps: readonly PreTokenizer[]): PreTokenizer {
  const [step, ...rest] = steps;
  if (step === undefined) return (text, first, emit) => emit(text, first);
  if (rest.length === 0) return step;
  const further = chain(rest);
  return (text, first, emit) => step(text, first, (piece, begins) => further(piece, begins, emit));
}

function readPart(part: Component): PreTokenizer {
  const { type } = part;
  const simple = Object.hasOwn(plainTypes, type) ? plainTypes[type] : undefined;
  if (simple) {
    part.only();
    return simple;
  }
  switch (type) {
    case "ByteLevel":
      return readByteLevel(part);
    case "Metaspace":
      return readMetaspaceSplit(part);
    case "Split": {
      part.only("pattern", "behavior", "invert");
      const behavior = part.oneOf("behavior", behaviors);
      return splitter(part.pattern(), behavior, part.flag("invert"));
    }
    case "Punctuation": {
      const has = part.only("behavior").json["behavior"] !== undefined;
      const behavior = has ? part.oneOf("behavior", behaviors) : "Isolated";
      return splitter(classPattern(punctuation), behavior);
    }
    case "Digits": {
      const single = part.only("individual_digits").flag("individual_digits");
      return splitter(classPattern(classes.numeric), single ? "Isolated" : "Contiguous");
    }
    case "Delimiter":
    case "CharDelimiterSplit":
      return splitter(textPattern(part.only("delimiter").character("delimiter")), "Removed");
    case "FixedLength":
      return readFixedLength(part);
    case "Sequence":
      return chain(part.only("pretokenizers").parts("pretokenizers").map(readPart));
    default:
      return part.fail("type", "a known pre_tokenizer");
  }
}

/**
 * Reads the pre-tokenizer.
 *
 * @param json Value of the key `pre_tokenizer`
 * @param name File name for messages
 * @returns What splits a text; undefined where the value is null
 * @throws {FileError} If it is malformed or asks for something unsupported
 */
export function readPreTokenizer(json: unknown, name: string): PreTokenizer | undefined {
  return json === null ? undefined : readPart(new Component(json, "pre_tokenizer", name));
}
