/**
 * `deno task score`: scores a system's outputs as the evaluations of E2E and WebNLG do.
 *
 * @module
 */

import { FileError, OptionError } from "../../core/errors.ts";
import { readPredictions } from "../data/predictions.ts";
import { readReferences, type Segment } from "../data/references.ts";
import { loadMeteor } from "../metrics/load_meteor.ts";
import { scoreConventions, type Scores, scoreTasks, scoreTexts } from "../metrics/score.ts";
import { type Command, command } from "./command.ts";

/** Scores generated texts. */
export const scoreCommand: Command = command({
  summary: "Score generated texts as the evaluations of E2E and WebNLG do",
  usage: `  deno task score --task e2e --references testset_w_refs.csv --predictions outputs.txt

References: E2E's CSV (mr,ref), WebNLG's XML or JSON, one text a line with an empty line between
inputs, or of the WebNLG challenge NAME0.lex with NAME1.lex and so on, NAME-3ref.meteor or NAME.ter.
Predictions: one line for each distinct input in the order of the references, or a table of input,
tab, output.`,
  verb: "score",
  options: {
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
    json: { kind: "switch", help: "print one JSON object" },
  },
  async run({ task, references, predictions, convention, part, meteorResources, json }) {
    const segments = await readReferences(references);
    const outputs = await readPredictions(predictions, segments, references);
    requireShort(outputs, segments, { task, path: predictions });
    const chosen = segments.flatMap((segment, i) =>
      part === undefined || segment.part === part ? [{ ...segment, output: outputs[i]! }] : []
    );
    if (chosen.length === 0) {
      throw new OptionError(`Cannot score --part ${part} as ${references} has no such part`);
    }
    const scores = scoreTexts(
      task,
      chosen.map(({ output }) => output),
      chosen.map((segment) => segment.references),
      {
        convention,
        ...(meteorResources !== undefined && { meteor: await loadMeteor(meteorResources) }),
      },
    );
    console.log(json ? JSON.stringify(scores) : scoreTable(scores));
  },
});

/**
 * Words of two texts of equal length that are scored in about 5 s: TER, which WebNLG has, tries to
 * move every run of words.
 */
const mostWords = { e2e: 800, webnlg: 200 } as const;

function requireShort(
  outputs: readonly string[],
  segments: readonly Segment[],
  { task, path }: { readonly task: keyof typeof mostWords; readonly path: string },
): void {
  const most = mostWords[task];
  for (const [i, output] of outputs.entries()) {
    const words = countWords(output);
    const longest = segments[i]!.references.reduce((n, text) => Math.max(n, countWords(text)), 1);
    if (words * longest * Math.min(words, longest) <= most ** 3) continue;
    throw new FileError(
      `Cannot score output ${i + 1} as texts of about ${most} words at most are required: ` +
        `found ${words}, and ${longest} in a reference`,
      path,
    );
  }
}

function countWords(text: string): number {
  return text.split(/\s+/).length;
}

/** A line for each metric. */
function scoreTable({ convention, segments, METEOR_modules: modules, ...figures }: Scores): string {
  const lines = Object.entries(figures).map(([name, figure]) => {
    const note = name === "METEOR" ? `  ${modules.join(", ")}` : "";
    return `${name.padEnd(8)}${figure.toFixed(4).padStart(7)}${note}`;
  });
  return [`${segments} outputs, convention: ${convention}`, "", ...lines].join("\n");
}
