/**
 * `deno task sweep`: many runs that are compared, planned and made one by one or side by side.
 *
 * @module
 */

import type { Command } from "./command.ts";
import { groupCommand } from "./program.ts";
import { sweepPlanCommand } from "./sweep_plan.ts";
import { sweepRunCommand } from "./sweep_run.ts";
import { sweepCollectCommand, sweepStatusCommand } from "./sweep_status.ts";

/** Plans sweeps, runs them and collects what came of them. */
export const sweepCommand: Command = groupCommand(
  "Plan many runs that are compared, run them, and collect what came of them",
  {
    usage: `Many runs that are compared: methods, tasks, rates, ranks and seeds.

  deno task sweep plan table1 --model DIR --data glue --out FOLDER
  deno task sweep run FOLDER
  deno task sweep status FOLDER
  deno task sweep collect FOLDER`,
    commands: {
      plan: sweepPlanCommand,
      run: sweepRunCommand,
      status: sweepStatusCommand,
      collect: sweepCollectCommand,
    },
  },
);
