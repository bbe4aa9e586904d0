/**
 * The form in which every classification or regression data set reaches the trainer.
 *
 * @module
 */

/** The three parts of a data set. */
export type Split = "train" | "dev" | "test";

/** Where an example was read, for messages. */
export interface Place {
  /** Path of the file. */
  readonly path: string;
  /** One-based row, header not counted. */
  readonly row: number;
  /** One-based line; undefined in a binary file, or where rows have several. */
  readonly line?: number | undefined;
}

/** One text or pair of texts with its target. */
export interface Example {
  /** The first or only text. */
  textA: string;
  /** The second text of a pair. */
  textB?: string;
  /** Class identifier, or the score of a regression task; `undefined` where it is not published. */
  label: number | undefined;
  /** Zero-based row in the file, header not counted. */
  index: number;
  /** Where it was read; absent where it was made. */
  place?: Place;
}
