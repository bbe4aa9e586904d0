/**
 * The form in which every classification or regression data set reaches the trainer.
 *
 * @module
 */

/** The three parts of a data set. */
export type Split = "train" | "dev" | "test";

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
}
