/**
 * `deno task data`: downloads the official data sets.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { fetchData } from "../data/fetch.ts";
import { type DataSet, dataSets } from "../data/sources.ts";
import { type Command, command } from "./command.ts";
import { showDownloads } from "./downloads.ts";

/** Downloads data sets. */
export const dataCommand: Command = command({
  summary: "Download the official GLUE, E2E or WebNLG files, and check their sizes and hashes",
  usage: `  deno task data glue --out glue                    then: --task rte --data glue/RTE
  deno task data e2e --out e2e                      then: --task e2e --data e2e
  deno task data webnlg --out webnlg                the challenge of 2017`,
  verb: "download",
  options: {
    set: {
      kind: "choice",
      choices: namesOf(dataSets),
      help: "which data; also as a word",
      positional: true,
      required: true,
    },
    out: { kind: "text", help: "folder for the files", required: true },
    only: { kind: "list", help: "parts, such as RTE or trainset.csv", defaultText: "all" },
    mirror: { kind: "text", help: "address that has MIRROR/host/path", defaultText: "the hosts" },
  },
  async run({ set, out, only, mirror }) {
    const { onDownload } = showDownloads();
    const onMessage = (line: string) => console.log(line);
    for (const part of chosenParts(dataSets[set], only)) {
      await fetchData(part, out, { mirror, onDownload, onMessage });
    }
  },
});

function namesOf<T extends object>(record: T): Extract<keyof T, string>[] {
  return Object.keys(record) as Extract<keyof T, string>[];
}

/** The parts of a data set that `--only` names, or all. */
function chosenParts(
  parts: readonly DataSet[],
  only: readonly string[] | undefined,
): readonly DataSet[] {
  return only?.map((one) => {
    const part = parts.find(({ name }) => name.toLowerCase() === one.toLowerCase());
    if (part !== undefined) return part;
    const known = parts.map(({ name }) => name).join(", ");
    throw new OptionError(`Cannot use --only as one of ${known} is required: found ${one}`);
  }) ?? parts;
}
