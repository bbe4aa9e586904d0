/**
 * What a cell says as a label: a class by its number or word, or a score.
 *
 * @module
 */

import { cellError, type TableRow } from "./rows.ts";
import { quoted } from "./text.ts";

/** What a label may be. */
export interface LabelRule {
  /** Column of the label, for messages. */
  readonly column: string;
  /** Words of the classes, at the positions of their numbers; undefined for scores. */
  readonly classes: readonly string[] | undefined;
  /** Least and greatest score, both allowed; any where absent. */
  readonly range?: readonly [number, number] | undefined;
}

const isNothing = (cell: unknown) => cell === undefined || cell === null || cell === "";

/** A number or the digits of one; NaN where a cell is neither. */
function numberOf(cell: unknown): number {
  if (typeof cell === "string") return cell.trim() === "" ? NaN : Number(cell);
  return typeof cell === "number" || typeof cell === "bigint" ? Number(cell) : NaN;
}

/**
 * Reads a label. Nothing, and -1 where it is no label, mean that there is none.
 *
 * @throws {FileError} If the cell is neither a class nor a score that the rule allows
 */
export function labelOf(cell: unknown, row: TableRow, rule: LabelRule): number | undefined {
  if (isNothing(cell)) return undefined;
  const value = numberOf(cell);
  const { classes, column, range } = rule;
  if (classes === undefined) {
    const [least, greatest] = range ?? [-Infinity, Infinity];
    if (Number.isFinite(value) && value >= least && value <= greatest) return value;
    if (value === -1) return undefined;
    const bounds = range === undefined ? "" : ` from ${least} to ${greatest}`;
    throw cellError(row, column, `a number${bounds}`, cell);
  }
  const named = classes.indexOf(String(cell));
  if (named >= 0) return named;
  if (Number.isInteger(value) && value >= 0 && value < classes.length) return value;
  if (value === -1) return undefined;
  const numbers = `a number from 0 to ${classes.length - 1}`;
  const words = classes.every((word, i) => word === `${i}`)
    ? numbers
    : `one of ${quoted(classes)} or ${numbers}`;
  throw cellError(row, column, words, cell);
}

/**
 * Finds the classes of a data set from the labels of its training data: whole numbers are the
 * classes themselves, and words get the numbers that the model's configuration gives them, or else
 * those of their order.
 *
 * @param known Words of the model's configuration
 * @returns The words, at the positions of their numbers
 * @throws {FileError} If a training example has no label, or a number that is no class
 */
export function classesOf(
  labels: readonly { readonly cell: unknown; readonly row: TableRow }[],
  column: string,
  known: readonly string[],
): string[] {
  for (const { cell, row } of labels) {
    const value = numberOf(cell);
    const fits = typeof cell === "string" || typeof cell === "boolean" ||
      Number.isSafeInteger(value) && value >= 0;
    if (!fits || isNothing(cell)) {
      throw cellError(row, column, "the number or name of a class", cell);
    }
  }
  const words = new Set(labels.map(({ cell }) => String(cell)));
  if ([...words].every((word) => /^\d+$/.test(word))) {
    const greatest = [...words].reduce((most, word) => Math.max(most, Number(word)), 1);
    const far = labels.find(({ cell }) => Number(cell) >= Math.max(2, labels.length));
    if (far !== undefined) {
      const required = `a class below ${labels.length}, the number of training examples,`;
      throw cellError(far.row, column, required, far.cell);
    }
    return Array.from({ length: greatest + 1 }, (_, i) => `${i}`);
  }
  return [...words].every((word) => known.includes(word)) ? [...known] : [...words].sort();
}
