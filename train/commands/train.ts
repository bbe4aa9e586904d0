/**
 * `deno task train`: trains from flags, or shows the demonstration where there are none.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { checkConfig, type TrainConfig, trainOptions } from "../config/config.ts";
import { demonstrate } from "../demo/demo.ts";
import { readJson } from "../files/files.ts";
import type { StepRecord } from "../fit.ts";
import {
  defaultsOf,
  helpText,
  type OptionTable,
  parseFlags,
  parseObject,
} from "../config/options.ts";
import { presetFor, presetNames } from "../config/presets.ts";
import { readRun } from "../run/run_folder.ts";
import { findCheckpoint } from "../run/training_checkpoint.ts";
import { locateFolders, train } from "../train.ts";
import { showDownloads } from "./downloads.ts";

const options: OptionTable = {
  ...trainOptions,
  preset: {
    kind: "choice",
    choices: presetNames,
    help: "published hyper-parameters",
    defaultText: "none",
  },
  config: {
    kind: "text",
    help: "JSON file with these options, in camel case",
    defaultText: "none",
  },
  resume: {
    kind: "text",
    help: "go on from a checkpoint, or the last one of a run",
    defaultText: "a new run",
  },
  verbose: { kind: "switch", help: "show stack traces" },
  help: { kind: "switch", help: "show this text" },
};

const usage = `Fine-tunes a Hugging Face checkpoint with LoRA and dropout.

  deno task train                                   short demonstration
  deno task train --task rte --data DIR --model DIR --method hiddenkey --out DIR`;

/** Options that are not part of a run's configuration. */
const outer = ["preset", "config", "resume", "verbose", "help"];

/** Runs the command and returns the exit code. */
export async function trainCommand(args: readonly string[]): Promise<number> {
  const { values, words } = parseFlags(options, args);
  if (words.length > 0) {
    throw new OptionError(`Cannot use the word ${words[0]}: flags are required`);
  }
  if (values["help"]) {
    console.log(helpText(usage, options));
    return 0;
  }
  if (Object.keys(values).every((name) => name === "verbose")) {
    await demonstrate(console.log);
    return 0;
  }
  const resume = values["resume"] as string | undefined;
  const hooks = {
    onMessage: (line: string) => console.log(line),
    onDownload: showDownloads().onDownload,
  };
  // Downloads come before the listener: an interrupt ends them at once.
  const { config } = await locateFolders(await resolve(values, resume), hooks);
  const controller = new AbortController();
  const stop = () => controller.abort();
  Deno.addSignalListener("SIGINT", stop);
  try {
    const progress = new Progress();
    const result = await train(config, {
      signal: controller.signal,
      ...(resume !== undefined && { resume }),
      ...hooks,
      onStep: (record, steps) => progress.show(record, steps),
      onEvaluation: ({ step, epoch, ...figures }) => {
        progress.clear();
        const list = Object.entries(figures).map(([name, x]) => `${name} ${x.toFixed(4)}`);
        console.log(`step ${step}  epoch ${epoch.toFixed(2)}  ${list.join("  ")}`);
      },
    });
    if (result.aborted) console.log(`stopped after step ${result.step} of ${result.steps}`);
    return result.aborted ? 130 : 0;
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
  }
}

/** Defaults < preset < resumed run < file < flags. */
async function resolve(
  flags: Record<string, unknown>,
  resume: string | undefined,
): Promise<TrainConfig> {
  const own = Object.fromEntries(Object.entries(flags).filter(([name]) => !outer.includes(name)));
  const path = flags["config"] as string | undefined;
  const file = path === undefined ? {} : parseObject(trainOptions, await readJson(path), path);
  let resumed = {};
  if (resume !== undefined) {
    const { run } = await findCheckpoint(resume);
    resumed = parseObject(trainOptions, (await readRun(run)).config, `${run}/run.json`);
  }
  const given = { ...resumed, ...file, ...own };
  const preset = flags["preset"] as typeof presetNames[number] | undefined;
  const { task } = checkConfig({ ...defaultsOf(trainOptions), ...given });
  const recipe = preset === undefined ? {} : presetFor(preset, task);
  return checkConfig({ ...defaultsOf(trainOptions), ...recipe, ...given });
}

/** A line that renews itself on a terminal; elsewhere every twentieth step gets its own. */
class Progress {
  readonly #terminal = Deno.stdout.isTerminal();
  readonly #started = performance.now();
  #first = -1;

  show({ step, epoch, loss, grad_norm, learning_rate }: StepRecord, steps: number): void {
    if (this.#first < 0) this.#first = step - 1;
    const rate = (step - this.#first) / ((performance.now() - this.#started) / 1000);
    const line = `step ${step}/${steps}  epoch ${epoch.toFixed(2)}  loss ${loss.toFixed(4)}  ` +
      `norm ${grad_norm.toFixed(3)}  lr ${learning_rate.toExponential(2)}  ` +
      `${rate.toFixed(2)} steps/s`;
    if (this.#terminal) Deno.stdout.writeSync(new TextEncoder().encode(`\r\x1b[K${line}`));
    else if (step === 1 || step % 20 === 0 || step === steps) console.log(line);
  }

  clear(): void {
    if (this.#terminal) Deno.stdout.writeSync(new TextEncoder().encode("\r\x1b[K"));
  }
}
