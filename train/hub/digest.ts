/**
 * Digests of files, as hubs and data sets publish them.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { FileError } from "../../core/errors.ts";
import { reasonOf } from "../files/system.ts";

/** A digest that was published beside a file. */
export interface Digest {
  /** How it is made; `git-sha1` is the name git gives to a file. */
  readonly algorithm: "sha256" | "git-sha1";
  /** Its value, in lower-case hexadecimal digits. */
  readonly hex: string;
}

/**
 * Digest of a file's content.
 *
 * @throws {FileError} If the file cannot be read
 */
export async function digestFile(path: string, algorithm: Digest["algorithm"]): Promise<string> {
  try {
    using file = await Deno.open(path);
    const hash = createHash(algorithm === "sha256" ? "sha256" : "sha1");
    if (algorithm === "git-sha1") hash.update(`blob ${(await file.stat()).size}\0`);
    const buffer = new Uint8Array(1 << 20);
    for (let count; (count = await file.read(buffer)) !== null;) {
      hash.update(buffer.subarray(0, count));
    }
    return hash.digest("hex");
  } catch (error) {
    throw new FileError(`Cannot read file for its digest: found ${reasonOf(error)}`, path);
  }
}

/** SHA-256 of bytes in memory, in hexadecimal digits. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
