/**
 * The key `normalizer` of `tokenizer.json`: what text becomes before it is split.
 *
 * @module
 */

import { toByteSymbols } from "./bytes.ts";
import { Component } from "./component.ts";
import { readCharacterMap } from "./precompiled.ts";
import {
  classes,
  isSpace,
  lowerCase,
  type NormalForm,
  normalForm,
  printableAscii,
} from "./unicode.ts";

/** Changes texts. */
export interface Normalizer {
  /** Returns what a text becomes. */
  readonly apply: (text: string) => string;
  /** Tells whether what the text becomes does not begin with what its first character became. */
  readonly losesStart?: (text: string) => boolean;
}

const control = new RegExp(`[${classes.control}]+`, "gv");
const space = new RegExp(`[${classes.space}]`, "gv");
const ideograph = new RegExp(`[${classes.ideograph}]`, "gv");
const accent = new RegExp(`[${classes.accent}]+`, "gv");
const mark = new RegExp(`[${classes.mark}]+`, "gv");
const spacesLeft = new RegExp(`^[${classes.space}]+`, "v");
const startsWithControl = new RegExp(`^[${classes.control}]`, "v");
const startsWithAccent = new RegExp(`^[${classes.accent}]`, "v");
const startsWithMark = new RegExp(`^[${classes.mark}]`, "v");

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1] ?? "")) end--;
  return text.slice(0, end);
}

function readBert(part: Component): Normalizer {
  part.only("clean_text", "handle_chinese_chars", "strip_accents", "lowercase");
  const clean = part.flag("clean_text");
  const spaced = part.flag("handle_chinese_chars");
  const lower = part.flag("lowercase");
  const stripped = part.flag("strip_accents", lower);
  const apply = (text: string) => {
    if (printableAscii.test(text)) return lower ? text.toLowerCase() : text;
    let normal = text;
    if (clean) normal = normal.replace(control, "").replace(space, " ");
    if (spaced) normal = normal.replace(ideograph, " $& ");
    if (stripped) normal = normalForm(normal, "NFD").replace(accent, "");
    return lower ? lowerCase(normal) : normal;
  };
  const losesStart = (text: string) => {
    if (clean && startsWithControl.test(text)) return true;
    return stripped && startsWithAccent.test(normalForm(text, "NFD"));
  };
  return { apply, losesStart };
}

/** Most characters that one replacement puts in. */
const mostMade = 100_000_000;

/** Replaces the matches of the part's pattern by its content. */
export function readReplace(part: Component): Normalizer {
  part.only("pattern", "content");
  const pattern = part.pattern();
  const content = part.text("content");
  const apply = (text: string) => {
    const bounds = pattern(text);
    if (bounds.length === 0) return text;
    const made = content.length * bounds.length / 2;
    if (made > mostMade) part.fail("content", `at most ${mostMade} characters in a text`, made);
    let [replaced, done] = ["", 0];
    for (let index = 0; index < bounds.length; index += 2) {
      replaced += text.slice(done, bounds[index]) + content;
      done = bounds[index + 1] ?? done;
    }
    return replaced + text.slice(done);
  };
  const losesStart = (text: string) => {
    const [start, end = 0] = pattern(text);
    return start === 0 && end > 0 && (content === "" || [...text.slice(0, end)].length > 1);
  };
  return { apply, losesStart };
}

function readStrip(part: Component): Normalizer {
  part.only("strip_left", "strip_right");
  const left = part.flag("strip_left");
  const right = part.flag("strip_right");
  const apply = (text: string) => {
    const stripped = left ? text.replace(spacesLeft, "") : text;
    return right ? trimEnd(stripped) : stripped;
  };
  return { apply, losesStart: (text) => left && spacesLeft.test(text) };
}

// deno-lint-ignore no-control-regex
const nmtRemoved = /[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g;
const nmtSpace = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

const startsWithNmt = new RegExp(`^(?:${nmtRemoved.source})`);

const plainTypes: Readonly<Record<string, Normalizer>> = {
  Lowercase: { apply: lowerCase },
  StripAccents: {
    apply: (text) => text.replace(mark, ""),
    losesStart: (text) => startsWithMark.test(text),
  },
  Nmt: {
    apply: (text) => text.replace(nmtRemoved, "").replace(nmtSpace, " "),
    losesStart: (text) => startsWithNmt.test(text),
  },
  ByteLevel: { apply: toByteSymbols },
};
for (const form of ["NFC", "NFD", "NFKC", "NFKD"] satisfies NormalForm[]) {
  Object.assign(plainTypes, { [form]: { apply: (text: string) => normalForm(text, form) } });
}

function readSequence(steps: readonly Normalizer[]): Normalizer {
  const apply = (text: string) => steps.reduce((normal, step) => step.apply(normal), text);
  const losesStart = (text: string) => {
    let normal = text;
    return steps.some((step) => {
      const lost = step.losesStart?.(normal) === true;
      normal = step.apply(normal);
      return lost;
    });
  };
  return { apply, losesStart };
}

function readPart(part: Component): Normalizer {
  const { type } = part;
  const simple = Object.hasOwn(plainTypes, type) ? plainTypes[type] : undefined;
  if (simple) {
    part.only();
    return simple;
  }
  switch (type) {
    case "Bert":
    case "BertNormalizer":
      return readBert(part);
    case "Replace":
      return readReplace(part);
    case "Strip":
      return readStrip(part);
    case "Prepend": {
      const prefix = part.only("prepend").text("prepend");
      return { apply: (text) => text === "" ? text : prefix + text };
    }
    case "Precompiled":
      return { apply: readCharacterMap(part.only("precompiled_charsmap")) };
    case "Sequence":
      return readSequence(part.only("normalizers").parts("normalizers").map(readPart));
    default:
      return part.fail("type", "a known normalizer");
  }
}

/**
 * Reads the normalizer.
 *
 * @param json Value of the key `normalizer`
 * @param name File name for messages
 * @returns What changes a text; undefined where the value is null
 * @throws {FileError} If it is malformed or asks for something unsupported
 */
export function readNormalizer(json: unknown, name: string): Normalizer | undefined {
  return json === null ? undefined : readPart(new Component(json, "normalizer", name));
}
