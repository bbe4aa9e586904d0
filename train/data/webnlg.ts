/**
 * Reader of the WebNLG challenge 2017: sets of RDF triples and their texts.
 *
 * @module
 */

import { FileError, OptionError } from "../../core/errors.ts";
import { exists } from "../files/files.ts";
import { filesIn } from "../files/folder.ts";
import type { Split } from "./example.ts";
import { readTexts, type TextExample, type TextTask } from "./text_example.ts";
import { shortExcerpt } from "./text.ts";
import { parseEntries, type Triple } from "./webnlg_entries.ts";

/** Categories of the training data; the test data have five more. */
const seenCategories: ReadonlySet<string> = new Set([
  "Airport",
  "Astronaut",
  "Building",
  "City",
  "ComicsCharacter",
  "Food",
  "Monument",
  "SportsTeam",
  "University",
  "WrittenWork",
]);

/** Which texts are read: those that the makers of the corpus found good, or all. */
export type WebnlgTexts = "good" | "all";

/** One set of triples with one text; its part is `seen` or `unseen`, after its category. */
export interface WebnlgExample extends TextExample {
  /** Category of DBpedia, such as `Airport`. */
  readonly category: string;
}

/**
 * Writes triples as text for the model, names as published.
 *
 * Source: the LoRA recipe for WebNLG, https://github.com/microsoft/LoRA, examples/NLG
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const triples = [["Oslo", "country", "Norway"], ["Oslo", "river", "Akerselva"]] as const;
 * assertEquals(lineariseTriples(triples), "Oslo : country : Norway | Oslo : river : Akerselva");
 * ```
 */
export function lineariseTriples(triples: readonly Triple[]): string {
  return triples.map((triple) => triple.join(" : ")).join(" | ");
}

/**
 * Reads the text of one file, XML or JSON. An entry gives one example for each text; one without
 * any text, as in test data, one example without a reference.
 *
 * @param name Name of the file for messages
 * @throws {FileError} If the file is malformed
 */
export function parseWebnlg(
  text: string,
  name: string,
  texts: WebnlgTexts = "good",
): WebnlgExample[] {
  const examples = parseEntries(text, name).flatMap((entry) => {
    const context = lineariseTriples(entry.triples);
    const { category } = entry;
    const part = seenCategories.has(category) ? "seen" : "unseen";
    const references = entry.texts.length === 0
      ? [undefined]
      : entry.texts.filter(({ comment }) => texts === "all" || comment === "good")
        .map(({ text }) => text);
    return references.map((reference) => ({ context, reference, category, part }));
  });
  return examples.map((example, index) => ({ ...example, index }));
}

/**
 * Finds the files of a split: `train.json` and the like, else for training and development all XML
 * files below the folder of that name, and `test/testdata_with_lex.xml`.
 *
 * @throws {FileError} If there is none
 */
export async function webnlgFiles(
  directory: string,
  split: Split,
): Promise<string[]> {
  const json = `${directory}/${split}.json`;
  if (await exists(json)) return [json];
  if (split === "test") return [`${directory}/test/testdata_with_lex.xml`];
  const folder = `${directory}/${split}`;
  const files = await exists(folder) ? await filesIn(folder, ".xml") : [];
  if (files.length > 0) return files;
  throw new FileError(
    `Cannot read split ${split} as ${split}.json or a folder ${split} of XML files is required`,
    directory,
  );
}

/**
 * Reads the files of a split.
 *
 * @throws {FileError} If a file is missing or malformed
 */
export async function readWebnlg(
  directory: string,
  split: Split,
  texts: WebnlgTexts = "good",
): Promise<WebnlgExample[]> {
  const paths = await webnlgFiles(directory, split);
  return await readTexts(paths, (text, name) => parseWebnlg(text, name, texts));
}

/** The task of putting triples into words. */
export const webnlg: TextTask = {
  title: "WebNLG",
  inputHelp: "XML, JSON",
  contextOf: (input) => lineariseTriples(input.split("\n").map(tripleOf)),
  parse: parseWebnlg,
  files: webnlgFiles,
};

function tripleOf(line: string): Triple {
  const [subject, property, object, ...more] = line.split("|").map((part) => part.trim());
  if (subject && property && object && more.length === 0) return [subject, property, object];
  throw new OptionError(
    "Cannot read triple as subject | property | object is required, one triple a line: found " +
      shortExcerpt(line),
  );
}
