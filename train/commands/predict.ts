/**
 * `deno task predict`: labels or continues new text with a saved run.
 *
 * @module
 */

import type { Device } from "../../core/storage.ts";
import type { LanguageModel } from "../../nn/models/decoder.ts";
import type { Classifier } from "../../nn/models/load.ts";
import { openDevice } from "../device/backend.ts";
import { beamOptions } from "../config/beam_options.ts";
import type { TrainConfig } from "../config/config.ts";
import { deviceOptions } from "../config/device_options.ts";
import { pickOptions } from "../config/parse.ts";
import { trainOptions } from "../config/train_options.ts";
import { parseE2e } from "../data/e2e.ts";
import { groupByContext } from "../data/text_example.ts";
import { parseWebnlg } from "../data/webnlg.ts";
import { readText, writeFileAtomic } from "../files/files.ts";
import { openRun, runConfig } from "../run/open_run.ts";
import { classifyAll, encodeExamples, prediction } from "../tasks/classification.ts";
import { continueAll, specialTokens } from "../tasks/generation.ts";
import { generates } from "../tasks/kind.ts";
import { readUnlabelled } from "../tasks/labelled.ts";
import { longest } from "../tasks/open.ts";
import { changeable, type Command, command } from "./command.ts";
import { showDownloads } from "./downloads.ts";

const { model, newTokens } = trainOptions;

/** Options that may differ from the run's. */
const changes = changeable({ model, ...deviceOptions, newTokens, ...beamOptions });

/** Labels or continues new text. */
export const predictCommand: Command = command({
  summary: "Label or continue new text with a saved run",
  usage: `  deno task predict --run DIR --input FILE

FILE is a table of texts; for GLUE also a TSV as the task's test.tsv, for e2e a CSV with the column
MR, for webnlg the XML or JSON of the challenge.`,
  verb: "predict",
  options: {
    run: {
      kind: "text",
      help: "folder of the run; also as a word",
      positional: true,
      required: true,
    },
    input: { kind: "text", help: "file of the texts", required: true },
    out: { kind: "text", help: "file for the predictions", defaultText: "standard output" },
    batch: { kind: "integer", help: "texts that are read at once", min: 1, default: 32 },
    ...changes,
  },
  async run({ run, input, out, batch, ...options }) {
    const config = await runConfig(run, pickOptions(changes, options));
    const { device } = await openDevice(config);
    await using _device = device;
    using _scope = device.scope("predict");
    const predict = generates(config.task) ? continuations : labels;
    const lines = await predict({ run, config, device, input, batch });
    const content = lines.map((line) => `${line}\n`).join("");
    if (out === undefined) await Deno.stdout.write(new TextEncoder().encode(content));
    else await writeFileAtomic(out, content);
  },
});

/** Which texts are read, by which run. */
interface Reading {
  readonly run: string;
  readonly config: TrainConfig;
  readonly device: Device;
  readonly input: string;
  readonly batch: number;
}

/** A line for each distinct input. */
async function continuations({ run, config, device, input, batch }: Reading): Promise<string[]> {
  const parse = config.task === "e2e" ? parseE2e : parseWebnlg;
  const groups = groupByContext(parse(await readText(input), input));
  const { model, architecture, tokenizer } = await openRun(run, config, device, showDownloads());
  const texts = await continueAll(model as LanguageModel, device, groups.map((g) => g.context), {
    tokenizer,
    frame: specialTokens(architecture, tokenizer),
    config: architecture,
    newTokens: config.newTokens,
    search: config,
    batch,
  });
  return texts.map((text) => text.replace(/\s*[\r\n]+\s*/g, " "));
}

/** A head, and a line for each example: its index and its label or score. */
async function labels({ run, config, device, input, batch }: Reading): Promise<string[]> {
  const examples = await readUnlabelled(config, input);
  const opened = await openRun(run, config, device, showDownloads());
  const { model, architecture, tokenizer, classes } = opened;
  const encoded = encodeExamples(examples, tokenizer, longest(config, architecture));
  const padId = tokenizer.padId ?? tokenizer.eosId ?? 0;
  const logits = await classifyAll(model as Classifier, device, encoded, padId, batch);
  return [
    "index\tprediction",
    ...logits.map((row, i) => {
      const value = prediction(row, classes.length === 0);
      return `${examples[i]!.index}\t${classes[value] ?? value.toFixed(3)}`;
    }),
  ];
}
