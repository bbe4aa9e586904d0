/** What is required of a run that was struck and resumed: that nothing shows. */

import { listing } from "../support/cli.ts";
import { contentsOf } from "../support/run_contents.ts";

/** Contents of a run by path, but for times, its own name, its report and its event files. */
export async function runContents(out: string): Promise<Record<string, string>> {
  const all = Object.entries(await contentsOf(out));
  const compared = all.filter(([path]) => !/\/report\.html$|\.tfevents\./.test(path));
  // Checkpoints that were copied name the run that they come from.
  return Object.fromEntries(
    compared.map(([path, text]) => [path, text.replace(/"out": "[^"]*"/g, '"out": "RUN"')]),
  );
}

/** Differences of two runs by path, with the first line that differs. */
export function differencesOf(
  expected: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>>,
): string[] {
  const paths = [...new Set([...Object.keys(expected), ...Object.keys(found)])].sort();
  return paths.flatMap((path) => {
    const [one, other] = [expected[path], found[path]];
    if (one === other) return [];
    if (one === undefined) return [`${path} is there`];
    if (other === undefined) return [`${path} is missing`];
    const lines = one.split("\n");
    const others = other.split("\n");
    const at = lines.findIndex((line, i) => line !== others[i]);
    const shown = (line = "the end") => line.slice(0, 80);
    return [`${path}, line ${at + 1}: ${shown(lines[at])} became ${shown(others[at])}`];
  });
}

/** What no run may leave: temporary files and folders, and locks. */
export function leftoversIn(folder: string): string[] {
  return listing(folder).filter((path) => /\.(?:tmp|partial|old|gone|lock)$/.test(path))
    .map((path) => `${path.slice(folder.length)} was left`);
}
