/**
 * `noise`: measures what dropout does to the gradient of the attention logits, and judges the
 * paper's claims by it.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { openDevice } from "../device/backend.ts";
import { deviceOptions } from "../config/device_options.ts";
import type { OptionsOf, OptionTable } from "../config/options.ts";
import { tasks } from "../config/train_options.ts";
import { requireEmptyDirectory, writeFileAtomic } from "../files/files.ts";
import { chart } from "../noise/chart.ts";
import { coverageTable, measureCoverage } from "../noise/coverage.ts";
import { judge } from "../noise/claims.ts";
import { measureRatios } from "../noise/attention_rows.ts";
import { judgeRatios } from "../noise/ratio_claims.ts";
import { estimatesOf } from "../noise/figures.ts";
import { maskKey, study } from "../noise/study.ts";
import { openSubject, type SubjectOptions } from "../noise/open_subject.ts";
import { noiseTable } from "../noise/table.ts";
import { type Command, command } from "./command.ts";

const options = {
  model: {
    group: "subject",
    kind: "text",
    help: "folder of the base model",
    defaultText: "the demonstration's",
  },
  data: {
    group: "subject",
    kind: "text",
    help: "folder with the task's published files",
    defaultText: "grammar task",
  },
  task: {
    group: "subject",
    kind: "choice",
    choices: tasks,
    help: "task of the data",
    defaultText: "grammar task",
  },
  batch: {
    group: "subject",
    kind: "integer",
    help: "examples in the batch",
    min: 1,
    default: 8,
  },
  maxLength: {
    group: "subject",
    kind: "integer",
    help: "most tokens in a sequence",
    min: 4,
    defaultText: "128, e2e and webnlg 512; at most the model's",
  },
  masks: {
    group: "dropout",
    kind: "integer",
    help: "masks for each method at p >= 0.1, more below, at least 4",
    min: 4,
    default: 192,
  },
  rates: {
    group: "dropout",
    kind: "list",
    help: "dropout rates, at least two, ascending",
    default: ["0.01", "0.02", "0.05", "0.1", "0.2", "0.3", "0.5"],
  },
  seed: {
    group: "dropout",
    kind: "integer",
    help: "seed of batch, head and masks",
    min: 0,
    default: 1,
  },
  ...deviceOptions,
  coverage: {
    group: "dropout",
    kind: "integer",
    help: "try the intervals at the first rate on so many masks instead",
    min: 100,
    defaultText: "the study",
  },
  out: {
    group: "output",
    kind: "text",
    help: "new folder for noise.json and noise.svg",
    defaultText: "nothing is saved",
  },
  json: { group: "output", kind: "switch", help: "print noise.json instead of the table" },
} as const satisfies OptionTable;

/** Measures gradients under dropout. */
export const noiseCommand: Command = command({
  summary: "Measure what dropout does to the gradient of attention logits",
  usage: `  deno task noise                                   the demonstration's model and data
  deno task noise --model DIR --task rte --data DIR --batch 4 --masks 16 --out DIR

share: of the squared gradient, on dropped logits. |dL/dg_m|: mean of the absolute gradient on
dropped logits, over that without dropout. variance, bias², mean²: over masks, summed over logits,
over the squared norm of the gradient without dropout. cosine: with that gradient.`,
  verb: "measure",
  options,
  run: measure,
});

async function measure(given: OptionsOf<typeof options>): Promise<void> {
  const { masks, out } = given;
  const rates = ratesOf(given.rates);
  const settings = subjectOf(given);
  if (out !== undefined) await requireEmptyDirectory(out);

  const { device, reason } = await openDevice({ ...given, dtype: "f32" });
  await using _device = device;
  using _scope = device.scope("noise");
  const subject = await openSubject(device, settings);
  const request = { rates, masks, seed: settings.seed };
  if (given.coverage !== undefined) {
    const population = { population: given.coverage, studies: 400 };
    const rows = await measureCoverage(device, subject, { ...request, ...population });
    console.log(given.json ? JSON.stringify(rows, null, 2) : coverageTable(rows));
    return;
  }
  const rows = await study(device, subject, request);
  const ratios = await measureRatios(device, subject, maskKey(settings.seed, 0));
  const claims = [...judge(rows), ...judgeRatios(ratios)];
  const title = describe(subject.name, settings.batch);
  const record = {
    subject: subject.name,
    backend: reason,
    batch: settings.batch,
    tokens: Math.max(...subject.examples.map(({ ids }) => ids.length)),
    ...request,
    claims,
    rows: rows.map((row) => ({
      ...row,
      mean: estimatesOf(row.mean),
      layers: row.layers.map(estimatesOf),
    })),
    ratios,
  };
  const json = `${JSON.stringify(record, null, 2)}\n`;
  if (out !== undefined) {
    await writeFileAtomic(`${out}/noise.json`, json);
    await writeFileAtomic(`${out}/noise.svg`, chart(rows, title));
  }
  if (given.json) {
    console.log(json.trimEnd());
    return;
  }
  console.log(`${title}; means over ${subject.config.layers} layers (intervals of 95 %)\n`);
  console.log(`${noiseTable(rows)}\n`);
  for (const { sentence } of claims) console.log(sentence);
  if (out !== undefined) console.log(`\nsaved ${out}/noise.json and ${out}/noise.svg`);
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

function subjectOf(given: OptionsOf<typeof options>): SubjectOptions {
  const { model, data, task, batch, seed, maxLength } = given;
  const common = { batch, seed, ...(maxLength === undefined ? {} : { maxLength }) };
  if (model === undefined && data === undefined && task === undefined) return common;
  if (model === undefined || data === undefined || task === undefined) {
    throw new OptionError("Cannot measure on own data without --model, --data and --task together");
  }
  return { ...common, source: { model, data, task } };
}
