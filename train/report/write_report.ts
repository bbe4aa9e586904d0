/**
 * From the folders of runs to the file of a report.
 *
 * @module
 */

import { FileError, OptionError } from "../../core/errors.ts";
import { exists, readText, writeFileAtomic } from "../files/files.ts";
import { reportMark, reportPage } from "./document.ts";
import { readRunRecord, type RunRecord } from "./run_record.ts";

/** Most runs in a report: as many as there are colours. */
const mostRuns = 8;

/**
 * Writes the report of a run, or of several runs over each other.
 *
 * @param folders Folders of the runs
 * @param out File of the report; of a single run, report.html in its folder where it is absent
 * @returns Path of the report
 * @throws {OptionError} If there are too many runs, or several without `out`
 * @throws {FileError} If a run cannot be read, or `out` holds something else
 */
export async function writeReport(folders: readonly string[], out?: string): Promise<string> {
  if (folders.length > mostRuns || folders.length === 0) {
    throw new OptionError(
      `Cannot write a report as 1 to ${mostRuns} runs are required: found ${folders.length}`,
    );
  }
  if (out === undefined && folders.length > 1) {
    throw new OptionError(
      "Cannot write a report of several runs as a file is required in --out: found none",
    );
  }
  const path = out ?? `${folders[0]}/report.html`;
  const runs: RunRecord[] = [];
  for (const folder of folders) runs.push(await readRunRecord(folder));
  if (await exists(path) && !(await readText(path)).startsWith(reportMark)) {
    throw new FileError(
      "Cannot write a report as a new file or an older report is required: found another file",
      path,
    );
  }
  await writeFileAtomic(path, await reportPage(distinctlyNamed(runs, folders)));
  return path;
}

/** Runs of which no two are called the same: those that would be are called by their paths. */
function distinctlyNamed(runs: readonly RunRecord[], folders: readonly string[]): RunRecord[] {
  return runs.map((run, i) => {
    const isAlone = runs.filter(({ name }) => name === run.name).length === 1;
    return isAlone ? run : { ...run, name: folders[i]! };
  });
}
