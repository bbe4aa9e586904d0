/**
 * The key `normalizer` of `tokenizer.json`: what text becomes before it is split.
 *
 * @module
 */

import { toByteSymbols } from "./bytes.ts";
import { Component } from "./component.ts";
import { readCharacterMap } from "./precompiled.ts";
import { classes, lowerCase, type NormalForm, normalForm } from "./unicode.ts";

/** Changes a text. */
export type Normalizer = (text: string) => string;

const control = new RegExp(`[${classes.control}]+`, "gv");
const space = new RegExp(`[${classes.space}]`, "gv");
const ideograph = new RegExp(`[${classes.ideograph}]`, "gv");
const accent = new RegExp(`[${classes.accent}]+`, "gv");
const mark = new RegExp(`[${classes.mark}]+`, "gv");
const spacesLeft = new RegExp(`^[${classes.space}]+`, "v");
const spaceAtEnd = new RegExp(`[${classes.space}]`, "v");
// deno-lint-ignore no-control-regex
const plain = /^[ -~]*$/;

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && spaceAtEnd.test(text[end - 1] ?? "")) end--;
  return text.slice(0, end);
}

function readBert(part: Component): Normalizer {
  part.only("clean_text", "handle_chinese_chars", "strip_accents", "lowercase");
  const clean = part.flag("clean_text");
  const spaced = part.flag("handle_chinese_chars");
  const lower = part.flag("lowercase");
  const stripped = part.flag("strip_accents", lower);
  return (text) => {
    if (plain.test(text)) return lower ? text.toLowerCase() : text;
    let normal = text;
    if (clean) normal = normal.replace(control, "").replace(space, " ");
    if (spaced) normal = normal.replace(ideograph, " $& ");
    if (stripped) normal = normalForm(normal, "NFD").replace(accent, "");
    return lower ? lowerCase(normal) : normal;
  };
}

/** Replaces the matches of the part's pattern by its content. */
export function readReplace(part: Component): Normalizer {
  part.only("pattern", "content");
  const pattern = part.pattern();
  const content = part.text("content");
  return (text) => {
    const bounds = pattern(text);
    if (bounds.length === 0) return text;
    let [replaced, done] = ["", 0];
    for (let index = 0; index < bounds.length; index += 2) {
      replaced += text.slice(done, bounds[index]) + content;
      done = bounds[index + 1] ?? done;
    }
    return replaced + text.slice(done);
  };
}

function readStrip(part: Component): Normalizer {
  part.only("strip_left", "strip_right");
  const left = part.flag("strip_left");
  const right = part.flag("strip_right");
  return (text) => {
    const stripped = left ? text.replace(spacesLeft, "") : text;
    return right ? trimEnd(stripped) : stripped;
  };
}

// deno-lint-ignore no-control-regex
const nmtRemoved = /[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g;
const nmtSpace = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

const plainTypes: Readonly<Record<string, Normalizer>> = {
  Lowercase: lowerCase,
  StripAccents: (text) => text.replace(mark, ""),
  Nmt: (text) => text.replace(nmtRemoved, "").replace(nmtSpace, " "),
  ByteLevel: toByteSymbols,
};
for (const form of ["NFC", "NFD", "NFKC", "NFKD"] satisfies NormalForm[]) {
  Object.assign(plainTypes, { [form]: (text: string) => normalForm(text, form) });
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
      return (text) => text === "" ? text : prefix + text;
    }
    case "Precompiled":
      return readCharacterMap(part.only("precompiled_charsmap"));
    case "Sequence": {
      const steps = part.only("normalizers").parts("normalizers").map(readPart);
      return (text) => steps.reduce((normal, step) => step(normal), text);
    }
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
