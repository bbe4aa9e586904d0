/**
 * The index of a checkpoint that is spread over several files.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { scanJson } from "./json_scan.ts";
import { parseJson } from "./json_text.ts";

/**
 * What an index says: the shard's file name by tensor name. A tensor with two places is refused, as in
 * the header of a shard: in configurations the last value counts, as in Python, but here whichever was
 * taken might be the wrong weights.
 *
 * @param text Content of the file
 * @throws {FileError} If it is malformed, has a key twice, or a name leads out of the folder
 */
export function weightMapOf(text: string, path: string): Map<string, string> {
  const index = parseJson(text, path);
  const { duplicate } = scanJson(text);
  if (duplicate !== undefined) {
    throw new FileError(
      `Cannot read index as it requires distinct keys: found ${excerpt(duplicate)} twice`,
      path,
    );
  }
  const map = typeof index === "object" && index !== null && "weight_map" in index
    ? index.weight_map
    : undefined;
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw new FileError("Cannot read index as it requires the object weight_map: found none", path);
  }
  const files = new Map<string, string>();
  for (const [name, file] of Object.entries(map)) {
    // A shard name comes from whoever published the model: it must not lead out of the directory.
    if (typeof file !== "string" || /^$|[/\\\0]|^\.\.?$|\.\./.test(file)) {
      throw new FileError(
        `Cannot read index as tensor ${name} requires a plain file name: found ${excerpt(file)}`,
        path,
      );
    }
    files.set(name, file);
  }
  return files;
}
