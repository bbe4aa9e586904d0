/**
 * In which units figures are written, and to how many digits.
 *
 * @module
 */

import { titleOf } from "../report/figures.ts";

/** Figures between -1 and 1 that the field writes in percent. */
const percentages: ReadonlySet<string> = new Set([
  "accuracy",
  "f1",
  "macro_f1",
  "matthews",
  "pearson",
  "spearman",
]);

/** How figures of a metric are written. */
export interface Unit {
  /** Name of the unit; figures of one name can be averaged over tasks. */
  readonly name: string;
  /** Number that figures are multiplied by. */
  readonly factor: number;
  /** Most decimals. */
  readonly most: number;
  /** What is written, in words: `accuracy, in percent`. */
  readonly words: string;
}

/** The unit of a metric. */
export function metricUnit(metric: string): Unit {
  const title = titleOf(metric);
  if (percentages.has(metric)) {
    const words = title.endsWith("correlation") ? `${title} × 100` : `${title}, in percent`;
    return { name: "percent", factor: 100, most: 2, words };
  }
  const isPoints = metric === "bleu";
  return {
    name: metric,
    factor: 1,
    most: isPoints ? 2 : 4,
    words: isPoints ? `${title}, 0 to 100` : title,
  };
}

/**
 * Decimals that intervals support: those that give the narrowest of them two digits, but no more than
 * the unit's.
 *
 * @param halves Half the widths of intervals, in the metric's own unit; those that are no numbers or
 * not above 0 do not count
 */
export function decimalsOf(halves: readonly number[], { factor, most }: Unit): number {
  const widths = halves.map((half) => factor * half).filter((width) => width > 0);
  if (widths.length === 0) return most;
  const wanted = 1 - Math.floor(Math.log10(Math.min(...widths)));
  return Math.min(most, Math.max(0, wanted));
}

/** A number with so many decimals; a dash for what is no number. */
export function fixedText(value: number | undefined, decimals: number, factor = 1): string {
  if (value === undefined || Number.isNaN(value)) return "–";
  const text = (factor * value).toFixed(decimals);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

/** The same with a plus sign where it is above 0. */
export function signedText(value: number | undefined, decimals: number, factor = 1): string {
  const text = fixedText(value, decimals, factor);
  return /^[\d.]*[1-9]/.test(text) ? `+${text}` : text;
}

/** A p-value: three decimals, or two digits where it is small. */
export function pText(p: number): string {
  if (Number.isNaN(p)) return "–";
  if (p >= 0.0995) return p.toFixed(2);
  return p >= 0.00095 ? p.toFixed(p >= 0.00995 ? 3 : 4) : p.toExponential(1);
}

/** `84.48 ± 0.98`, or the value alone where the spread is not known. */
export function spreadText(
  value: number,
  sd: number | undefined,
  { factor, decimals }: { readonly factor: number; readonly decimals: number },
): string {
  const text = fixedText(value, decimals, factor);
  if (sd === undefined || Number.isNaN(sd)) return text;
  return `${text} ± ${fixedText(sd, decimals, factor)}`;
}
