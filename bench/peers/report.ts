// Tables of Markdown, and how figures become cells.
import { median } from "../measure.ts";
import type { Answers } from "./contender.ts";

/** A table: the first column to the left, numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    `| ${
      row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join(
        " | ",
      )
    } |`;
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [line(head), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}

/** A number as a cell; what was not measured stays empty. */
export function cell(value: number, digits = 2): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "";
}

/** Milliseconds of a contender: the median of its rounds. */
export function milliseconds(answers: Answers, name: string): number {
  return median((answers.get(name) ?? []).map(({ ms }) => ms!));
}

/** How many times as fast `name` is as `other`: the median of the rounds' ratios. */
export function speedup(answers: Answers, name: string, other: string): number {
  const [ours, theirs] = [answers.get(name) ?? [], answers.get(other) ?? []];
  if (ours.length !== theirs.length) return NaN;
  return median(ours.map(({ ms }, i) => theirs[i]!.ms! / ms!));
}

/** A ratio beside its bar. */
export function judged(value: number, bar: number, best: "most" | "least" = "most"): string {
  if (!Number.isFinite(value)) return "";
  return `${value.toFixed(2)}${(best === "most" ? value >= bar : value <= bar) ? "" : " (no)"}`;
}
