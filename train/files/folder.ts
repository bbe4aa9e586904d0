/**
 * Changes of folders with typed errors: a disk may be full or read-only at any of them.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { reasonOf } from "./files.ts";

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
 * Appends bytes to a file, which is made where there is none.
 *
 * @throws {FileError} If the system refuses
 */
export async function appendBytes(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  await attempt("write file", path, () => Deno.writeFile(path, bytes, { append: true }));
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
 * Names of what lies in a folder, in no order.
 *
 * @throws {FileError} If the system refuses
 */
export async function entriesOf(directory: string): Promise<string[]> {
  return await attempt("read directory", directory, () => {
    return Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
  });
}

const leftover = /\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.(?:tmp|partial)$/;

/**
 * Removes what writes left in a folder when their process was killed: files and folders that never
 * got their names.
 *
 * @throws {FileError} If the system refuses
 */
export async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await entriesOf(directory)) {
    if (leftover.test(name) || /^\.checkpoint-\d+\.partial$/.test(name)) {
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
