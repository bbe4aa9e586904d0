/**
 * The form in which every data set of data-to-text generation reaches the trainer.
 *
 * @module
 */

/** One input with one text. */
export interface TextExample {
  /** The input as the model reads it. */
  readonly context: string;
  /** The text, as published; `undefined` in a test file without references. */
  readonly reference: string | undefined;
  /** Zero-based place among the examples that were read. */
  readonly index: number;
  /** Part of the data that is also evaluated for itself, such as `seen`. */
  readonly part?: string;
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
