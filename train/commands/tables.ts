/**
 * `deno task tables`: what a sweep says, as tables.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { isFolder } from "../files/files.ts";
import { collect } from "../sweep/collect.ts";
import { evaluationNames } from "../tables/arms.ts";
import { joinSweeps, type NamedSweep } from "../tables/join_sweeps.ts";
import { readResults } from "../tables/read_results.ts";
import { tablesOf } from "../tables/tables.ts";
import { tableFormats, tablesText, writeTables } from "../tables/write_tables.ts";
import { type Command, command } from "./command.ts";

/** Makes the tables of a sweep. */
export const tablesCommand: Command = command({
  summary: "Compare the methods of a sweep: tables and figures with intervals and adjusted tests",
  usage: `  deno task tables SWEEP                      Markdown on standard output
  deno task tables SWEEP --out tables         all formats and figures in the folder tables
  deno task tables results.jsonl --out FILE   one format: .md, .csv, .json, .tex or .html
  deno task tables SWEEP SWEEP                one table of tasks that were planned apart

SWEEP is the folder of a sweep, or the file that \`deno task sweep collect\` writes. For each task:
mean, standard deviation, median, interquartile mean and 95 % BCa interval over the seeds; the
paired difference to the baseline with the exact sign-flip test; verdicts by Holm's adjustment
alone. Runs that failed or did not end are counted beside those that did. Sweeps that are joined
have one model, one baseline and the same tuned options, and each has tasks of its own.`,
  verb: "make tables",
  options: {
    sweep: {
      kind: "list",
      help: "folder of a sweep, or its results.jsonl; also as words",
      positional: true,
      required: true,
    },
    baseline: {
      kind: "text",
      help: "method that the others are compared with",
      defaultText: "the plan's",
    },
    figures: {
      kind: "choice",
      choices: evaluationNames,
      help:
        "which evaluation of a run counts; the best one is chosen on the data that it reports, and " +
        "so optimistic",
      default: "last",
    },
    courses: {
      kind: "switch",
      help: "draw losses and evaluations of a folder's runs by step",
      defaultText: "of the preset figure6 alone",
    },
    format: {
      kind: "choice",
      choices: tableFormats,
      help: "what is written",
      defaultText: "what the ending of --out says, else md",
    },
    out: {
      kind: "text",
      help: "file, or folder for all formats and figures",
      defaultText: "standard output",
    },
    force: { kind: "switch", help: "replace files of --out" },
  },
  async run({ sweep, baseline, figures, courses, format, out, force = false }) {
    const [first, ...others] = await Promise.all(sweep.map((path) => readSweep(path, courses)));
    if (first === undefined) {
      throw new OptionError("Cannot make tables as a sweep is required: found none");
    }
    const tables = tablesOf(joinSweeps([first, ...others]), {
      which: figures,
      ...(baseline !== undefined && { baseline }),
    });
    if (out === undefined) {
      console.log((await tablesText(tables, format ?? "md")).trimEnd());
      return;
    }
    const written = await writeTables(tables, out, {
      force,
      ...(format !== undefined && { format }),
    });
    for (const file of written) console.log(`wrote ${file}`);
  },
});

/** What is known of a sweep, from its folder or from the file of its results. */
async function readSweep(path: string, courses: boolean | undefined): Promise<NamedSweep> {
  if (!await isFolder(path)) return { ...await readResults(path), path };
  const collected = await collect(path, { courses: courses === true });
  // The courses of a large sweep are large: they are read where they are what it is for.
  const isWanted = courses === undefined && collected.head.name === "figure6";
  return { ...isWanted ? await collect(path, { courses: true }) : collected, path };
}
