/**
 * `deno task sweep plan`: writes what is to be run.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { GivenConfig } from "../config/config.ts";
import { listText } from "../config/help.ts";
import type { OptionsOf, OptionTable } from "../config/options.ts";
import { pickOptions } from "../config/parse.ts";
import { decimalOf } from "../data/text.ts";
import { type TaskName, tasks, trainOptions } from "../config/train_options.ts";
import { exists } from "../files/files.ts";
import type { StageBudget } from "../sweep/budget.ts";
import { sweepMethod, sweepMethods } from "../sweep/methods.ts";
import { openSweep } from "../sweep/open_sweep.ts";
import { readPlanFile } from "../sweep/plan_file.ts";
import { writePlan } from "../sweep/plan_folder.ts";
import { type SweepRequest, tuneParts, usuallyTuned } from "../sweep/request.ts";
import { sweepPreset, sweepPresetRows } from "../sweep/sweep_presets.ts";
import { changeable, type Command, command } from "./command.ts";
import { showDownloads } from "./downloads.ts";
import { shellWord } from "./summary.ts";

const { task: _task, method: _method, seed: _seed, model, data: _data, out: _out, ...common } =
  trainOptions;

/** Settings of all runs. */
const settings = changeable(common, "the preset's");

const options = {
  plan: {
    group: "sweep",
    kind: "text",
    help: "preset of the list above, or a file with what is to be run; also as a word",
    positional: true,
    required: true,
  },
  out: { group: "sweep", kind: "text", help: "folder of the sweep", required: true },
  model: { group: "sweep", kind: "text", help: model.help, defaultText: "the file's" },
  data: {
    group: "sweep",
    kind: "text",
    help: "folder with a folder for each task, as data writes them: RTE, MRPC, …, e2e, webnlg",
    defaultText: "the file's",
  },
  seeds: {
    group: "sweep",
    kind: "integer",
    min: 1,
    help: "seeds that are reported, from 1 on",
    defaultText: "10",
  },
  tasks: { group: "sweep", kind: "list", help: "what is trained", defaultText: "the preset's" },
  methods: { group: "sweep", kind: "list", help: "how", defaultText: "the preset's" },
  baseline: {
    group: "sweep",
    kind: "text",
    help: "method that the others are compared with",
    defaultText: "the first",
  },
  vary: {
    group: "sweep",
    kind: "texts",
    help: "NAME=A,B,…: an option that arms differ in, once for each",
  },
  tune: {
    group: "sweep",
    kind: "list",
    help: `options that each arm is tuned in: ${usuallyTuned.join(", ")}, or others with --grid`,
    defaultText: "none",
  },
  grid: {
    group: "sweep",
    kind: "texts",
    help: "NAME=A,B,…: values that are tried of an option, once for each",
  },
  tuneOn: {
    group: "sweep",
    kind: "choice",
    choices: tuneParts,
    help: "tune on a tenth of the training data, or on half of dev, with the other half reported",
    defaultText: "held-back",
  },
  tuneSeeds: {
    group: "sweep",
    kind: "integer",
    min: 1,
    help: "seeds of each point that is tried, which are not reported",
    defaultText: "2",
  },
  preset: {
    group: "sweep",
    kind: "list",
    help: "presets of train that runs begin with, or none",
    defaultText: "paper",
  },
  ...settings,
} as const satisfies OptionTable;

/** Writes a plan. */
export const sweepPlanCommand: Command = command({
  summary: "Write which runs are to be made, one a line, and say what they cost",
  usage: `  deno task sweep plan table1 --model DIR --data glue --tune lr,rate,kl --out FOLDER
  deno task sweep plan FILE.toml --model DIR --data glue --out FOLDER

Presets:
${listText(sweepPresetRows)}

Methods: ${[...sweepMethods.keys()].join(", ").replace(/(.{1,85}) /g, "$1\n  ").trimEnd()}

All options below the sweep's own hold for every run.`,
  verb: "plan",
  options,
  run,
});

async function run(given: OptionsOf<typeof options>): Promise<void> {
  const { plan: name, out } = given;
  const request = requested(await namedBy(name), given, pickOptions(settings, { ...given }));
  const { plan, budget } = await openSweep(request, showDownloads());
  const isNew = await writePlan(out, plan);
  console.log(isNew ? `wrote ${out}/plan.jsonl` : `${out} holds this plan already`);
  for (const line of budgetLines(budget)) console.log(line);
  console.log(`next: deno task sweep run ${shellWord(out)}`);
}

/** What a preset or file asks for. */
async function namedBy(name: string): Promise<SweepRequest> {
  const preset = sweepPreset(name);
  if (preset !== undefined) return preset;
  if (/\.[a-z]+$/i.test(name) || await exists(name)) return await readPlanFile(name);
  const known = sweepPresetRows.map(([row]) => row).join(", ");
  throw new OptionError(
    `Cannot plan ${name} as one of ${known}, or a file that ends in .json, .jsonc, .yaml, .yml or ` +
      ".toml, is required",
  );
}

/** What is asked for, changed by flags. */
function requested(
  base: SweepRequest,
  flags: OptionsOf<typeof options>,
  own: GivenConfig,
): SweepRequest {
  const { seeds, baseline, tune, tuneOn, tuneSeeds, model, data } = flags;
  const given = { seeds, tune, tuneOn, tuneSeeds, model, data };
  const methods = flags.methods?.map(sweepMethod) ?? base.methods;
  const usual = methods.some(({ name }) => name === base.baseline) ? base.baseline : undefined;
  return {
    ...base,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    methods,
    baseline: baseline === undefined ? usual : nameOfMethod(baseline, methods),
    tasks: flags.tasks === undefined ? base.tasks : chosenTasks(flags.tasks, base),
    vary: { ...base.vary, ...listsOf("vary", flags.vary, textOrNumber) },
    grids: { ...base.grids, ...listsOf("grid", flags.grid, numberOf) },
    presets: flags.preset?.join() === "none" ? [] : flags.preset ?? base.presets,
    settings: { ...base.settings, ...own },
  };
}

function nameOfMethod(word: string, methods: SweepRequest["methods"]): string {
  return methods.find(({ name }) => name === word)?.name ?? sweepMethod(word).name;
}

function chosenTasks(words: readonly string[], base: SweepRequest): SweepRequest["tasks"] {
  return words.map((word) => {
    const task: TaskName | undefined = tasks.find((one) => one === word);
    if (task !== undefined) {
      return base.tasks.find((one) => one.task === task) ?? { task, settings: {} };
    }
    throw new OptionError(
      `Cannot use --tasks as some of ${tasks.join(", ")} are required: found ${word}`,
    );
  });
}

/** `NAME=A,B` as lists by name. */
function listsOf<T>(
  flag: string,
  texts: readonly string[] | undefined = [],
  read: (word: string) => T | undefined,
): Record<string, readonly T[]> {
  return Object.fromEntries(texts.map((text) => {
    const [, name, list] = /^([a-zA-Z0-9]+)=(.+)$/s.exec(text) ?? [];
    const values = list?.split(",").map((word) => read(word.trim())) ?? [];
    const known = values.filter((value) => value !== undefined);
    if (name !== undefined && known.length > 0 && known.length === values.length) {
      return [name, known];
    }
    throw new OptionError(
      `Cannot use --${flag} as NAME=A,B,… is required${
        flag === "grid" ? " with numbers" : ""
      }: found ${JSON.stringify(text)}`,
    );
  }));
}

function numberOf(word: string): number | undefined {
  const value = decimalOf(word);
  return Number.isFinite(value) ? value : undefined;
}

function textOrNumber(word: string): number | string | undefined {
  return numberOf(word) ?? (word === "" ? undefined : word);
}

/** What a plan costs, in lines. */
function budgetLines(budget: readonly StageBudget[]): string[] {
  const words = { tune: "to choose settings", report: "to report" };
  const all = budget.reduce((sum, { runs }) => sum + runs, 0);
  const steps = budget.reduce((sum, { steps }) => sum + steps, 0);
  return [
    `${all} runs with ${steps} steps; none of them is made yet`,
    ...budget.map(({ stage, runs, steps, lines: [first, last] }) =>
      `  ${runs} runs ${words[stage]}, ${steps} steps: lines ${first} to ${last} of the plan`
    ),
  ];
}
