/**
 * `deno task predict`: labels or continues new text with a saved run.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { deviceOptionNames, openDevice } from "../device/backend.ts";
import { beamOptions } from "../config/beam_options.ts";
import { trainOptions } from "../config/config.ts";
import { groupByContext } from "../data/text_example.ts";
import { generates, textTasks } from "../data/text_tasks.ts";
import { readText, writeFileAtomic } from "../files/files.ts";
import { helpText, type OptionTable, parseFlags } from "../config/options.ts";
import { openRun, runConfig } from "../run/open_run.ts";
import { classifyAll, encodeExamples, prediction } from "../tasks/classification.ts";
import { continueAll } from "../tasks/generation.ts";
import { paddingOf, specialTokens } from "../tasks/special_tokens.ts";
import { readUnlabelled } from "../tasks/labelled.ts";
import { maxSequenceLength } from "../tasks/open.ts";
import { showDownloads } from "./downloads.ts";

/** Options that a run need not keep. */
const changeable: readonly (keyof typeof trainOptions)[] = [
  ...deviceOptionNames,
  "newTokens",
  ...Object.keys(beamOptions) as (keyof typeof beamOptions)[],
];

/** Texts in a batch. */
const usualBatch = 32;

const options: OptionTable = {
  run: { kind: "text", help: "folder of the run", required: true },
  input: {
    kind: "text",
    help: [
      "a table of texts",
      "GLUE: also a TSV as the task's test.tsv",
      ...Object.entries(textTasks).map(([name, { inputHelp }]) => `${name}: ${inputHelp}`),
    ].join("; "),
    required: true,
  },
  out: { kind: "text", help: "file for the predictions", defaultText: "standard output" },
  model: { kind: "text", help: "folder of the base model", defaultText: "the run's" },
  batch: { kind: "integer", help: "texts that are read at once", min: 1, default: usualBatch },
  ...Object.fromEntries(
    changeable.map((name) => [name, { ...trainOptions[name], shown: "the run's" }]),
  ),
  verbose: { kind: "switch", help: "show stack traces" },
  help: { kind: "switch", help: "show this text" },
};

/** Runs the command and returns the exit code. */
export async function predictCommand(args: readonly string[]): Promise<number> {
  const { values } = parseFlags(options, args);
  if (values["help"]) {
    console.log(
      helpText(
        "Labels or continues new text.\n\n  deno task predict --run DIR --input FILE",
        options,
      ),
    );
    return 0;
  }
  const [run, input, out] = ["run", "input", "out"].map((name) =>
    values[name] as string | undefined
  );
  if (run === undefined) throw new OptionError("Cannot predict without --run: it is required");
  if (input === undefined) throw new OptionError("Cannot predict without --input: it is required");
  const changes = Object.fromEntries(
    Object.entries(values).filter(([name]) => ["model", ...changeable].includes(name)),
  );
  const config = await runConfig(run, changes);
  const batch = (values["batch"] ?? usualBatch) as number;
  const { device } = await openDevice(config);
  await using _device = device;
  using _scope = device.scope("predict");
  let lines: string[];
  if (generates(config.task)) {
    const groups = groupByContext(textTasks[config.task].parse(await readText(input), input));
    const { model, architecture, tokenizer } = await openRun(run, config, device, showDownloads());
    const texts = await continueAll(model, device, groups.map((g) => g.context), {
      tokenizer,
      frame: specialTokens(architecture, tokenizer),
      config: architecture,
      newTokens: config.newTokens,
      search: config,
      batch,
    });
    lines = texts.map((text) => text.replace(/\s*[\r\n]+\s*/g, " "));
  } else {
    const examples = await readUnlabelled(config, input);
    const opened = await openRun(run, config, device, showDownloads());
    const { model, architecture, tokenizer, classes } = opened;
    const encoded = encodeExamples(examples, tokenizer, maxSequenceLength(config, architecture));
    const padId = paddingOf(tokenizer);
    const logits = await classifyAll(model, device, encoded, padId, batch);
    lines = ["index\tprediction"];
    logits.forEach((row, i) => {
      const value = prediction(row, classes.length === 0);
      lines.push(`${examples[i]!.index}\t${classes[value] ?? value.toFixed(3)}`);
    });
  }
  const content = lines.map((line) => `${line}\n`).join("");
  if (out === undefined) await Deno.stdout.write(new TextEncoder().encode(content));
  else await writeFileAtomic(out, content);
  return 0;
}
