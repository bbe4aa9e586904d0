/**
 * `deno task eval`: evaluates a saved run.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { deviceOptionNames, openDevice } from "../device/backend.ts";
import { beamOptions } from "../config/beam_options.ts";
import { trainOptions } from "../config/config.ts";
import { helpText, type OptionTable, parseFlags } from "../config/options.ts";
import { openRun, runConfig } from "../run/open_run.ts";
import { openTask } from "../tasks/open.ts";
import type { TaskParts } from "../tasks/task.ts";
import { showDownloads } from "./downloads.ts";

const changeable: readonly (keyof typeof trainOptions)[] = [
  "data",
  "model",
  ...deviceOptionNames,
  "dtype",
  "devLimit",
  "newTokens",
  "generate",
  ...Object.keys(beamOptions) as (keyof typeof beamOptions)[],
];

const options: OptionTable = {
  run: { kind: "text", help: "folder of the run", required: true },
  split: { kind: "choice", choices: ["dev", "test"], help: "what to evaluate", default: "dev" },
  ...Object.fromEntries(
    changeable.map((name) => [name, { ...trainOptions[name], shown: "the run's" }]),
  ),
  json: { kind: "switch", help: "print one JSON object" },
  verbose: { kind: "switch", help: "show stack traces" },
  help: { kind: "switch", help: "show this text" },
};

/** Runs the command and returns the exit code. */
export async function evalCommand(args: readonly string[]): Promise<number> {
  const { values, words } = parseFlags(options, args);
  if (values["help"]) {
    console.log(helpText("Evaluates a saved run.\n\n  deno task eval --run DIR", options));
    return 0;
  }
  const run = (values["run"] ?? words[0]) as string | undefined;
  if (run === undefined) throw new OptionError("Cannot evaluate without --run: it is required");
  const changes = Object.fromEntries(
    Object.entries(values).filter(([name]) => (changeable as readonly string[]).includes(name)),
  );
  const config = await runConfig(run, changes);
  const { device } = await openDevice(config);
  await using _device = device;
  using _scope = device.scope("eval");
  const { model, architecture, tokenizer, classes } = await openRun(
    run,
    config,
    device,
    showDownloads(),
  );
  const split = (values["split"] ?? "dev") as TaskParts["split"];
  const task = await openTask(config, architecture, tokenizer, { train: false, split, classes });
  const figures = await task.evaluate(model, device, true);
  if (values["json"]) console.log(JSON.stringify(figures));
  else {for (const [name, value] of Object.entries(figures)) {
      console.log(`${name} ${value.toFixed(6)}`);
    }}
  return 0;
}
