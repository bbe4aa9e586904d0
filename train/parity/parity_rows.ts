/**
 * Rows of a parity report: a quantity's largest error, relative to its largest expected value.
 *
 * @module
 */

import type { Tensor } from "../../core/tensor.ts";
import type { Checkpoint } from "../files/checkpoint.ts";

/** One compared quantity, with its largest error. */
export interface ParityRow {
  /** Case it belongs to. */
  readonly case: string;
  /** What was compared. */
  readonly quantity: string;
  /** Largest absolute difference over largest expected value; absent where skipped. */
  readonly error?: number;
  /** Norm of the differences over that of the expected values, where numbers were compared. */
  readonly distance?: number;
  /** What is allowed; absent where skipped. */
  readonly tolerance?: number;
  /** Whether the error is within; `skipped` where it is not implemented. */
  readonly ok: boolean | "skipped";
  /** Why it was skipped, or what differs. */
  readonly note?: string;
}

/** Largest absolute difference over the largest expected value. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length || expected.length === 0) return Infinity;
  let [difference, largest] = [0, 0];
  for (let i = 0; i < actual.length; i++) {
    const d = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(d)) return NaN;
    difference = Math.max(difference, d);
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference === 0 ? 0 : difference / largest;
}

/** Norm of the differences over that of the expected values. */
export function relativeDistance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length || expected.length === 0) return Infinity;
  let [difference, whole] = [0, 0];
  for (let i = 0; i < actual.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    whole += expected[i]! ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / whole);
}

/** Collects the rows of one case. */
export class Comparison {
  /** What was compared so far. */
  readonly rows: ParityRow[] = [];
  readonly #references = new Set<string>();

  /**
   * @param name Name of the case
   * @param expected Reference values
   * @param tolerance What is allowed
   */
  constructor(
    readonly name: string,
    readonly expected: Checkpoint,
    readonly tolerance: number,
  ) {}

  /** Compares a tensor with the reference of that name. */
  async tensor(quantity: string, actual: Tensor, reference = quantity): Promise<void> {
    this.#references.add(reference);
    this.numbers(
      quantity,
      await actual.read(),
      await this.expected.readFloat(reference, "f64"),
    );
  }

  /**
   * Compares hidden states of tokens, `[batch, tokens, width]`. Nothing reads those of padding, and
   * DeBERTa's depend on what a mask hides.
   *
   * @param lengths Tokens of each text
   */
  async hidden(quantity: string, actual: Tensor, lengths: readonly number[]): Promise<void> {
    this.#references.add(quantity);
    const [, tokens, width] = actual.shape as [number, number, number];
    const real = (_: number, i: number) => {
      const token = Math.floor(i / width);
      return token % tokens < lengths[Math.floor(token / tokens)]!;
    };
    const expected = await this.expected.readFloat(quantity, "f64");
    this.numbers(quantity, [...await actual.read()].filter(real), expected.filter(real));
  }

  /** Compares a list of numbers, relative to the largest expected one. */
  numbers(quantity: string, actual: ArrayLike<number>, expected: ArrayLike<number>): void {
    this.#references.add(quantity);
    const error = relativeError(actual, expected);
    const distance = relativeDistance(actual, expected);
    const { name, tolerance } = this;
    this.rows.push({ case: name, quantity, error, distance, tolerance, ok: error <= tolerance });
  }

  /** Compares tokens, which must be equal. */
  tokens(quantity: string, actual: readonly number[], expected: readonly number[]): void {
    const different = expected.filter((id, i) => id !== actual[i]).length +
      Math.max(0, actual.length - expected.length);
    this.rows.push({
      case: this.name,
      quantity,
      error: different / expected.length,
      tolerance: 0,
      ok: different === 0,
    });
  }

  /** Fails every reference value that neither this nor the other comparison looked at. */
  finish(other: Comparison): ParityRow[] {
    for (const name of this.expected.names()) {
      if (this.#references.has(name) || other.#references.has(name)) continue;
      this.rows.push({ case: this.name, quantity: name, ok: false, note: "was not compared" });
    }
    return [...this.rows, ...other.rows];
  }

  /** Notes a quantity that cannot be compared yet. */
  skip(quantity: string, note: string): void {
    this.rows.push({ case: this.name, quantity, ok: "skipped", note });
  }
}
