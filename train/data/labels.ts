/**
 * What a cell says as a label: a class by its number or word, or a score.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { mostClasses } from "./limits.ts";
import { cellError, type TableRow } from "./rows.ts";
import { decimalOf, quoted } from "./text.ts";

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
  if (typeof cell === "string") return decimalOf(cell);
  return typeof cell === "number" || typeof cell === "bigint" ? Number(cell) : NaN;
}

const numbered = new WeakMap<readonly string[], ReadonlyMap<string, number>>();

/** Numbers of classes by their words; of equal words the first counts. */
function classNumbers(classes: readonly string[]): ReadonlyMap<string, number> {
  const found = numbered.get(classes) ??
    new Map(classes.map((word, i) => [word, i] as const).reverse());
  numbered.set(classes, found);
  return found;
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
  const named = classNumbers(classes).get(String(cell));
  if (named !== undefined) return named;
  if (Number.isInteger(value) && value >= 0 && value < classes.length) return value;
  if (value === -1) return undefined;
  const numbers = `a number from 0 to ${classes.length - 1}`;
  const words = classes.every((word, i) => word === `${i}`)
    ? numbers
    : `one of ${quoted(classes)} or ${numbers}`;
  throw cellError(row, column, words, cell);
}

/** Labels of training data, as their cells have them. */
export type Labels = readonly { readonly cell: unknown; readonly row: TableRow }[];

const whole = /^\d+$/;
/** What is a number, though of a score: neither a whole one nor -1. */
const score =
  /^\s*(?!-1\s*$)(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?(?<!^\d+)|[+-]?(?:nan|inf(?:inity)?))\s*$/i;

/**
 * Finds the classes of a data set from the labels of its training data: whole numbers are the
 * classes themselves, and words get the numbers that the model's configuration gives them, or else
 * those of their order. Other numbers but -1 are no words.
 *
 * @param known Words of the model's configuration
 * @returns The words, at the positions of their numbers
 * @throws {FileError} If a training example has no label, or a number that is no class
 */
export function classesOf(
  labels: Labels,
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
  if ([...words].every((word) => whole.test(word))) return numericClasses(labels, column);
  const named = new Set(known);
  if ([...words].every((word) => named.has(word))) return [...known];
  const number = labels.find(({ cell }) => score.test(String(cell)));
  if (number !== undefined) {
    const required = "a whole number of at least 0 or the name of a class";
    throw cellError(number.row, column, required, number.cell);
  }
  if (words.size > mostClasses) throw classesError(words.size, labels[0]!.row, column);
  return [...words].sort();
}

function numericClasses(labels: Labels, column: string): string[] {
  const greatest = labels.reduce((most, { cell }) => Math.max(most, Number(cell)), 1);
  const far = labels.find(({ cell }) => Number(cell) >= Math.max(2, labels.length));
  if (far !== undefined) {
    const required = `a class below ${labels.length}, the number of training examples,`;
    throw cellError(far.row, column, required, far.cell);
  }
  if (greatest >= mostClasses) throw classesError(greatest + 1, labels[0]!.row, column);
  return Array.from({ length: greatest + 1 }, (_, i) => `${i}`);
}

function classesError(found: number, { path }: TableRow, column: string): FileError {
  const required = `at most ${mostClasses} classes in column ${quoted([column])} are required`;
  return new FileError(`Cannot read labels as ${required}: found ${found}`, path);
}
