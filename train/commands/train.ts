/**
 * `deno task train`: trains from flags, or shows the demonstration where there are none.
 *
 * @module
 */

import { type GivenConfig, resolveConfig } from "../config/config.ts";
import type { Given, OptionsOf, OptionTable } from "../config/options.ts";
import { parseObject, resolveOptions } from "../config/parse.ts";
import { listText } from "../config/help.ts";
import { dependsOnModel, mergePresets, presetRows, requirePresets } from "../config/presets.ts";
import { trainOptions } from "../config/train_options.ts";
import { demonstrate } from "../demo/demo.ts";
import { readJson } from "../files/files.ts";
import type { StepRecord } from "../fit.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { writeReport } from "../report/write_report.ts";
import { readConfig } from "../run/load_model.ts";
import { savedOptions } from "../run/open_run.ts";
import { findCheckpoint } from "../run/training_checkpoint.ts";
import { locateFolders, train } from "../train.ts";
import { type Command, command } from "./command.ts";
import { showDownloads } from "./downloads.ts";

const options = {
  ...trainOptions,
  resume: {
    group: "output",
    kind: "text",
    help: "go on from a checkpoint, or the last one of a run",
    defaultText: "a new run",
  },
  preset: {
    group: "configuration",
    kind: "list",
    help: "published settings, by names of the list above, the later the stronger",
    defaultText: "none",
  },
  config: {
    group: "configuration",
    kind: "text",
    help: "JSON file with these options, in camel case",
    defaultText: "none",
  },
} as const satisfies OptionTable;

/** Trains a model, or shows the demonstration where no option is given. */
export const trainCommand: Command = command({
  summary: "Fine-tune a model with LoRA and dropout (without options: a short demonstration)",
  usage: `  deno task train                                   short demonstration
  deno task train --task rte --data DIR --model DIR --method hiddenkey --out DIR

Presets:
${listText(presetRows)}`,
  verb: "train",
  options,
  layers,
  bare: () => demonstrate(console.log),
  run,
});

/** What stands between defaults and flags: preset < resumed run < file. */
async function layers(given: Given<typeof options>): Promise<GivenConfig[]> {
  const { config: path, resume, preset: presets = [] } = given;
  requirePresets(presets);
  const file = path === undefined ? {} : parseObject(trainOptions, await readJson(path), path);
  const resumed = resume === undefined
    ? {}
    : await savedOptions((await findCheckpoint(resume)).run);
  const { task, model } = { ...resumed, ...file, ...given };
  if (task === undefined) return [resumed, file];
  const usual = [mergePresets(presets, task), resumed, file];
  if (model === undefined || !presets.some(dependsOnModel)) return usual;
  // What is missing is said before anything is downloaded.
  resolveOptions(options, "train", ...usual, given);
  const { directory } = await resolveModel(model, "model", showDownloads());
  const { architecture } = await readConfig(directory);
  return [mergePresets(presets, task, architecture), resumed, file];
}

async function run({ resume, ...given }: OptionsOf<typeof options>): Promise<number> {
  const hooks = {
    onMessage: (line: string) => console.log(line),
    onDownload: showDownloads().onDownload,
  };
  // Downloads come before the listener: an interrupt ends them at once.
  const { config } = await locateFolders(resolveConfig(given), hooks);
  // Without a folder there is nothing to save: a signal ends the process at once.
  using interrupt = config.out === undefined ? undefined : new Interrupt();
  const progress = new Progress();
  const result = await train(config, {
    ...(interrupt && { signal: interrupt.signal }),
    ...(resume !== undefined && { resume }),
    ...hooks,
    onStep: (record, steps) => progress.show(record, steps),
    onEvaluation: ({ step, epoch, ...figures }) => {
      progress.clear();
      const list = Object.entries(figures).map(([name, x]) => `${name} ${x.toFixed(4)}`);
      console.log(`step ${step}  epoch ${epoch.toFixed(2)}  ${list.join("  ")}`);
    },
  });
  if (!result.aborted) {
    if (config.out !== undefined) await showRun(config.out);
    return 0;
  }
  console.log(`stopped after step ${result.step} of ${result.steps}`);
  return interrupt!.code;
}

/** Writes report.html. The run is saved already, so that a report that fails must not fail it. */
async function showRun(out: string): Promise<void> {
  try {
    console.log(`report: ${await writeReport([out])}`);
  } catch (error) {
    console.log(`report: ${error instanceof Error ? error.message : error}`);
  }
}

/** Signals that ask a process to end, with the exit code of one that did; Windows has the first. */
const endings: readonly (readonly [Deno.Signal, number])[] = Deno.build.os === "windows"
  ? [["SIGINT", 130]]
  : [["SIGINT", 130], ["SIGHUP", 129], ["SIGTERM", 143]];

/** The first signal that asks the process to end asks training to; a second one ends it at once. */
class Interrupt {
  /** Exit code of a process that ended by the signal. */
  code = 0;
  readonly #controller = new AbortController();
  readonly #listeners = endings.map(([name, code]) => ({ name, stop: () => this.#stop(code) }));

  constructor() {
    for (const { name, stop } of this.#listeners) Deno.addSignalListener(name, stop);
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #stop(code: number): void {
    this.code = code;
    this[Symbol.dispose]();
    this.#controller.abort();
  }

  [Symbol.dispose](): void {
    for (const { name, stop } of this.#listeners) Deno.removeSignalListener(name, stop);
  }
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
