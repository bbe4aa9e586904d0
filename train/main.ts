/**
 * The command line: `train`, `eval`, `predict`, `score`, `merge`, `parity`, `noise` and `data`. An
 * error is one sentence on standard error and exit code 1, or 3 where the device was lost;
 * `--verbose` adds the stack.
 *
 * @module
 */

import { DeviceError } from "../core/errors.ts";
import { dataCommand } from "./commands/data.ts";
import { evalCommand } from "./commands/eval.ts";
import { mergeCommand } from "./commands/merge.ts";
import { noiseCommand } from "./commands/noise.ts";
import { parityCommand } from "./commands/parity.ts";
import { predictCommand } from "./commands/predict.ts";
import { scoreCommand } from "./commands/score.ts";
import { trainCommand } from "./commands/train.ts";

const commands: Readonly<Record<string, (args: string[]) => Promise<number>>> = {
  train: trainCommand,
  eval: evalCommand,
  predict: predictCommand,
  parity: parityCommand,
  score: scoreCommand,
  noise: noiseCommand,
  merge: mergeCommand,
  data: dataCommand,
};

if (import.meta.main) {
  const [name = "", ...args] = Deno.args;
  try {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) {
      throw new TypeError(`Cannot find command ${name}: ${Object.keys(commands).join(", ")}`);
    }
    Deno.exitCode = await command(args);
  } catch (error) {
    const known = error instanceof Error;
    console.error(known && !args.includes("--verbose") ? `error: ${error.message}` : error);
    Deno.exitCode = error instanceof DeviceError ? 3 : 1;
  }
}
