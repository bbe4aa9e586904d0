/**
 * `deno task score`: scores a system's outputs as the evaluations of E2E and WebNLG do.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { readPredictions } from "../data/predictions.ts";
import { readReferences } from "../data/references.ts";
import { defaultsOf, helpText, type OptionTable, parseFlags } from "../config/options.ts";
import { loadMeteor } from "../metrics/load_meteor.ts";
import {
  type ScoreConvention,
  scoreConventions,
  type Scores,
  type ScoreTask,
  scoreTasks,
  scoreTexts,
} from "../metrics/score.ts";

const options: OptionTable = {
  task: { kind: "choice", choices: scoreTasks, help: "whose evaluation", required: true },
  references: { kind: "text", help: "file of the references", required: true },
  predictions: { kind: "text", help: "file of the outputs", required: true },
  convention: {
    kind: "choice",
    choices: scoreConventions,
    help: "programs of the challenge, or of the paper",
    default: "challenge",
  },
  part: {
    kind: "choice",
    choices: ["seen", "unseen"],
    help: "score one part of WebNLG's XML or JSON",
    defaultText: "all",
  },
  meteorResources: {
    kind: "text",
    help: "folder resources of METEOR 1.5, for function words and synonyms",
    defaultText: "none: METEOR compares words and stems",
  },
  json: { kind: "switch", help: "print one JSON object", default: false },
  verbose: { kind: "switch", help: "show stack traces" },
  help: { kind: "switch", help: "show this text" },
};

const usage = `Scores a system's outputs.

  deno task score --task e2e --references testset_w_refs.csv --predictions outputs.txt

References: E2E's CSV (mr,ref), WebNLG's XML or JSON, one text a line with an empty line between
inputs, or of the WebNLG challenge NAME0.lex with NAME1.lex and so on, NAME-3ref.meteor or NAME.ter.
Predictions: one line for each distinct input in the order of the references, or a table of input,
tab, output.`;

/**
 * Runs the command and returns the exit code.
 *
 * @throws {OptionError} If a flag is unknown or missing, or its value does not fit
 * @throws {FileError} If a file is missing or malformed, or outputs and references do not pair
 */
export async function scoreCommand(args: readonly string[]): Promise<number> {
  const { values: given, words } = parseFlags(options, args);
  if (words.length > 0) {
    throw new OptionError(`Cannot use the word ${words[0]}: flags are required`);
  }
  if (given["help"]) {
    console.log(helpText(usage, options));
    return 0;
  }
  const values = { ...defaultsOf(options), ...given };
  for (const name of ["task", "references", "predictions"]) {
    if (values[name] !== undefined) continue;
    throw new OptionError(`Cannot score without --${name}: it is required`);
  }
  const [references, predictions] = [String(values["references"]), String(values["predictions"])];
  const directory = values["meteorResources"] as string | undefined;
  const segments = await readReferences(references);
  const outputs = await readPredictions(predictions, segments, references);
  const part = values["part"] as string | undefined;
  const chosen = segments.flatMap((segment, i) =>
    part === undefined || segment.part === part ? [{ ...segment, output: outputs[i]! }] : []
  );
  if (chosen.length === 0) {
    throw new OptionError(`Cannot score --part ${part} as ${references} has no such part`);
  }
  const scores = scoreTexts(
    values["task"] as ScoreTask,
    chosen.map(({ output }) => output),
    chosen.map((segment) => segment.references),
    {
      convention: values["convention"] as ScoreConvention,
      ...(directory === undefined ? {} : { meteor: await loadMeteor(directory) }),
    },
  );
  console.log(values["json"] === true ? JSON.stringify(scores) : scoreTable(scores));
  return 0;
}

/** A line for each metric. */
function scoreTable({ convention, segments, METEOR_modules: modules, ...figures }: Scores): string {
  const lines = Object.entries(figures).map(([name, figure]) => {
    const note = name === "METEOR" ? `  ${modules.join(", ")}` : "";
    return `${name.padEnd(8)}${figure.toFixed(4).padStart(7)}${note}`;
  });
  return [`${segments} outputs, convention: ${convention}`, "", ...lines].join("\n");
}
