/**
 * What `train` says at its end: how it went, where things are, and what can be done with them.
 *
 * @module
 */

import type { TrainConfig } from "../config/config.ts";
import type { TrainResult } from "../train.ts";
import { clockText } from "./terminal.ts";

/** The lines of a summary, labels first. */
export function summaryOf(
  result: TrainResult,
  { out, saveEvery, epochs, maxSteps }: TrainConfig,
  seconds: number,
): string[] {
  const { step, steps, epoch, aborted, stoppedEarly, best, metrics } = result;
  const how = aborted ? "stopped" : stoppedEarly ? "stopped early" : "done";
  const rows: [string, string][] = [[
    how,
    `after step ${step} of ${steps}, epoch ${epoch.toFixed(2)}, in ${clockText(seconds)}`,
  ]];
  if (best !== undefined) {
    const last = metrics[best.metric];
    const end = last === undefined || aborted ? "" : `; at the end ${last.toFixed(4)}`;
    const place = `step ${best.step}, epoch ${best.epoch.toFixed(2)}`;
    rows.push(["best", `${best.metric} ${best.value.toFixed(4)} at ${place}${end}`]);
  }
  if (out === undefined) return listed(rows);
  const folder = shellWord(out);
  const resume = `deno task train --resume ${folder}`;
  if (aborted) rows.push(["go on", resume]);
  else {
    rows.push(["saved in", out]);
    rows.push(["evaluate", `deno task eval --run ${folder}`]);
    rows.push(["predict", `deno task predict --run ${folder} --input FILE`]);
    if (saveEvery !== undefined) {
      const longer = steps === maxSteps
        ? `--max-steps ${2 * maxSteps}`
        : `--epochs ${Number((2 * epochs).toPrecision(6))}`;
      rows.push(["go on", `${resume} --change ${longer}`]);
    }
  }
  return listed(rows);
}

function listed(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, text]) => `${label.padEnd(width)}  ${text}`);
}

/** A path as a word of a shell's command line. */
export function shellWord(path: string): string {
  if (/^[\w./:@%+=-]+$/.test(path) && !path.startsWith("-")) return path;
  return `'${path.replaceAll("'", `'\\''`)}'`;
}
