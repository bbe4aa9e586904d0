/**
 * `deno task predict`: labels or continues new text with a saved run.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { OptionError } from "../../core/errors.ts";
import { beamOptions } from "../config/beam_options.ts";
import type { TrainConfig } from "../config/config.ts";
import { deviceOptions } from "../config/device_options.ts";
import { samplesOption } from "../config/method_options.ts";
import { pickOptions } from "../config/parse.ts";
import { trainOptions } from "../config/train_options.ts";
import { groupByContext, type TextTask } from "../data/text_example.ts";
import { generates, textTasks } from "../data/text_tasks.ts";
import { openDevice } from "../device/backend.ts";
import { readText, writeFileAtomic } from "../files/files.ts";
import { classDistribution, scoreDistribution } from "../metrics/predictive.ts";
import { openRun, runConfig } from "../run/open_run.ts";
import { checkPadding } from "../tasks/check_ids.ts";
import { batchLengths, classifyAll, encodeExamples } from "../tasks/classification.ts";
import { continueAll } from "../tasks/generation.ts";
import { readUnlabelled } from "../tasks/labelled.ts";
import { maxSequenceLength } from "../tasks/open.ts";
import { samplingOf } from "../tasks/sampling.ts";
import { paddingOf, specialTokens } from "../tasks/special_tokens.ts";
import { changeable, type Command, command } from "./command.ts";
import { showDownloads } from "./downloads.ts";

const { model, newTokens } = trainOptions;

/** Options that may differ from the run's. */
const changes = changeable({ model, ...deviceOptions, newTokens, ...beamOptions });

/** Labels or continues new text. */
export const predictCommand: Command = command({
  summary: "Label or continue new text with a saved run",
  usage: `  deno task predict --run DIR --input FILE

FILE is a table of texts. It may also be, by task:
  GLUE: a TSV as the task's test.tsv
${Object.entries(textTasks).map(([name, { inputHelp }]) => `  ${name}: ${inputHelp}`).join("\n")}`,
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
    ...samplesOption,
    ...changes,
  },
  async run({ run, input, out, batch, samples, ...options }) {
    const config = await runConfig(run, pickOptions(changes, options));
    const { task } = config;
    if (samples !== undefined && generates(task)) {
      throw new OptionError(
        `Cannot use --samples as a task of classes or scores is required: found ${task}, whose texts ` +
          "are written without dropout alone",
      );
    }
    const { device } = await openDevice(config);
    await using _device = device;
    using _scope = device.scope("predict");
    const reading = { run, config, device, input, batch, samples };
    const lines = generates(task)
      ? await continuations(reading, textTasks[task])
      : await labels(reading);
    const content = lines.map((line) => `${line}\n`).join("");
    if (out === undefined) await Deno.stdout.write(new TextEncoder().encode(content));
    else await writeFileAtomic(out, content);
  },
});

/** Which texts are read, by which run. */
interface Inputs {
  readonly run: string;
  readonly config: TrainConfig;
  readonly device: Device;
  readonly input: string;
  readonly batch: number;
  readonly samples: number | undefined;
}

/** A line for each distinct input. */
async function continuations(
  { run, config, device, input, batch }: Inputs,
  task: TextTask,
): Promise<string[]> {
  const groups = groupByContext(task.parse(await readText(input), input));
  const { model, architecture, tokenizer } = await openRun(run, config, device, showDownloads());
  const texts = await continueAll(model, device, groups.map((g) => g.context), {
    tokenizer,
    frame: specialTokens(architecture, tokenizer),
    config: architecture,
    newTokens: config.newTokens,
    search: config,
    batch,
    path: input,
  });
  return texts.map((text) => text.replace(/\s*[\r\n]+\s*/g, " "));
}

/** A head, and a line for each example: its index and its label or score. */
async function labels({ run, config, device, input, batch, samples }: Inputs): Promise<string[]> {
  const { examples, places } = await readUnlabelled(config, input);
  const opened = await openRun(run, config, device, showDownloads());
  const { model, architecture, tokenizer, classes } = opened;
  const rules = { config: architecture, tokenizer };
  const maxLength = maxSequenceLength(config, architecture);
  const encoded = encodeExamples(examples, { ...rules, maxLength, places });
  const padId = paddingOf(tokenizer);
  checkPadding(padId, batchLengths(encoded, batch), rules);
  const sampling = samplingOf(config, architecture, samples);
  const numbers = examples.map(({ index }) => index);
  const reading = { padId, batch, numbers, sampling };
  const values = await classifyAll(model, device, encoded, reading, (passes) => {
    if (classes.length === 0) return scoreDistribution(passes).mean.toFixed(3);
    return classes[classDistribution(passes).predicted]!;
  });
  return ["index\tprediction", ...values.map((value, i) => `${examples[i]!.index}\t${value}`)];
}
