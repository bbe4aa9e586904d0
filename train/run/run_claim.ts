/**
 * The folder that a run is to write in, before there is anything to write: it is locked, and left as
 * it was found where the run comes to nothing.
 *
 * @module
 */

import { exists, isFolder, requireEmptyDirectory } from "../files/files.ts";
import { removeAll, restoreReplacedIn } from "../files/folder.ts";
import { FolderLock, lockName } from "../files/lock.ts";

/** A folder that this process alone writes in. */
export class RunClaim implements AsyncDisposable {
  /** What is removed again where the run comes to nothing. */
  readonly #made: string[] = [];

  private constructor(
    private readonly directory: string,
    private readonly lock: FolderLock,
    private isKept: boolean,
    private readonly isNew: boolean,
  ) {}

  /**
   * Claims a folder.
   *
   * @param goesOn Whether it holds the run that goes on; else it must hold nothing
   * @throws {FileError} If another process holds it, it holds something else, or the system refuses
   */
  static async open(directory: string, goesOn: boolean): Promise<RunClaim> {
    const isNew = !await exists(directory);
    if (isNew || !await isFolder(directory)) await requireEmptyDirectory(directory);
    const lock = await FolderLock.take(directory);
    const claim = new RunClaim(directory, lock, goesOn, isNew);
    try {
      if (goesOn) await restoreReplacedIn(directory);
      else await requireEmptyDirectory(directory, [lockName]);
    } catch (error) {
      await claim[Symbol.asyncDispose]();
      throw error;
    }
    return claim;
  }

  /** Says that something was put into the folder before there was anything to keep. */
  made(path: string): void {
    this.#made.push(path);
  }

  /** Says that the folder has what is worth keeping from here on. */
  keep(): void {
    this.isKept = true;
  }

  /** Lets go of the folder; a new one goes, with what was made in it, where nothing is to be kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isKept) await Promise.all(this.#made.map((path) => removeAll(path).catch(() => {})));
    await this.lock[Symbol.asyncDispose]();
    if (!this.isKept && this.isNew) await Deno.remove(this.directory).catch(() => {});
  }
}
