/**
 * The command line. An error is one sentence on standard error and exit code 1, or 3 where the
 * device was lost; `--verbose` adds the stack.
 *
 * @module
 */

import { dataCommand } from "./commands/data.ts";
import { evalCommand } from "./commands/eval.ts";
import { mergeCommand } from "./commands/merge.ts";
import { noiseCommand } from "./commands/noise.ts";
import { parityCommand } from "./commands/parity.ts";
import { predictCommand } from "./commands/predict.ts";
import { runProgram } from "./commands/program.ts";
import { reportCommand } from "./commands/report.ts";
import { scoreCommand } from "./commands/score.ts";
import { sweepCommand } from "./commands/sweep.ts";
import { tablesCommand } from "./commands/tables.ts";
import { trainCommand } from "./commands/train.ts";

if (import.meta.main) {
  Deno.exitCode = await runProgram({
    usage: `LoRA fine-tuning with the dropout framework of "LoRA Meets Dropout".

  deno task COMMAND [options]`,
    commands: {
      train: trainCommand,
      eval: evalCommand,
      predict: predictCommand,
      parity: parityCommand,
      score: scoreCommand,
      noise: noiseCommand,
      merge: mergeCommand,
      report: reportCommand,
      sweep: sweepCommand,
      tables: tablesCommand,
      data: dataCommand,
    },
  }, Deno.args);
}
