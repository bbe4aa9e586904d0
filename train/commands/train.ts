/**
 * `deno task train`: trains from flags, or shows the demonstration where there are none.
 *
 * @module
 */

import { resolveConfig } from "../config/config.ts";
import type { OptionsOf, OptionTable } from "../config/options.ts";
import { listText } from "../config/help.ts";
import { presetRows } from "../config/presets.ts";
import { configText } from "../config/print_config.ts";
import { schemaOf } from "../config/schema.ts";
import { trainOptions } from "../config/train_options.ts";
import { demonstrate } from "../demo/demo.ts";
import { dryRun } from "../dry_run.ts";
import type { StepRecord } from "../fit.ts";
import { locateFolders, train } from "../train.ts";
import { type Command, command } from "./command.ts";
import { showDownloads } from "./downloads.ts";
import { dryRunText, machineMemory } from "./dry_run.ts";
import { trainLayers } from "./train_layers.ts";

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
  { resume, ...given }: OptionsOf<typeof options>,
  sources: Readonly<Record<string, string>>,
): Promise<number> {
  if (given.printConfig) {
    console.log(configText(trainOptions, resolveConfig(given), sources));
    return 0;
  }
  const hooks = {
    onMessage: (line: string) => console.log(line),
    onDownload: showDownloads().onDownload,
  };
  if (given.dryRun) {
    const found = await dryRun(resolveConfig(given), {
      ...(resume !== undefined && { resume }),
      ...hooks,
    });
    console.log(dryRunText(found, await machineMemory()));
    return 0;
  }
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
  if (!result.aborted) return 0;
  console.log(`stopped after step ${result.step} of ${result.steps}`);
  return interrupt!.code;
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
