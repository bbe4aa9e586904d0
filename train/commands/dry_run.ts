/**
 * What `train --dry-run` prints.
 *
 * @module
 */

import type { DryRun, DryRunTime, ShownExample, ShownToken } from "../dry_run.ts";
import { tensorBytes } from "../memory_count.ts";
import type { MemoryParts } from "../memory_plan.ts";

/** Tokens of an example that are shown at its start, and as many at its end. */
const shownTokens = 12;
/** Rows of the histogram, and columns of its longest bar. */
const [bins, widest] = [8, 40];

/** The whole text, of lines of at most 100 columns but for long tokens. */
export function dryRunText(
  found: DryRun,
): string {
  const { examples, lengths, cut, steps, time } = found;
  const { all, perEpoch, done } = steps;
  return [
    ...examples.flatMap(exampleLines),
    "",
    ...lengthLines(lengths, cut),
    "",
    `steps: ${all - done} to make${done > 0 ? `, after ${done}` : ""}, ${perEpoch} an epoch`,
    ...memoryLines(found),
    ...timeLines(time),
    "nothing was written",
  ].join("\n");
}

function exampleLines({ number, tokens, padding, label }: ShownExample): string[] {
  const predicted = tokens.filter((token) => token.predicted).length;
  const target = label === undefined
    ? `the loss is on the ${predicted} marked with *, each predicted from all before it`
    : `label ${label}`;
  const filled = padding === 0
    ? "none of padding"
    : `${padding} of padding behind them, which are masked`;
  const hidden = Math.max(0, tokens.length - 2 * shownTokens);
  const lines = tokens.map(tokenLine);
  const marked = tokens.slice(shownTokens, -shownTokens).filter((token) => token.predicted).length;
  const also = marked === 0 ? "" : `, ${marked} of them marked`;
  const shown = hidden < 2 ? lines : [
    ...lines.slice(0, shownTokens),
    `          … ${hidden} more${also}`,
    ...lines.slice(-shownTokens),
  ];
  return [
    "",
    `training example ${number}: ${tokens.length} tokens, all visible, ${filled}`,
    target,
    "   place      id  segment  token",
    ...shown,
  ];
}

function tokenLine({ text, id, segment, predicted }: ShownToken, place: number): string {
  const mark = predicted ? "*" : " ";
  return ` ${mark}${`${place}`.padStart(6)} ${`${id}`.padStart(7)} ${`${segment}`.padStart(8)}  ${
    JSON.stringify(text)
  }`;
}

function lengthLines(lengths: readonly number[], cut: number): string[] {
  const at = (share: number) => lengths[Math.ceil(share * lengths.length) - 1] ?? lengths[0]!;
  const [least, most] = [lengths[0]!, lengths.at(-1)!];
  const share = (100 * cut / lengths.length).toFixed(1);
  const width = Math.max(1, Math.ceil((most - least + 1) / bins));
  const rows = Array.from({ length: Math.ceil((most - least + 1) / width) }, (_, i) => {
    const [from, to] = [least + i * width, Math.min(most, least + (i + 1) * width - 1)];
    return { from, to, count: lengths.filter((length) => length >= from && length <= to).length };
  });
  const largest = Math.max(...rows.map(({ count }) => count));
  return [
    `lengths: ${lengths.length} training examples of ${least} to ${most} tokens, median ` +
    `${at(0.5)}, 95 % up to ${at(0.95)}; ${cut} cut (${share} %)`,
    ...rows.map(({ from, to, count }) => {
      const bar = "█".repeat(Math.ceil(widest * count / largest));
      return `${`${from}–${to}`.padStart(10)} ${`${count}`.padStart(7)}  ${bar}`.trimEnd();
    }),
  ];
}

function memoryLines({ memory, free, onHost, missing }: DryRun): string[] {
  const labels: Readonly<Record<keyof MemoryParts, string>> = {
    frozen: "frozen parameters, and what else stays",
    trained: "trained parameters",
    gradient: "their gradient",
    moments: "state of the optimiser",
    step: "activations of the largest step",
    evaluation: "activations of the largest evaluation, at another time",
    process: "the process beside tensors: engine, data and buffers, estimated",
    card: "the card beside tensors: context, programs and graphs, estimated",
  };
  const rows = (Object.entries(labels) as [keyof MemoryParts, string][])
    .filter(([name]) => name !== "card" || memory.card > 0)
    .map(([name, label]) => `${mebibytes(memory[name]).padStart(14)}  ${label}`);
  const tensors = tensorBytes(memory);
  const known = free === undefined
    ? ", of which nobody says how much is free"
    : `; ${mebibytes(free.bytes)} are free on ${free.place}`;
  const total = onHost
    ? `${mebibytes(tensors + memory.process)} of this machine`
    : `${mebibytes(tensors + memory.card)} of the card, ${
      mebibytes(memory.process)
    } of this machine`;
  return [`memory: ${total}${known}`, ...rows, ...(missing === undefined ? [] : [missing])];
}

function timeLines(time: DryRunTime | undefined): string[] {
  if (time === undefined) return [];
  const [first, second] = time.measured.map((seconds) => seconds.toPrecision(2));
  return [
    `time: about ${duration(time.seconds)} for the steps, without evaluations, by the padded ` +
    `tokens of a step that took ${first} s and ${second} s`,
  ];
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 20 ? 3 : 1)} MiB`;
}

function duration(seconds: number): string {
  if (seconds < 90) return `${seconds.toPrecision(2)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
