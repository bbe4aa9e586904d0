/**
 * The study as an aligned table.
 *
 * @module
 */

import type { Estimate } from "./statistics.ts";
import { type NoiseRow, titles } from "./study.ts";

/** One line for each variant and rate: means over the layers, ± half an interval of 95 %. */
export function noiseTable(rows: readonly NoiseRow[]): string {
  const lines = [["method", "p", "share %", "noise", "signal/noise", "cosine"]];
  let before = "";
  for (const { variant, rate, mean: { share, noise, signal, cosine } } of rows) {
    const percent = share && scaled(share, 100);
    const name = titles[variant];
    lines.push([
      name === before ? "" : name,
      `${rate}`,
      show(percent, 1),
      show(noise, 3),
      show(signal, 3),
      show(cosine, 3),
    ]);
    before = name;
  }
  const widths = lines[0]!.map((_, column) =>
    Math.max(...lines.map((line) => line[column]!.length))
  );
  return lines.map((line) =>
    line.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    ).join("  ").trimEnd()
  ).join("\n");
}

function scaled({ value, error, low, high }: Estimate, by: number): Estimate {
  return { value: by * value, error: by * error, low: by * low, high: by * high };
}

function show(figure: Estimate | undefined, digits: number): string {
  if (figure === undefined || !Number.isFinite(figure.value)) return "-";
  const half = (figure.high - figure.low) / 2;
  return `${figure.value.toFixed(digits)} ± ${half.toFixed(digits)}`;
}
