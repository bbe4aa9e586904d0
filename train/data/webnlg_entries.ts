/**
 * Entries of the WebNLG corpus as they lie in its files, XML or JSON: triples and their texts.
 *
 * @module
 */

import { parseXml, XmlElement, XmlError } from "@rgrove/parse-xml";
import { FileError } from "../../core/errors.ts";
import { isRecord } from "../../nn/formats/json_record.ts";
import { parseJson } from "../../nn/formats/json_text.ts";

/** Subject, property and object, as published. */
export type Triple = readonly [subject: string, property: string, object: string];

/** Triples of one input with all of their texts. */
export interface WebnlgEntry {
  /** Category of DBpedia. */
  readonly category: string;
  /** The triples that the texts say. */
  readonly triples: readonly Triple[];
  /** The texts, with what the makers of the corpus say of each: `good`, `toFix`. */
  readonly texts: readonly { readonly text: string; readonly comment: string }[];
}

/**
 * Reads the entries of a file of the challenge.
 *
 * @param text Content of the file: XML, or JSON where it begins with a brace or bracket
 * @param name Name of the file for messages
 * @throws {FileError} If the file is malformed or has no entry, with the line in XML and the number
 * of the entry in JSON
 */
export function parseEntries(text: string, name: string): WebnlgEntry[] {
  const entries = /^\s*[[{]/.test(text) ? entriesOfJson(text, name) : entriesOfXml(text, name);
  if (entries.length > 0) return entries;
  throw new FileError("Cannot read WebNLG as at least 1 entry is required: found 0", name);
}

function entriesOfXml(text: string, name: string): WebnlgEntry[] {
  // Offsets count a line end as one character.
  const source = text.replace(/\r\n?/g, "\n");
  const required = (element: XmlElement, what: string, found: string) => {
    const line = source.slice(0, element.start).split("\n").length;
    return new FileError(
      `Cannot read ${element.name} as ${what} required: found ${found}`,
      name,
      line,
    );
  };
  const root = rootOf(source, name);
  const entries = named(root, "entries").flatMap((element) => named(element, "entry"));
  return entries.map((entry) => {
    const { category = "" } = entry.attributes;
    if (category === "") throw required(entry, "a category is", "none");
    const sets = named(entry, "modifiedtripleset");
    const triples = sets.flatMap((set) => named(set, "mtriple"));
    if (sets.length !== 1) throw required(entry, "1 modifiedtripleset is", `${sets.length}`);
    if (triples.length === 0) throw required(sets[0]!, "at least 1 mtriple is", "0");
    return {
      category,
      triples: triples.map((element) => {
        const triple = asTriple(element.text.split(" | "));
        if (triple !== undefined) return triple;
        throw required(element, '"subject | property | object" is', JSON.stringify(element.text));
      }),
      texts: named(entry, "lex").map((element) => {
        const text = element.text.trim();
        if (text === "") throw required(element, "a text is", "none");
        return { text, comment: element.attributes["comment"] ?? "" };
      }),
    };
  });
}

function rootOf(source: string, name: string): XmlElement {
  try {
    return parseXml(source, { includeOffsets: true }).root!;
  } catch (error) {
    if (error instanceof RangeError) {
      throw new FileError(
        "Cannot parse file as elements within few others are required: found too many levels",
        name,
      );
    }
    if (!(error instanceof XmlError)) throw error;
    const [reason = ""] = error.message.split(" (line ");
    const found = reason.charAt(0).toLowerCase() + reason.slice(1);
    throw new FileError(
      `Cannot parse file as it requires valid XML: found ${found}`,
      name,
      error.line,
    );
  }
}

function named(parent: XmlElement, name: string): XmlElement[] {
  return parent.children.filter((node): node is XmlElement =>
    node instanceof XmlElement && node.name === name
  );
}

function entriesOfJson(text: string, name: string): WebnlgEntry[] {
  const file = parseJson(text, name);
  const entries = isRecord(file) ? file["entries"] : undefined;
  if (!Array.isArray(entries)) {
    throw new FileError('Cannot read WebNLG as a list "entries" is required', name);
  }
  return entries.map((numbered: unknown, i) => {
    const fail = (what: string) =>
      new FileError(`Cannot read entry ${i + 1} as ${what} required`, name);
    const [entry] = isRecord(numbered) ? Object.values(numbered) : [];
    if (!isRecord(entry)) throw fail("an object in an object is");
    const { category, modifiedtripleset: triples, lexicalisations: texts } = entry;
    if (typeof category !== "string" || category === "") throw fail("a category is");
    if (!Array.isArray(triples) || triples.length === 0) throw fail("a modifiedtripleset is");
    if (!Array.isArray(texts)) throw fail("a list of lexicalisations is");
    return {
      category,
      triples: triples.map((fields: unknown) => {
        const { subject, property, object } = isRecord(fields) ? fields : {};
        const triple = asTriple([subject, property, object]);
        if (triple === undefined) throw fail("subject, property and object of each triple are");
        return triple;
      }),
      texts: texts.map((fields: unknown) => {
        const { lex, comment } = isRecord(fields) ? fields : {};
        if (typeof lex !== "string" || lex.trim() === "") throw fail("a text lex is");
        return { text: lex.trim(), comment: typeof comment === "string" ? comment : "" };
      }),
    };
  });
}

function asTriple(parts: readonly unknown[]): Triple | undefined {
  const [subject, property, object] = parts.map((part) =>
    typeof part === "string" ? part.trim() : ""
  );
  return parts.length === 3 && subject && property && object
    ? [subject, property, object]
    : undefined;
}
