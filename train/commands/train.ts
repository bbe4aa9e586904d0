/**
 * `deno task train`: trains from flags, or shows the demonstration where there are none.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { resolveConfig, type TrainConfig } from "../config/config.ts";
import type { OptionsOf, OptionTable } from "../config/options.ts";
import { listText } from "../config/help.ts";
import { presetRows } from "../config/presets.ts";
import { configText } from "../config/print_config.ts";
import { schemaOf } from "../config/schema.ts";
import { trainOptions } from "../config/train_options.ts";
import { demonstrate } from "../demo/demo.ts";
import { dryRun } from "../dry_run.ts";
import { exists } from "../files/files.ts";
import { writeReport } from "../report/write_report.ts";
import type { Progress } from "../tasks/progress.ts";
import { locateFolders } from "../run/run_folders.ts";
import { train, type TrainHooks, type TrainResult } from "../train.ts";
import { type Command, command } from "./command.ts";
import { showDownloads } from "./downloads.ts";
import { dryRunText } from "./dry_run.ts";
import { Interrupt, terminated } from "./interrupt.ts";
import { joined } from "./joined.ts";
import { summaryOf } from "./summary.ts";
import { screenOf } from "./terminal.ts";
import { trainLayers } from "./train_layers.ts";
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
    help: "JSON, JSONC, YAML or TOML file with these options, in camel case",
    defaultText: "none",
  },
  printConfig: {
    group: "configuration",
    kind: "switch",
    help: "print all options as JSON, each with where its value comes from, and train nothing",
  },
  dryRun: {
    group: "configuration",
    kind: "switch",
    help: "show examples, lengths, memory and time of the run; train nothing, write nothing",
  },
  schema: {
    group: "configuration",
    kind: "switch",
    help: "print the JSON schema of configuration files, for editors",
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
  layers: trainLayers,
  answer: ({ schema }) =>
    schema ? JSON.stringify(schemaOf(trainOptions, "Options of train"), null, 2) : undefined,
  bare: () => demonstrate(console.log),
  run,
});

async function run(
  { resume, change, ...given }: OptionsOf<typeof options>,
  sources: Readonly<Record<string, string>>,
): Promise<number> {
  if (change && resume === undefined) {
    throw new OptionError("Cannot use --change as a run is required in --resume: found none");
  }
  if (given.printConfig) {
    console.log(configText(trainOptions, resolveConfig(given), sources));
    return 0;
  }
  const config = resolveConfig(given);
  const progress = new TrainProgress(screenOf(Deno.stdout), {
    metric: given.bestMetric,
    compensation: given.compensation,
  });
  using _line = { [Symbol.dispose]: () => progress.clear() };
  const { onDownload } = showDownloads();
  const hooks = {
    ...(resume !== undefined && { resume, change: change === true }),
    onMessage: (line: string) => progress.say(line),
    onDownload,
    onProgress: (work: Progress) => progress.work(work),
  };
  if (given.dryRun) {
    const found = await dryRun(config, hooks);
    progress.clear();
    console.log(dryRunText(found));
    return 0;
  }
  return await joined("train", config, hooks.onMessage, async (group) => {
    // Process 0 speaks for all.
    if (group.rank === 0) return await trainShown(config, { ...hooks, group }, progress);
    const { onMessage: _, onDownload: __, onProgress: ___, ...silent } = hooks;
    return await trainInterruptibly(
      config,
      { ...silent, group },
      ({ code }) => Promise.resolve(code),
    );
  });
}

/** A run that has ended: its result, its settings with the commits of its folders, its exit code. */
interface Ended {
  readonly result: TrainResult;
  readonly config: TrainConfig;
  readonly code: number;
}

/** Trains until the end or a signal. */
async function trainInterruptibly(
  given: TrainConfig,
  hooks: TrainHooks,
  behind: (ended: Ended) => Promise<number>,
): Promise<number> {
  // Downloads come before the listener: an interrupt ends them at once.
  const { config } = await locateFolders(given, hooks);
  // Without a folder there is nothing to save: a signal ends the process at once.
  using interrupt = config.out === undefined ? undefined : new Interrupt();
  const signalled = interrupt === undefined ? {} : { signal: interrupt.signal };
  const result = await train(config, { ...signalled, ...hooks });
  // Another process of the run may have had the signal.
  const code = result.aborted ? interrupt?.code || terminated : 0;
  return await behind({ result, config, code });
}

/** Trains, shows how that goes, and writes the report. */
async function trainShown(
  given: TrainConfig,
  hooks: TrainHooks,
  progress: TrainProgress,
): Promise<number> {
  const started = performance.now();
  let isOver = true;
  const shown: TrainHooks = {
    ...hooks,
    onStep: (record, steps) => progress.step(record, steps),
    onEvaluation(record, isBest) {
      isOver = false;
      progress.evaluation(record, isBest);
    },
  };
  return await trainInterruptibly(given, shown, async ({ result, config, code }) => {
    // A run that was over before has said so.
    if (isOver && !result.aborted) {
      if (await lacksReport(config.out)) progress.say(await reportOf(config.out!));
      return 0;
    }
    const seconds = (performance.now() - started) / 1000;
    for (const line of summaryOf(result, config, seconds)) progress.say(line);
    if (config.out !== undefined && !result.aborted) progress.say(await reportOf(config.out));
    return code;
  });
}

/** Writes report.html, and says so. The run is saved already: a report that fails must not fail it. */
async function reportOf(out: string): Promise<string> {
  try {
    return `report: ${await writeReport([out])}`;
  } catch (error) {
    return `report: ${error instanceof Error ? error.message : error}`;
  }
}

/** Whether a run that is over lies in a folder without its report: its process was killed before. */
async function lacksReport(out: string | undefined): Promise<boolean> {
  return out !== undefined && await exists(`${out}/run.json`) &&
    !await exists(`${out}/report.html`);
}
