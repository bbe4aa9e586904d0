/**
 * Reader of the E2E restaurant data set: meaning representations and their reference texts.
 *
 * @module
 */

import { FileError, OptionError } from "../../core/errors.ts";
import { exists } from "../files/files.ts";
import { parseCsv } from "./csv.ts";
import type { Split } from "./example.ts";
import { widthError } from "./rows.ts";
import { readTexts, type TextExample, type TextTask } from "./text_example.ts";

/** One meaning representation, and as its context how {@linkcode linearise} writes it, with one text. */
export interface E2eExample extends TextExample {
  /** The meaning representation as published. */
  readonly mr: string;
}

const renamedSlots: ReadonlyMap<string, string> = new Map([
  ["eatType", "Type"],
  ["priceRange", "price"],
  ["familyFriendly", "family friendly"],
]);

/**
 * Writes a meaning representation as text for the model, slots in their original order.
 *
 * Source: the LoRA recipe for E2E, https://github.com/microsoft/LoRA, examples/NLG
 *
 * @throws {OptionError} If it is not a list of `slot[value]`
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   linearise("name[Blue Spice], eatType[coffee shop]"),
 *   "name : Blue Spice | Type : coffee shop",
 * );
 * ```
 */
export function linearise(mr: string): string {
  const context = contextOf(mr);
  if (context === undefined) throw new OptionError(malformed(mr));
  return context;
}

/**
 * Reads the text of one E2E file. Rows keep the order of the file, duplicates included.
 *
 * @param text Content of the file: the columns `mr` and `ref`, or `mr` alone
 * @param name Name of the file for messages
 * @throws {FileError} If the header, a row or a meaning representation is malformed, or there is
 * no row
 */
export function parseE2e(text: string, name: string): E2eExample[] {
  const [header, ...records] = parseCsv(text, name);
  const columns = header?.fields.map((field) => field.toLowerCase()) ?? [];
  if (columns[0] !== "mr" || columns.length > 2 || (columns[1] ?? "ref") !== "ref") {
    const found = JSON.stringify(header?.fields.join(",") ?? "");
    throw new FileError(`Cannot read header as "mr,ref" is required: found ${found}`, name, 1);
  }
  if (records.length === 0) {
    throw new FileError("Cannot read E2E as at least 1 row is required: found 0", name);
  }
  return records.map(({ fields, line }, index) => {
    if (fields.length !== columns.length) {
      throw widthError({ required: columns.length, found: fields.length }, name, line);
    }
    const [mr = "", reference] = fields;
    const context = contextOf(mr);
    if (context === undefined) throw new FileError(malformed(mr), name, line);
    return { mr, context, reference, index };
  });
}

/**
 * Finds the official file of a split: `trainset.csv`, `devset.csv`, or `testset_w_refs.csv` and,
 * where that is absent, `testset.csv`.
 */
async function e2eFile(
  directory: string,
  split: Split,
): Promise<string> {
  const path = `${directory}/${split === "test" ? "testset_w_refs" : `${split}set`}.csv`;
  return split === "test" && !await exists(path) ? `${directory}/testset.csv` : path;
}

/**
 * Reads the official file of a split.
 *
 * @throws {FileError} If the file is missing or malformed
 */
export async function readE2e(
  directory: string,
  split: Split,
): Promise<E2eExample[]> {
  return await readTexts([await e2eFile(directory, split)], parseE2e);
}

/** The task of describing restaurants. */
export const e2e: TextTask = {
  title: "E2E",
  inputHelp: "a CSV with MR",
  contextOf: linearise,
  parse: parseE2e,
  files: async (directory, split) => [await e2eFile(directory, split)],
};

function contextOf(mr: string): string | undefined {
  if (!/^[^[\],]+\[[^[\]]+\](, *[^[\],]+\[[^[\]]+\])*$/.test(mr)) return undefined;
  const slots = mr.matchAll(/([^[\],]+)\[([^[\]]+)\]/g);
  return [...slots].map(([, slot = "", value = ""]) => {
    const name = slot.trim();
    return `${renamedSlots.get(name) ?? name} : ${value.trim()}`;
  }).join(" | ");
}

function malformed(mr: string): string {
  const found = JSON.stringify(mr);
  return `Cannot read meaning representation as a list of slot[value] is required: found ${found}`;
}
