/**
 * The study as an aligned table.
 *
 * @module
 */

import { type FigureName, figureNames } from "./figures.ts";
import { type Estimate, estimate } from "./statistics.ts";
import type { NoiseRow } from "./study.ts";
import { titles } from "./variants.ts";

/** Headings of the figures; shares in percent. */
export const headings: Readonly<Record<FigureName, string>> = {
  share: "share %",
  dropped: "|dL/dg_m|",
  variance: "variance",
  bias: "bias²",
  mean: "mean²",
  cosine: "cosine",
};

/** One line for each variant and rate: means over the layers, with intervals of 95 %. */
export function noiseTable(rows: readonly NoiseRow[]): string {
  const lines = [["method", "p", "masks", ...figureNames.map((name) => headings[name])]];
  let before = "";
  for (const { variant, rate, masks, mean } of rows) {
    const title = titles[variant];
    const cells = figureNames.map((name) => {
      const figure = mean[name];
      return figure === undefined
        ? "-"
        : shownEstimate(estimate(figure), name === "share" ? 100 : 1);
    });
    lines.push([title === before ? "" : title, `${rate}`, `${masks}`, ...cells]);
    before = title;
  }
  return aligned(lines);
}

/** Lines of cells as columns, the first to the left and the others to the right. */
export function aligned(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) =>
    Math.max(...lines.map((line) => line[column]!.length))
  );
  return lines.map((line) =>
    line.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    ).join("  ").trimEnd()
  ).join("\n");
}

/** `value (low to high)`, to three digits, times a factor. */
export function shownEstimate({ value, low, high }: Estimate, factor = 1): string {
  if (!Number.isFinite(value)) return "-";
  if (low === high) return shownNumber(factor * value);
  const [middle, from, to] = [value, low, high].map((x) => shownNumber(factor * x));
  return `${middle} (${from} to ${to})`;
}

/** A number to three digits, without an exponent where it has few. */
export function shownNumber(x: number): string {
  const text = x.toPrecision(3);
  return text.includes("e") ? `${Number(text)}` : text;
}
