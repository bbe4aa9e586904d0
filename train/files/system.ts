/**
 * What the system says to a file operation, as typed errors of one sentence.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";

/** What codes of the system mean, in a few words. */
const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "a full disk",
  EDQUOT: "a full quota of the disk",
  EROFS: "a read-only disk",
  EMFILE: "too many open files of this process",
  ENFILE: "too many open files of this machine",
  ENAMETOOLONG: "a name that is too long",
  EFBIG: "a file that is too large",
  ENOTEMPTY: "a directory that is not empty",
  EPIPE: "no reader any more",
  EIO: "a fault of the disk",
};

/** Says in a few words why the system refused a file operation. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "nothing there";
  if (error instanceof Deno.errors.IsADirectory) return "a directory";
  if (error instanceof Deno.errors.NotADirectory) return "a file among its parent directories";
  if (error instanceof Deno.errors.AlreadyExists) return "a file";
  if (error instanceof Deno.errors.NotCapable) return "no permission of the Deno process";
  const reason = reasons[String(codeOf(error))];
  if (reason !== undefined) return reason;
  if (error instanceof Deno.errors.PermissionDenied) return "no permission of the system";
  return error instanceof Error ? error.message : String(error);
}

/** The system's name of an error, such as `ENOSPC`. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/**
 * Runs a file operation; an error that is not the system's, such as one of what makes a file's
 * content, stays.
 *
 * @param refusal What could not be done and what that requires: `Cannot X as it requires Y`
 * @throws {FileError} If the system refuses
 */
export async function attempt<T>(
  refusal: string,
  path: string,
  job: () => T | Promise<T>,
): Promise<T> {
  try {
    return await job();
  } catch (error) {
    throw refused(error, refusal, path);
  }
}

/** The same for an operation that does not give up the turn. */
export function attemptSync<T>(refusal: string, path: string, job: () => T): T {
  try {
    return job();
  } catch (error) {
    throw refused(error, refusal, path);
  }
}

function refused(error: unknown, refusal: string, path: string): unknown {
  const isSystems = error instanceof Error &&
    (codeOf(error) !== undefined || Object.hasOwn(Deno.errors, error.name));
  return isSystems ? new FileError(`${refusal}: found ${reasonOf(error)}`, path) : error;
}

/** Writes all bytes: the system may take a part of them at once. */
export async function writeAll(
  file: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}
