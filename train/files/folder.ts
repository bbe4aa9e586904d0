/**
 * Changes of folders with typed errors: a disk may be full or read-only at any of them.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { exists, reasonOf } from "./files.ts";

/**
 * Makes a folder and those above it.
 *
 * @throws {FileError} If the system refuses
 */
export async function makeFolder(path: string): Promise<void> {
  await attempt("make folder", path, () => Deno.mkdir(path, { recursive: true }));
}

/**
 * Appends text to a file, which is made where there is none.
 *
 * @throws {FileError} If the system refuses
 */
export async function appendText(path: string, text: string): Promise<void> {
  await attempt("write file", path, () => Deno.writeTextFile(path, text, { append: true }));
}

/**
 * Gives a file or folder another name.
 *
 * @throws {FileError} If the system refuses
 */
export async function move(path: string, target: string): Promise<void> {
  await attempt("write file", target, () => Deno.rename(path, target));
}

/**
 * Removes a file, or a folder with all in it; what is not there is removed already.
 *
 * @throws {FileError} If the system refuses
 */
export async function removeAll(path: string): Promise<void> {
  await attempt("remove file", path, async () => {
    await Deno.remove(path, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  });
}

/**
 * Makes or replaces a folder: one beside it is filled, which then gets its name.
 *
 * @param fill Writes into the folder it is given
 * @throws {FileError} If the system refuses; the old folder then stays
 */
export async function replaceFolder(
  path: string,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  const [partial, old] = [besideOf(path, "partial"), besideOf(path, "old")];
  await removeAll(partial);
  await makeFolder(partial);
  try {
    await fill(partial);
    await removeAll(old);
    if (await exists(path)) await move(path, old);
    await move(partial, path);
  } catch (error) {
    await Deno.remove(partial, { recursive: true }).catch(() => {});
    throw error;
  }
  await removeAll(old);
}

/** Path beside a folder, of the same name but hidden, where its next or last content lies. */
export function besideOf(path: string, what: "partial" | "old"): string {
  const [, parent = "", name = ""] = /^(.*?)([^/]+)\/*$/.exec(path) ?? [];
  return `${parent}.${name}.${what}`;
}

/**
 * Removes a folder in one step, as whoever looks on sees it.
 *
 * @throws {FileError} If the system refuses
 */
export async function dropFolder(path: string): Promise<void> {
  const doomed = besideOf(path, "old");
  await removeAll(doomed);
  await move(path, doomed);
  await removeAll(doomed);
}

/**
 * Copies a folder of files and folders.
 *
 * @throws {FileError} If the system refuses
 */
export async function copyFolder(path: string, target: string): Promise<void> {
  await makeFolder(target);
  const entries = await attempt("read directory", path, () => Array.fromAsync(Deno.readDir(path)));
  for (const { name, isDirectory } of entries) {
    const [from, to] = [`${path}/${name}`, `${target}/${name}`];
    if (isDirectory) await copyFolder(from, to);
    else await attempt("write file", to, () => Deno.copyFile(from, to));
  }
}

const leftover = /\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.(?:tmp|partial)$/;

/**
 * Removes what writes left in a folder when their process was killed: files and folders that never
 * got their names.
 *
 * @throws {FileError} If the system refuses
 */
export async function removeLeftovers(directory: string): Promise<void> {
  const names = await attempt("read directory", directory, () => {
    return Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
  });
  for (const name of names) {
    if (leftover.test(name) || /^\.(?:checkpoint-\d+|best|last)\.(?:partial|old)$/.test(name)) {
      await removeAll(`${directory}/${name}`);
    }
  }
}

async function attempt<T>(what: string, path: string, job: () => Promise<T>): Promise<T> {
  try {
    return await job();
  } catch (error) {
    throw new FileError(
      `Cannot ${what} as it requires a writable place: found ${reasonOf(error)}`,
      path,
    );
  }
}
