/**
 * `deno task report`: shows runs as a page.
 *
 * @module
 */

import { writeReport } from "../report/write_report.ts";
import { type Command, command } from "./command.ts";

/** Writes the report of runs. */
export const reportCommand: Command = command({
  summary: "Write a page that shows a run, or several runs over each other",
  usage: `  deno task report RUN                        RUN/report.html
  deno task report RUN RUN… --out FILE.html

The page is one file: it opens from a disk, and loads nothing.`,
  verb: "report",
  options: {
    run: {
      kind: "list",
      help: "folders of the runs; also as words",
      positional: true,
      required: true,
    },
    out: {
      kind: "text",
      help: "file of the page",
      defaultText: "report.html in the folder of a single run",
    },
  },
  async run({ run, out }) {
    console.log(`wrote ${await writeReport(run, out)}`);
  },
});
