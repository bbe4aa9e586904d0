/**
 * The files that are needed of the published archives.
 *
 * @module
 */

import { unzipSync } from "fflate";
import { mostBytes } from "../files/files.ts";

/**
 * Files of a zip archive by their new paths.
 *
 * @param pathOf New path of a file; undefined where it is not needed
 * @throws {Error} If it is no zip archive, or holds too much
 */
function unzip(
  archive: Uint8Array,
  pathOf: (path: string) => string | undefined,
): Map<string, Uint8Array> {
  let size = 0;
  const files = unzipSync(archive, {
    filter({ name, originalSize }) {
      if (pathOf(name) === undefined) return false;
      size += originalSize;
      if (size > mostBytes) throw new RangeError(`more than ${mostBytes} bytes in the archive`);
      return true;
    },
  });
  return new Map(Object.entries(files).map(([name, bytes]) => [pathOf(name)!, bytes]));
}

/** `train.tsv`, `dev.tsv` and `test.tsv` of a GLUE task. */
export function unpackGlue(task: string, archive: Uint8Array): Map<string, Uint8Array> {
  const split = /^(?:[^/]+\/)?((?:train|dev|test)\.tsv)$/;
  return unzip(archive, (path) => {
    const file = split.exec(path)?.[1];
    return file && `${task}/${file}`;
  });
}

/** The challenge of 2017: `train`, `dev` and `test` with the XML files as published. */
export function unpackWebnlg(archive: Uint8Array): Map<string, Uint8Array> {
  const file = /^[^/]+\/webnlg_challenge_2017\/((?:train|dev|test)\/(?:\dtriples\/)?[\w-]+\.xml)$/;
  return unzip(archive, (path) => file.exec(path)?.[1]);
}
