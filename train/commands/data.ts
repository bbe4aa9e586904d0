/**
 * `deno task data`: downloads the official data sets.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { fetchData } from "../data/fetch.ts";
import { type DataSet, dataSets } from "../data/sources.ts";
import { helpText, type OptionTable, parseFlags } from "../config/options.ts";
import { showDownloads } from "./downloads.ts";

const options: OptionTable = {
  out: { kind: "text", help: "folder for the files", required: true },
  only: { kind: "list", help: "parts, such as RTE or trainset.csv", defaultText: "all" },
  mirror: { kind: "text", help: "address that has MIRROR/host/path", defaultText: "the hosts" },
  verbose: { kind: "switch", help: "show stack traces" },
  help: { kind: "switch", help: "show this text" },
};

const usage = `Downloads official data sets, and checks their sizes and hashes.

  deno task data glue --out glue                    then: --task rte --data glue/RTE
  deno task data e2e --out e2e                      then: --task e2e --data e2e
  deno task data webnlg --out webnlg                the challenge of 2017`;

/** Runs the command and returns the exit code. */
export async function dataCommand(args: readonly string[]): Promise<number> {
  const { values, words } = parseFlags(options, args);
  if (values["help"]) {
    console.log(helpText(usage, options));
    return 0;
  }
  const [name = "nothing", ...rest] = words;
  if (!Object.hasOwn(dataSets, name) || rest.length > 0) {
    throw new OptionError(
      `Cannot download as one of ${Object.keys(dataSets).join(", ")} is required: found ` +
        [name, ...rest].join(" "),
    );
  }
  const out = values["out"] as string | undefined;
  if (out === undefined) throw new OptionError("Cannot download without --out: it is required");
  const sets: readonly DataSet[] = dataSets[name as keyof typeof dataSets];
  const only = (values["only"] ?? sets.map((set) => set.name)) as readonly string[];
  const chosen = only.map((one) => {
    const set = sets.find(({ name }) => name.toLowerCase() === one.toLowerCase());
    if (set !== undefined) return set;
    const known = sets.map(({ name }) => name).join(", ");
    throw new OptionError(`Cannot use --only as one of ${known} is required: found ${one}`);
  });
  const { onDownload } = showDownloads();
  const mirror = values["mirror"] as string | undefined;
  for (const set of chosen) {
    await fetchData(set, out, { mirror, onDownload, onMessage: (line) => console.log(line) });
  }
  return 0;
}
