/**
 * The folder that a run is to write in, before there is anything to write: it is locked, and left as
 * it was found where the run comes to nothing.
 *
 * @module
 */

import { exists, isFolder, requireEmptyDirectory, writeFileAtomic } from "../files/files.ts";
import {
  isLeftover,
  namesIn,
  removeAll,
  removeLeftovers,
  restoreReplacedIn,
} from "../files/folder.ts";
import { FolderLock, lockName } from "../files/lock.ts";

/** File in a folder that a run is being copied to. */
const copyMark = ".copy.partial";

/** What a copied run puts into its folder until it trains. */
const copied = /^(?:checkpoint-\d+|best|metrics\.jsonl|run\.json|events\.out\.tfevents\..*)$/;

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
    const lock = await FolderLock.take(directory).catch(async (error) => {
      if (isNew) await Deno.remove(directory).catch(() => {});
      throw error;
    });
    const claim = new RunClaim(directory, lock, goesOn, isNew);
    try {
      if (goesOn) {
        await restoreReplacedIn(directory);
        await removeLeftovers(directory);
      } else {
        await removeRemains(directory);
        await requireEmptyDirectory(directory, [lockName]);
      }
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

  /**
   * Says that a run is about to be copied into the folder. Where the process is killed before it is
   * whole, the folder counts as empty.
   *
   * @throws {FileError} If the system refuses
   */
  async beginCopy(): Promise<void> {
    const mark = `${this.directory}/${copyMark}`;
    this.made(mark);
    await writeFileAtomic(mark, "");
  }

  /**
   * Says that the folder has what is worth keeping from here on.
   *
   * @throws {FileError} If the system refuses
   */
  async keep(): Promise<void> {
    if (this.isKept) return;
    await removeAll(`${this.directory}/${copyMark}`);
    this.isKept = true;
  }

  /** Lets go of the folder; a new one goes, with what was made in it, where nothing is to be kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isKept) await Promise.all(this.#made.map((path) => removeAll(path).catch(() => {})));
    await this.lock[Symbol.asyncDispose]();
    if (!this.isKept && this.isNew) await Deno.remove(this.directory).catch(() => {});
  }
}

/** Removes what a killed process left of a run that had nothing to keep; else all stays. */
async function removeRemains(directory: string): Promise<void> {
  const names = (await namesIn(directory)).filter((name) => name !== lockName);
  const isCopy = names.includes(copyMark);
  if (!names.every((name) => isLeftover(name) || (isCopy && copied.test(name)))) return;
  // The mark goes last: until then the rest can still be told.
  const rest = names.filter((name) => name !== copyMark);
  for (const name of isCopy ? [...rest, copyMark] : rest) await removeAll(`${directory}/${name}`);
}
