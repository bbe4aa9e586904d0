/**
 * Changes of folders with typed errors: a disk may be full or read-only at any of them. What has got
 * a name keeps it, though the power fails.
 *
 * @module
 */

import { basename, dirname } from "node:path";
import { attempt, codeOf, writeAll } from "./system.ts";

const writing = "Cannot write file as it requires a writable place";

/**
 * Makes a folder and those above it.
 *
 * @param refusal What could not be done and what that requires
 * @throws {FileError} If the system refuses
 */
export async function makeFolder(
  path: string,
  refusal = "Cannot make folder as it requires a writable place",
): Promise<void> {
  await attempt(refusal, path, async () => {
    const missing: string[] = [];
    for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
      if (await Deno.stat(folder).catch(() => undefined)) break;
      missing.push(folder);
    }
    await Deno.mkdir(path, { recursive: true });
    for (const folder of missing.reverse()) await syncFolder(dirname(folder));
  });
}

/**
 * Appends text to a file, which is made where there is none. A part of it is taken back where the
 * disk is full.
 *
 * @throws {FileError} If the system refuses
 */
export async function appendText(path: string, text: string): Promise<void> {
  await appendBytes(path, new TextEncoder().encode(text));
}

/**
 * Appends bytes to a file, which is made where there is none. A part of them is taken back where the
 * disk is full.
 *
 * @throws {FileError} If the system refuses
 */
export async function appendBytes(path: string, bytes: Uint8Array): Promise<void> {
  await attempt(writing, path, async () => {
    using file = await Deno.open(path, { append: true, create: true });
    const { size } = await file.stat();
    try {
      await writeAll(file, bytes);
    } catch (error) {
      await file.truncate(size).catch(() => {});
      throw error;
    }
  });
}

/**
 * Makes what was appended to a file outlast a power cut, and its name; does nothing without the file.
 *
 * @throws {FileError} If the system refuses
 */
export async function syncAppended(path: string): Promise<void> {
  await attempt(writing, path, async () => {
    using file = await Deno.open(path, { append: true }).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    if (file === undefined) return;
    await file.sync();
    await syncFolder(dirname(path));
  });
}

/**
 * Gives a file or folder another name, which outlasts a power cut.
 *
 * @throws {FileError} If the system refuses
 */
export async function move(path: string, target: string): Promise<void> {
  await attempt(writing, target, async () => {
    // Opened before, so that nothing is renamed where there are no file handles left.
    using folder = await openFolder(dirname(target));
    await Deno.rename(path, target);
    await sync(folder);
  });
}

/**
 * Removes a file, or a folder with all in it; what is not there is removed already.
 *
 * @throws {FileError} If the system refuses
 */
export async function removeAll(path: string): Promise<void> {
  await attempt("Cannot remove file as it requires a writable place", path, async () => {
    await Deno.remove(path, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  });
}

/**
 * Makes or replaces a folder: one beside it is filled, which then gets its name.
 *
 * @param fill Writes into the folder it is given
 * @throws {FileError} If the system refuses; the old folder then stays, or the new one where all that
 * failed is to make it outlast a power cut
 */
export async function replaceFolder(
  path: string,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  const [partial, old] = [besideOf(path, "partial"), besideOf(path, "old")];
  await removeAll(partial);
  try {
    await makeFolder(partial);
    await fill(partial);
    await removeAll(old);
    await attempt(writing, path, () => Deno.rename(path, old).catch(unlessNotFound));
    await move(partial, path);
  } catch (error) {
    await Deno.remove(partial, { recursive: true }).catch(() => {});
    await restoreReplaced(path).then(() => removeAll(old)).catch(() => {});
    throw error;
  }
  await removeAll(old);
}

/** Gives a folder its name back where a process was killed while it was replaced. */
export async function restoreReplaced(path: string): Promise<void> {
  const isThere = await attempt(writing, path, () => Deno.stat(path).catch(unlessNotFound));
  if (isThere !== undefined) return;
  await attempt(
    writing,
    path,
    () => Deno.rename(besideOf(path, "old"), path).catch(unlessNotFound),
  );
}

function unlessNotFound(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** Path beside a folder, of the same name but hidden, where its next or last content lies. */
function besideOf(path: string, what: "partial" | "old" | "gone"): string {
  const name = basename(path);
  return `${path.slice(0, path.lastIndexOf(name))}.${name}.${what}`;
}

/**
 * Gives the folders of a directory their names back where a process was killed while it replaced them.
 *
 * @throws {FileError} If the system refuses
 */
export async function restoreReplacedIn(directory: string): Promise<void> {
  for (const name of await namesIn(directory)) {
    const [, replaced] = /^\.(.+)\.old$/.exec(name) ?? [];
    if (replaced !== undefined) await restoreReplaced(`${directory}/${replaced}`);
  }
}

/**
 * Removes a folder in one step, as whoever looks on sees it.
 *
 * @throws {FileError} If the system refuses
 */
export async function dropFolder(path: string): Promise<void> {
  const doomed = besideOf(path, "gone");
  await removeAll(doomed);
  try {
    await move(path, doomed);
  } catch (error) {
    await removeAll(doomed).catch(() => {});
    throw error;
  }
  await removeAll(doomed);
}

/**
 * Copies a folder of files and folders.
 *
 * @throws {FileError} If the system refuses
 */
export async function copyFolder(path: string, target: string): Promise<void> {
  await makeFolder(target);
  for (const { name, isDirectory } of await entriesIn(path, reading)) {
    const [from, to] = [`${path}/${name}`, `${target}/${name}`];
    if (isDirectory) await copyFolder(from, to);
    else await attempt(writing, to, () => copyFile(from, to));
  }
  await attempt(writing, target, () => syncFolder(target));
}

async function copyFile(from: string, to: string): Promise<void> {
  await Deno.copyFile(from, to);
  using file = await Deno.open(to, { append: true });
  await file.sync();
}

/** Whether a name is one that a file or folder has until it is whole, or while it is replaced. */
export function isLeftover(name: string): boolean {
  return /\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.(?:tmp|partial)$/.test(name) ||
    /^\.(?:checkpoint-\d+|best|last|copy)\.(?:partial|old|gone)$/.test(name);
}

/**
 * Removes what writes left in a folder when their process was killed: files and folders that never
 * got their names.
 *
 * @throws {FileError} If the system refuses
 */
export async function removeLeftovers(directory: string): Promise<void> {
  for (const name of (await namesIn(directory)).filter(isLeftover)) {
    await removeAll(`${directory}/${name}`);
  }
}

const reading = "Cannot read directory as it requires a readable one";

/**
 * Names in a folder, sorted.
 *
 * @param refusal What could not be done otherwise and what that requires
 * @throws {FileError} If it cannot be read
 */
export async function namesIn(directory: string, refusal = reading): Promise<string[]> {
  return (await entriesIn(directory, refusal)).map(({ name }) => name).sort();
}

/**
 * Finds the files below a directory, in the order of their paths.
 *
 * @param directory Path of the directory
 * @param ending How the names of the files end
 * @throws {FileError} If a directory cannot be read
 */
export async function filesIn(directory: string, ending: string): Promise<string[]> {
  const found: string[] = [];
  for (const { name, isDirectory } of await entriesIn(directory, reading)) {
    const path = `${directory}/${name}`;
    if (isDirectory) found.push(...await filesIn(path, ending));
    else if (name.endsWith(ending)) found.push(path);
  }
  return found.sort();
}

function entriesIn(directory: string, refusal: string): Promise<Deno.DirEntry[]> {
  return attempt(refusal, directory, () => Array.fromAsync(Deno.readDir(directory)));
}

/** Makes the names in a folder outlast a power cut, where the system can do that. */
async function syncFolder(path: string): Promise<void> {
  using folder = await openFolder(path);
  await sync(folder);
}

/** A folder that can be synced; none where the system or Deno's permissions do not let it be read. */
async function openFolder(path: string): Promise<Deno.FsFile | undefined> {
  if (Deno.build.os === "windows") return undefined;
  // To open it would ask for the permission.
  const { state } = await Deno.permissions.query({ name: "read", path });
  if (state !== "granted") return undefined;
  return await Deno.open(path).catch((error) => {
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  });
}

async function sync(folder: Deno.FsFile | undefined): Promise<void> {
  await folder?.sync().catch((error) => {
    // Some drives cannot sync a folder.
    if (!["EINVAL", "ENOTSUP", "EBADF"].includes(String(codeOf(error)))) throw error;
  });
}
