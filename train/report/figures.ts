/**
 * How a report names and writes figures.
 *
 * @module
 */

/** What a report knows of a figure. */
interface FigureInfo {
  /** What it is called. */
  readonly title: string;
  /** Whether less of it is better. */
  readonly isLessBetter?: true;
}

const known: Readonly<Record<string, FigureInfo>> = {
  accuracy: { title: "Accuracy" },
  f1: { title: "F1" },
  macro_f1: { title: "Macro F1" },
  matthews: { title: "Matthews correlation" },
  pearson: { title: "Pearson correlation" },
  spearman: { title: "Spearman correlation" },
  mse: { title: "Mean squared error", isLessBetter: true },
  loss: { title: "Dev loss", isLessBetter: true },
  nll: { title: "Negative log-likelihood", isLessBetter: true },
  brier: { title: "Brier score", isLessBetter: true },
  ece: { title: "Calibration error", isLessBetter: true },
  perplexity: { title: "Perplexity", isLessBetter: true },
  bleu: { title: "BLEU" },
};

/** What a figure is called. */
export function titleOf(name: string): string {
  return Object.hasOwn(known, name) ? known[name]!.title : name.replaceAll("_", " ");
}

/** The place of the best of some values of a figure, the first of several; -1 of none. */
export function bestOf(name: string, values: readonly number[]): number {
  const sign = Object.hasOwn(known, name) && known[name]!.isLessBetter ? -1 : 1;
  return values.reduce((best, value, i) => {
    return best < 0 || sign * value > sign * values[best]! ? i : best;
  }, -1);
}

/** A number with four significant digits, without an exponent where that is short. */
export function figureText(value: number): string {
  if (!Number.isFinite(value)) return `${value}`;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return size < 10 ? value.toFixed(4) : `${Number(value.toPrecision(5))}`;
}

/** An integer with a comma after every three digits from the right. */
export function countText(count: number): string {
  return count.toLocaleString("en-GB");
}

/** A duration as people say it: `48 s`, `12 min 5 s`, `3 h 20 min`. */
export function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${seconds < 10 ? seconds.toFixed(1) : whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
