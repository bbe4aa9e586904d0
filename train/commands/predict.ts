/**
 * `deno task predict`: labels or continues new text with a saved run.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { OptionError } from "../../core/errors.ts";
import type { TokenSampling } from "../../nn/generation/sample.ts";
import { beamOptions } from "../config/beam_options.ts";
import type { TrainConfig } from "../config/config.ts";
import { sharedWorkOptions } from "../config/distributed_options.ts";
import { deviceOptions } from "../config/device_options.ts";
import { drawingOf, drawOptions } from "../config/draw_options.ts";
import { samplesOption } from "../config/method_options.ts";
import { pickOptions } from "../config/parse.ts";
import { trainOptions } from "../config/train_options.ts";
import type { TextTask } from "../data/text_example.ts";
import { generates, ownsTexts, textTasks } from "../data/text_tasks.ts";
import type { Group } from "../distributed/group.ts";
import { ownDevice } from "../distributed/joined_run.ts";
import { openDevice } from "../device/backend.ts";
import { requireReplaceable, writeFileAtomic } from "../files/files.ts";
import { attempt, writeAll } from "../files/system.ts";
import { classDistribution, scoreDistribution } from "../metrics/predictive.ts";
import { openRun, runConfig } from "../run/open_run.ts";
import { readRun } from "../run/run_folder.ts";
import { checkPadding } from "../tasks/check_ids.ts";
import { batchLengths, classifyAll } from "../tasks/classification.ts";
import { encodeExamples } from "../tasks/encode_examples.ts";
import { continueAll } from "../tasks/continuation.ts";
import { classificationMetrics, regressionMetrics } from "../tasks/label_metrics.ts";
import { classNames, labelKind } from "../tasks/labelled.ts";
import { maxSequenceLength } from "../tasks/open.ts";
import { classLines, type LineForm, scoreLines, textLines } from "../tasks/prediction_lines.ts";
import { type ProgressHooks, progressOf } from "../tasks/progress.ts";
import { samplingOf } from "../tasks/sampling.ts";
import { paddingOf, specialTokens } from "../tasks/special_tokens.ts";
import type { Metrics } from "../tasks/task.ts";
import { changeable, type Command, command } from "./command.ts";
import { showDownloads } from "./downloads.ts";
import {
  type GivenInputs,
  inputContexts,
  inputExamples,
  inputFacts,
  inputOptions,
  requireInput,
  requireInputs,
} from "./predict_inputs.ts";
import { joined } from "./joined.ts";
import { ownContinuations } from "./predict_own.ts";
import { progressOfFirst, requireSameWork } from "./shared_work.ts";
import { WorkLine } from "./work_line.ts";

const { model, newTokens } = trainOptions;

/** Options that may differ from the run's. */
const changes = changeable({ model, ...deviceOptions, newTokens, ...beamOptions });

/** Labels or continues new text. */
export const predictCommand: Command = command({
  summary: "Label or continue new text with a saved run",
  usage: `  deno task predict --run DIR --input FILE
  deno task predict DIR --text TEXT --text TEXT --probabilities

FILE is a table of texts. It may also be, by task:
  GLUE: a TSV as the task's test.tsv, or as its dev.tsv
${Object.entries(textTasks).map(([name, { inputHelp }]) => `  ${name}: ${inputHelp}`).join("\n")}
  completion: a table with prompt, or text; --text is a prompt
  chat: a table with messages; --text is what the user says
Where each text has a label, metrics and calibration are written to standard error. --json writes a
line {"index", "prediction", "probabilities"} for each text, of scores and texts without the last.`,
  verb: "predict",
  options: {
    run: {
      kind: "text",
      help: "folder of the run; also as a word",
      positional: true,
      required: true,
    },
    ...inputOptions,
    out: { kind: "text", help: "file for the predictions", defaultText: "standard output" },
    force: { kind: "switch", help: "replace the file of --out" },
    probabilities: { kind: "switch", help: "add a column for each class, or the score" },
    json: { kind: "switch", help: "write a JSON object a line instead of columns" },
    batch: { kind: "integer", help: "texts that are read at once", min: 1, default: 32 },
    ...samplesOption,
    ...drawOptions,
    ...changes,
    ...sharedWorkOptions,
  },
  async run({ run, out, force, probabilities = false, json = false, batch, samples, ...options }) {
    const given = pickOptions(inputOptions, options);
    requireInput(given);
    const config = await runConfig(run, pickOptions(changes, options));
    requireInputs(given, config);
    const drawing = drawingOf(pickOptions(drawOptions, options), config);
    requireFit(config, { samples, probabilities, drawing });
    if (out !== undefined) await requireReplaceable(out, force === true);
    const form = { json, probabilities, isSampled: samples !== undefined };
    return await joined("predict", options, console.error, async (group) => {
      const lines = await predicted({ run, config, given, batch, samples, drawing, form }, group);
      if (group.rank > 0) return 0;
      const content = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
      if (out !== undefined) {
        await writeFileAtomic(out, content);
        console.log(`wrote ${out}`);
        return 0;
      }
      const refusal = "Cannot write predictions as a writable place is required";
      await attempt(refusal, "standard output", () => writeAll(Deno.stdout, content));
      return 0;
    });
  },
});

/** Lines of predictions, which the processes of a group make together. */
async function predicted(
  asked: Omit<Inputs, "device" | "work" | "group">,
  group: Group,
): Promise<string[]> {
  const { run, config, given, samples, batch, drawing } = asked;
  const { task } = config;
  const { device } = await openDevice(await ownDevice(group, config));
  await using _device = device;
  using _scope = device.scope("predict");
  if (group.size > 1) {
    const { backend } = device;
    const facts = {
      ...await inputFacts(given),
      "--samples": `${samples ?? "none"}`,
      "--batch": `${batch}`,
      "--sample": drawing === undefined ? "none" : JSON.stringify(drawing),
    };
    await requireSameWork(group, { verb: "predict", run, config, backend, facts });
  }
  using line = new WorkLine();
  const reading = { ...asked, device, group, work: progressOfFirst(group, line) };
  return ownsTexts(task)
    ? await ownContinuations(reading, task)
    : generates(task)
    ? await continuations(reading, textTasks[task])
    : await labels(reading);
}

/** Refuses options that mean nothing for a task. */
function requireFit(
  { task }: TrainConfig,
  { samples, probabilities, drawing }: {
    readonly samples: number | undefined;
    readonly probabilities: boolean;
    readonly drawing: TokenSampling | undefined;
  },
): void {
  const refuse = (flag: string, required: string, found: string): never => {
    throw new OptionError(`Cannot use --${flag} as ${required} is required: found ${found}`);
  };
  const labelled = "a task of classes or scores";
  if (!generates(task)) {
    if (drawing !== undefined) refuse("sample", "a task of texts", task);
    return;
  }
  const written = `${task}, whose texts are written without dropout alone`;
  if (samples !== undefined) refuse("samples", labelled, written);
  if (probabilities) refuse("probabilities", labelled, task);
}

/** Which texts are read, by which run, and how predictions are written. */
interface Inputs {
  readonly run: string;
  readonly config: TrainConfig;
  readonly device: Device;
  readonly given: GivenInputs;
  readonly batch: number;
  readonly samples: number | undefined;
  readonly drawing: TokenSampling | undefined;
  readonly form: LineForm;
  readonly work: ProgressHooks;
  readonly group: Group;
}

/** A line for each distinct input, or each text. */
async function continuations(
  { run, config, device, given, batch, drawing, form, work, group }: Inputs,
  task: TextTask,
): Promise<string[]> {
  const contexts = await inputContexts(given, task);
  const { model, architecture, tokenizer } = await openRun(run, config, device, showDownloads());
  const texts = await continueAll(model, device, contexts, {
    tokenizer,
    frame: specialTokens(architecture, tokenizer),
    config: architecture,
    newTokens: config.newTokens,
    search: config,
    batch,
    sampling: drawing,
    path: given.input,
    onWritten: progressOf("generating", contexts.length, work),
    group,
  });
  return textLines(contexts, texts, form.json);
}

/** Lines for all examples; what their labels say of them goes to standard error. */
async function labels(inputs: Inputs): Promise<string[]> {
  const { run, config, device, given, batch, samples, form, work, group } = inputs;
  const classes = classNames(config.task, (await readRun(run)).classes) ?? [];
  const kind = labelKind(config.task, classes);
  const { examples, places } = await inputExamples(given, config, kind);
  const { model, architecture, tokenizer } = await openRun(run, config, device, showDownloads());
  const rules = { config: architecture, tokenizer };
  const maxLength = maxSequenceLength(config, architecture);
  const encoded = encodeExamples(examples, { ...rules, maxLength, places });
  const padId = paddingOf(tokenizer);
  checkPadding(padId, batchLengths(encoded, batch), rules);
  const sampling = samplingOf(config, architecture, samples);
  const numbers = examples.map(({ index }) => index);
  const onRead = progressOf("predicting", examples.length, work);
  const reading = { padId, batch, numbers, sampling, onRead, group };
  const known = examples.flatMap(({ label }) => label ?? []);
  // Correlations are of two texts at least.
  const isKnown = group.rank === 0 && known.length === examples.length && known.length > 1;
  const { isSampled } = form;
  if (classes.length === 0) {
    const found = await classifyAll(model, device, encoded, reading, scoreDistribution);
    if (isKnown) showMetrics(regressionMetrics(kind.metrics, found, known, isSampled), known);
    return scoreLines(examples.map((one, i) => ({ ...one, distribution: found[i]! })), form);
  }
  const found = await classifyAll(model, device, encoded, reading, classDistribution);
  if (isKnown) showMetrics(classificationMetrics(kind.metrics, found, known, isSampled), known);
  const rows = examples.map((one, i) => ({ ...one, distribution: found[i]! }));
  return classLines(rows, classes, form);
}

function showMetrics(metrics: Metrics, { length }: readonly number[]): void {
  const figures = Object.entries(metrics).map(([name, value]) => `${name} ${value.toFixed(6)}`);
  console.error([`the labels of all ${length} texts are known:`, ...figures].join("\n"));
}
