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
import { resolveModel } from "../hub/resolve_model.ts";
import { readConfig } from "../run/load_model.ts";
import { savedOptions } from "../run/open_run.ts";
import { findResumed } from "../run/resume.ts";
import { locateFolders, train } from "../train.ts";
import { type Command, command } from "./command.ts";
import { showDownloads } from "./downloads.ts";
import { summaryOf } from "./summary.ts";
import { screenOf } from "./terminal.ts";
import { TrainProgress } from "./train_progress.ts";

const options = {
  ...trainOptions,
  resume: {
    group: "output",
    kind: "text",
    help: "go on from a checkpoint, or the last one of a run",
    defaultText: "a new run",
  },
  change: {
    group: "output",
    kind: "switch",
    help: "let a run that is resumed go on with other settings, which run.json then says",
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
  const resumed = resume === undefined ? {} : await resumedOptions(resume);
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

/** Options of a run as they were where it is resumed. */
async function resumedOptions(resume: string): Promise<GivenConfig> {
  const { run, saved, step } = await findResumed(resume);
  return savedOptions(run, saved, step);
}

async function run({ resume, change, ...given }: OptionsOf<typeof options>): Promise<number> {
  const screen = screenOf(Deno.stdout);
  const started = screen.now();
  const { bestMetric: metric, compensation } = given;
  const progress = new TrainProgress(screen, { metric, compensation });
  const { onDownload } = showDownloads();
  const hooks = { onMessage: (line: string) => progress.say(line), onDownload };
  // Downloads come before the listener: an interrupt ends them at once.
  const { config } = await locateFolders(resolveConfig(given), hooks);
  // Without a folder there is nothing to save: a signal ends the process at once.
  using interrupt = config.out === undefined ? undefined : new Interrupt();
  using _line = { [Symbol.dispose]: () => progress.clear() };
  let isOver = true;
  const result = await train(config, {
    ...(interrupt && { signal: interrupt.signal }),
    ...(resume !== undefined && { resume, change: change === true }),
    ...hooks,
    onProgress: (work) => progress.work(work),
    onStep: (record, steps) => progress.step(record, steps),
    onEvaluation(record, isBest) {
      isOver = false;
      progress.evaluation(record, isBest);
    },
  });
  // A run that was over before has said so.
  if (isOver && !result.aborted) return 0;
  const seconds = (screen.now() - started) / 1000;
  for (const line of summaryOf(result, config, seconds)) progress.say(line);
  return result.aborted ? interrupt!.code : 0;
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
