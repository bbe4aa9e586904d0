/** What a run left behind, to compare runs. */

import { filesIn } from "../../train/files/folder.ts";

/** All that a run left but for times and its own name, by path. */
export async function contentsOf(run: string): Promise<Record<string, string>> {
  const contents: Record<string, string> = {};
  for (const path of await filesIn(run, "")) {
    const bytes = await Deno.readFile(path);
    const isText = /\.(?:json|jsonl|md)$/.test(path);
    const text = isText ? new TextDecoder().decode(bytes) : bytes.toHex();
    contents[path.slice(run.length)] = text.replaceAll(JSON.stringify(run), '"RUN"')
      .replace(/,"seconds":[^,}]+/g, "");
  }
  return contents;
}
