/**
 * `noise`: measures what dropout does to the gradient of the attention logits, and judges the
 * paper's claims by it.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { deviceChoice, deviceOptions, openDevice } from "../device/backend.ts";
import { type TaskName, tasks } from "../config/config.ts";
import { requireEmptyDirectory, writeFileAtomic } from "../files/files.ts";
import { defaultsOf, helpText, type OptionTable, parseFlags } from "../config/options.ts";
import { chart } from "../noise/chart.ts";
import { judge } from "../noise/claims.ts";
import { study } from "../noise/study.ts";
import { openSubject, type SubjectOptions } from "../noise/subject.ts";
import { noiseTable } from "../noise/table.ts";

const options: OptionTable = {
  model: { kind: "text", help: "folder of the base model", defaultText: "the demonstration's" },
  data: {
    kind: "text",
    help: "folder with the task's published files",
    defaultText: "grammar task",
  },
  task: { kind: "choice", choices: tasks, help: "task of the data", defaultText: "grammar task" },
  batch: { kind: "integer", help: "examples in the batch", min: 1, default: 16 },
  maxLength: {
    kind: "integer",
    help: "most tokens in a sequence",
    min: 4,
    defaultText: "128, e2e and webnlg 512; at most the model's",
  },
  masks: { kind: "integer", help: "masks for each method and rate", min: 4, default: 32 },
  rates: {
    kind: "list",
    help: "dropout rates, at least two, ascending",
    default: ["0.01", "0.02", "0.05", "0.1", "0.2", "0.3", "0.5"],
  },
  seed: { kind: "integer", help: "seed of batch, head and masks", min: 0, default: 1 },
  ...deviceOptions,
  out: {
    kind: "text",
    help: "new folder for noise.json and noise.svg",
    defaultText: "nothing is saved",
  },
  json: { kind: "switch", help: "print noise.json instead of the table", default: false },
  verbose: { kind: "switch", help: "show stack traces" },
  help: { kind: "switch", help: "show this text" },
};

const usage = `Measures the gradient of the attention logits under dropout masks.

  deno task noise                                   the demonstration's model and data
  deno task noise --model DIR --task rte --data DIR --batch 4 --masks 16 --out DIR

share: of the squared gradient, on dropped logits. noise: variance over masks / squared mean.
signal/noise: norm of the mean / standard deviation. cosine: with the gradient without dropout.`;

/**
 * Runs the command and returns the exit code.
 *
 * @throws {OptionError} If a flag is unknown or its value does not fit
 * @throws {FileError} If a file is missing or malformed, or `--out` is a folder that holds something
 */
export async function noiseCommand(args: readonly string[]): Promise<number> {
  const { values: given, words } = parseFlags(options, args);
  if (words.length > 0) {
    throw new OptionError(`Cannot use the word ${words[0]}: flags are required`);
  }
  if (given["help"]) {
    console.log(helpText(usage, options));
    return 0;
  }
  const values = { ...defaultsOf(options), ...given };
  const rates = ratesOf(values["rates"] as string[]);
  const settings = subjectOf(values);
  const masks = Number(values["masks"]);
  const out = values["out"] as string | undefined;
  if (out !== undefined) await requireEmptyDirectory(out);

  const { device, reason } = await openDevice(deviceChoice(values, "f32"));
  await using _device = device;
  using _scope = device.scope("noise");
  const subject = await openSubject(device, settings);
  const rows = await study(device, subject, { rates, masks, seed: settings.seed });
  const claims = judge(rows);
  const record = {
    subject: subject.name,
    backend: reason,
    batch: settings.batch,
    tokens: subject.batch.width,
    masks,
    rates,
    seed: settings.seed,
    claims,
    rows,
  };
  const json = `${JSON.stringify(record, null, 2)}\n`;
  if (out !== undefined) {
    await writeFileAtomic(`${out}/noise.json`, json);
    await writeFileAtomic(`${out}/noise.svg`, chart(rows, describe(subject.name, settings.batch)));
  }
  if (values["json"] === true) {
    console.log(json.trimEnd());
    return 0;
  }
  console.log(
    `${describe(subject.name, settings.batch)}; means over ${subject.config.layers} layers and ` +
      `${masks} masks ± half an interval of 95 %\n`,
  );
  console.log(`${noiseTable(rows)}\n`);
  for (const { sentence } of claims) console.log(sentence);
  if (out !== undefined) console.log(`\nsaved ${out}/noise.json and ${out}/noise.svg`);
  return 0;
}

function describe(name: string, batch: number): string {
  const count = batch === 1 ? "1 example" : `${batch} examples`;
  return `${name[0]!.toUpperCase()}${name.slice(1)}, ${count}`;
}

function ratesOf(words: readonly string[]): number[] {
  const rates = words.map(Number);
  const fits = rates.length > 1 &&
    rates.every((rate, i) => rate > (rates[i - 1] ?? 0) && rate < 1);
  if (fits) return rates;
  throw new OptionError(
    `Cannot use --rates as at least two ascending numbers in (0, 1) are required: found ${
      words.join(",") || "none"
    }`,
  );
}

function subjectOf(values: Readonly<Record<string, unknown>>): SubjectOptions {
  const [model, data, task] = ["model", "data", "task"].map((name) =>
    values[name] as string | undefined
  );
  const maxLength = values["maxLength"] as number | undefined;
  const common = {
    batch: Number(values["batch"]),
    seed: Number(values["seed"]),
    ...(maxLength === undefined ? {} : { maxLength }),
  };
  if (model === undefined && data === undefined && task === undefined) return common;
  if (model === undefined || data === undefined || task === undefined) {
    throw new OptionError("Cannot measure on own data without --model, --data and --task together");
  }
  return { ...common, source: { model, data, task: task as TaskName } };
}
