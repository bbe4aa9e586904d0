/**
 * Reading and writing of small files with typed errors.
 *
 * @module
 */

import { basename } from "node:path";
import { FileError } from "../../core/errors.ts";
import { parseJson, textOf } from "../../nn/formats/json_text.ts";
import { makeFolder, move, namesIn, removeAll } from "./folder.ts";
import { attempt, reasonOf, writeAll } from "./system.ts";

/**
 * Reads a UTF-8 text file; a byte order mark at its start is left out.
 *
 * @param path Path of the file
 * @returns The text
 * @throws {FileError} If the file cannot be read or is not UTF-8
 */
export async function readText(path: string): Promise<string> {
  return textOf(await readBytes(path), path);
}

/** Most bytes of a file that is read whole: what comes of it stays below a gigabyte. */
export const mostBytes = 200_000_000;

/**
 * Requires a file that has an end: no directory, device or pipe.
 *
 * @param verb What cannot be done otherwise
 * @throws {FileError} If there is none, or it is larger than `most` bytes
 */
export async function requireFile(
  path: string,
  most = Infinity,
  verb = "read file",
): Promise<Deno.FileInfo> {
  const fail = (found: string, required = "a readable file"): never => {
    throw new FileError(`Cannot ${verb} as it requires ${required}: found ${found}`, path);
  };
  const info = await Deno.stat(path).catch((error) => fail(reasonOf(error)));
  if (info.isDirectory) fail("a directory");
  if (!info.isFile) fail("a device, pipe or socket");
  return info.size > most ? fail(`${info.size}`, `at most ${most} bytes`) : info;
}

/**
 * Reads a file of at most 200 MB.
 *
 * @throws {FileError} If the file cannot be read or is larger
 */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  await requireFile(path, mostBytes);
  return await attempt(
    "Cannot read file as it requires a readable file",
    path,
    () => Deno.readFile(path),
  );
}

/**
 * Requires a place for a new file, or a file that may be replaced.
 *
 * @param isForced Whether a file that is there may be
 * @throws {FileError} If one is there and may not, or there is something else
 */
export async function requireReplaceable(path: string, isForced: boolean): Promise<void> {
  if (!await exists(path)) return;
  await requireFile(path, Infinity, "replace file");
  if (isForced) return;
  throw new FileError("Cannot replace file as --force is required: found one", path);
}

/**
 * Reads a JSON file.
 *
 * @param path Path of the file
 * @returns The parsed value, not validated
 * @throws {FileError} If the file cannot be read or is not JSON, with the line of the fault
 */
export async function readJson(path: string): Promise<unknown> {
  return parseJson(await readText(path), path);
}

/**
 * Writes a file in one step: nobody ever sees it half-written.
 *
 * @param path Path of the file; an existing file is replaced
 * @param content Bytes at once or part by part, or text that is written as UTF-8
 * @throws {FileError} If the file cannot be written; the old content then stays
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | string | AsyncIterable<Uint8Array>,
): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const temporary = beside(path, "tmp");
  try {
    await attempt("Cannot write file as it requires a writable place", path, async () => {
      using file = await Deno.open(temporary, { write: true, createNew: true });
      for await (const part of bytes instanceof Uint8Array ? [bytes] : bytes) {
        await writeAll(file, part);
      }
      // Without this a power cut could keep the new name but lose the content.
      await file.syncData();
    });
    await move(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** A new name in the folder of a path, which `removeLeftovers` knows; the longest one has room for it. */
function beside(path: string, ending: "tmp" | "partial"): string {
  const start = path.length - basename(path).length;
  return `${path.slice(0, start + 50)}.${crypto.randomUUID()}.${ending}`;
}

/**
 * Writes a value as JSON with indentation and a line end, as people read it, in one step.
 *
 * @throws {FileError} If the file cannot be written; the old content then stays
 */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Makes a directory ready for new output: creates it, or accepts it when it holds nothing.
 *
 * @param path Path of the directory; missing parents are created
 * @param ignored Names of entries that may lie there
 * @throws {FileError} If it is a file, holds something or cannot be created
 */
export async function requireEmptyDirectory(
  path: string,
  ignored: readonly string[] = [],
): Promise<void> {
  const refusal = "Cannot use directory as it requires an empty or new directory";
  await makeFolder(path, refusal);
  const names = await namesIn(path, refusal);
  const first = names.find((name) => !ignored.includes(name));
  if (first !== undefined) throw new FileError(`${refusal}: found ${first}`, path);
}

/**
 * Makes a directory in one step: it is filled beside its place and renamed.
 *
 * @param path Path of the directory; it must hold nothing yet
 * @param fill Writes into the directory it is given, by functions of this file or of `folder.ts`
 * @throws {FileError} If the place is taken or cannot be written; nothing is then left behind
 */
export async function writeDirectoryAtomic(
  path: string,
  fill: (directory: string) => Promise<void>,
): Promise<void> {
  const existed = await exists(path);
  let partial: string | undefined;
  try {
    await requireEmptyDirectory(path);
    const place = await realPath(path);
    partial = beside(place, "partial");
    await makeFolder(partial);
    await fill(partial);
    // Elsewhere a folder takes the place of an empty one at once.
    if (Deno.build.os === "windows") await removeAll(place);
    await move(partial, place);
  } catch (error) {
    if (partial !== undefined) await Deno.remove(partial, { recursive: true }).catch(() => {});
    // It holds nothing, or stays.
    if (!existed) await Deno.remove(path).catch(() => {});
    throw error;
  }
}

/**
 * Tells whether two paths, however they are spelled, lead to the same existing place.
 *
 * @throws {FileError} If the system refuses to say
 */
export async function sameFile(path: string, other: string): Promise<boolean> {
  if (!await exists(path) || !await exists(other)) return false;
  return await realPath(path) === await realPath(other);
}

/**
 * The path of a file or directory without links and dots.
 *
 * @throws {FileError} If the system refuses to say
 */
export function realPath(path: string): Promise<string> {
  return attempt("Cannot look for file as it requires access", path, () => Deno.realPath(path));
}

/**
 * Tells whether something lies at a path.
 *
 * @param path Path of a file or directory
 * @returns True when it exists; a broken link does not
 * @throws {FileError} If the system refuses to say
 */
export async function exists(path: string): Promise<boolean> {
  return await infoOf(path) !== undefined;
}

/**
 * Tells whether a path is that of a directory.
 *
 * @throws {FileError} If the system refuses to say
 */
export async function isFolder(path: string): Promise<boolean> {
  return (await infoOf(path))?.isDirectory === true;
}

function infoOf(path: string): Promise<Deno.FileInfo | undefined> {
  return attempt("Cannot look for file as it requires access", path, async () => {
    return await Deno.stat(path).catch((error) => {
      const { NotFound, NotADirectory } = Deno.errors;
      if (error instanceof NotFound || error instanceof NotADirectory) return undefined;
      throw error;
    });
  });
}
