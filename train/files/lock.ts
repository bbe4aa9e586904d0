/**
 * Locks of folders: one process at a time writes in them. The system lets go of a lock when its
 * process ends, however that comes about.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { isRecord } from "../../nn/formats/json_record.ts";
import { reasonOf } from "./system.ts";

/** Name of the file in a locked folder that names the process. */
export const lockName = "run.lock";

/** A folder that this process alone writes in. */
export class FolderLock implements AsyncDisposable {
  private constructor(
    private readonly path: string,
    private readonly file: Deno.FsFile,
  ) {}

  /**
   * Locks a folder, also one whose last process was killed.
   *
   * @param directory An existing folder
   * @throws {FileError} If another process holds it, or the system refuses
   */
  static async take(directory: string): Promise<FolderLock> {
    const lock = await FolderLock.tryTake(directory);
    if (lock === undefined) throw await heldError(directory, `${directory}/${lockName}`);
    return lock;
  }

  /**
   * Locks a folder, unless another process holds it.
   *
   * @param directory An existing folder
   * @returns Undefined where another process holds it
   * @throws {FileError} If the system refuses
   */
  static async tryTake(directory: string): Promise<FolderLock | undefined> {
    const path = `${directory}/${lockName}`;
    for (;;) {
      const file = await Deno.open(path, { read: true, write: true, create: true })
        .catch((error) => refuse(path, reasonOf(error)));
      let isHeld = false;
      try {
        if (!await file.tryLock(true)) {
          file.close();
          return undefined;
        }
        // Whoever held it may have removed the file since it was opened here.
        if (!await isSame(file, path)) {
          file.close();
          continue;
        }
        isHeld = true;
        const owner = { pid: Deno.pid, host: hostName(), since: new Date().toISOString() };
        await file.truncate();
        await file.write(new TextEncoder().encode(`${JSON.stringify(owner)}\n`));
        return new FolderLock(path, file);
      } catch (error) {
        if (isHeld) await Deno.remove(path).catch(() => {});
        file.close();
        return refuse(path, reasonOf(error));
      }
    }
  }

  /**
   * Whether a process holds a folder at this moment.
   *
   * @throws {FileError} If the system refuses to say
   */
  static async isHeld(directory: string): Promise<boolean> {
    const path = `${directory}/${lockName}`;
    try {
      using file = await Deno.open(path);
      return !await file.tryLock(false);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      return refuse(path, reasonOf(error));
    }
  }

  /** Removes the file, then lets go. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path).catch(() => {});
    this.file.close();
  }
}

function refuse(path: string, found: string): never {
  throw new FileError(`Cannot lock folder as it requires a writable place: found ${found}`, path);
}

async function isSame(file: Deno.FsFile, path: string): Promise<boolean> {
  const [held, named] = await Promise.all([file.stat(), Deno.stat(path).catch(() => undefined)]);
  return held.ino === named?.ino && held.dev === named.dev;
}

/** Says which process holds a folder, as its lock names it. */
async function heldError(directory: string, path: string): Promise<FileError> {
  const text = await Deno.readTextFile(path).catch(() => "");
  const { pid, host, since } = parsed(text);
  const owner = typeof pid === "number"
    ? `process ${pid} on ${host} since ${since}`
    : "another one";
  return new FileError(
    `Cannot write in the folder as no other process may hold it: found ${owner}`,
    directory,
  );
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

/** Name of this machine, where the process may know it without asking. */
function hostName(): string {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "hostname" });
  return state === "granted" ? Deno.hostname() : "this machine";
}
