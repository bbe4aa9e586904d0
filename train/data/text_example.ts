/**
 * The form in which every data set of data-to-text generation reaches the trainer.
 *
 * @module
 */

import { readText } from "../files/files.ts";
import type { Split } from "./example.ts";

/** One input with one text. */
export interface TextExample {
  /** The input as the model reads it. */
  readonly context: string;
  /** The text, as published; `undefined` in a test file without references. */
  readonly reference: string | undefined;
  /** Zero-based index among the examples that were read. */
  readonly index: number;
  /** Part of the data that is also evaluated for itself, such as `seen`. */
  readonly part?: string;
}

/** A task in which a language model writes texts: what it is called and how its files are read. */
export interface TextTask {
  /** Name as its makers write it, for logs and the model card. */
  readonly title: string;
  /** What `predict` takes as its input, for the help. */
  readonly inputHelp: string;
  /**
   * What the model reads of one input as its makers write it.
   *
   * @throws {OptionError} If it is malformed
   */
  contextOf(input: string): string;
  /**
   * Reads the text of one file.
   *
   * @param name Name of the file for messages
   * @throws {FileError} If it is malformed
   */
  parse(text: string, name: string): TextExample[];
  /**
   * Finds the files of a split.
   *
   * @throws {FileError} If there are none where that can be told
   */
  files(directory: string, split: Split): Promise<string[]>;
}

/**
 * Reads the files of a split as one list, its indices counted through.
 *
 * @throws {FileError} If a file is missing or malformed
 */
export async function readTexts<E extends TextExample>(
  paths: readonly string[],
  parse: (text: string, name: string) => E[],
): Promise<E[]> {
  const examples: E[] = [];
  for (const path of paths) examples.push(...parse(await readText(path), path));
  return examples.map((example, index) => ({ ...example, index }));
}

/** One distinct input with all of its texts. */
export interface TextGroup {
  /** The input as the model reads it. */
  readonly context: string;
  /** Every text of the input, in the order of the examples. */
  readonly references: string[];
  /** Part of the data; that of the first example. */
  readonly part?: string;
}

/** Gathers the references of equal contexts, contexts in the order in which they first occur. */
export function groupByContext(examples: readonly TextExample[]): TextGroup[] {
  const groups = new Map<string, TextGroup>();
  for (const { context, reference, part } of examples) {
    const group = groups.get(context) ??
      { context, references: [], ...(part === undefined ? {} : { part }) };
    if (reference !== undefined) group.references.push(reference);
    groups.set(context, group);
  }
  return [...groups.values()];
}
