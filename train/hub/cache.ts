/**
 * The cache that Hugging Face tools share, for one repository:
 *
 *     models--org--name/{blobs/<etag>, refs/<revision>, snapshots/<commit>/<file>}
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { exists, readText, writeFileAtomic } from "../files/files.ts";
import { reasonOf } from "../files/system.ts";
import { isCommit } from "./repository.ts";
import type { HubSettings } from "./settings.ts";

/** A repository's place in the cache. */
export class RepositoryCache {
  readonly #folder: string;
  readonly #locks: string;
  readonly #settings: HubSettings;

  /** Makes the object; nothing is read or written. */
  constructor(settings: HubSettings, id: string) {
    const name = `models--${id.replace("/", "--")}`;
    this.#settings = settings;
    this.#folder = `${settings.cache}/${name}`;
    this.#locks = `${settings.cache}/.locks/${name}`;
  }

  /** Folder in which a commit's files have their own names. */
  snapshot(commit: string): string {
    return `${this.#folder}/snapshots/${commit}`;
  }

  /** Path of a content, which is named by its ETag. */
  blob(etag: string): string {
    return `${this.#folder}/blobs/${etag}`;
  }

  /** Commit that a branch or tag meant when it was last looked up. */
  async commitOf(revision: string): Promise<string | undefined> {
    const path = `${this.#folder}/refs/${revision}`;
    const commit = await exists(path) ? (await readText(path)).trim() : "";
    return isCommit(commit) ? commit : undefined;
  }

  /** Notes the commit of a branch or tag. */
  async noteCommit(revision: string, commit: string): Promise<void> {
    if (revision === commit || await this.commitOf(revision) === commit) return;
    const path = `${this.#folder}/refs/${revision}`;
    await makeFolder(path.replace(/\/[^/]+$/, ""));
    await writeFileAtomic(path, commit);
  }

  /** Makes the folders of a snapshot, and marks the cache as one for backup programs. */
  async prepare(commit: string): Promise<void> {
    for (const folder of [this.snapshot(commit), `${this.#folder}/blobs`, this.#locks]) {
      await makeFolder(folder);
    }
    const tag = `${this.#settings.cache}/CACHEDIR.TAG`;
    if (await exists(tag)) return;
    await writeFileAtomic(
      tag,
      "Signature: 8a477f597d28d172789f06886806bc55\n# Hugging Face cache\n",
    );
  }

  /** Runs a job while no other process, Python's tools included, fetches the same content. */
  async locked<T>(etag: string, job: () => Promise<T>): Promise<T> {
    const path = `${this.#locks}/${etag}.lock`;
    using file = await Deno.open(path, { write: true, create: true }).catch((error) => {
      throw new FileError(`Cannot lock the cache: found ${reasonOf(error)}`, path);
    });
    // Some network drives have no locks: the digest and the rename still keep the cache whole.
    await file.lock(true).catch(() => {});
    return await job();
  }

  /**
   * Gives a content its name in a snapshot: a symbolic link, else a hard link, else the file itself.
   *
   * @throws {FileError} If none of them can be made
   */
  async link(etag: string, commit: string, file: string): Promise<void> {
    const target = `${this.snapshot(commit)}/${file}`;
    const temporary = `${target}.${crypto.randomUUID()}.tmp`;
    const blob = this.blob(etag);
    const ways = [
      () => Deno.symlink(`../../blobs/${etag}`, temporary),
      () => Deno.link(blob, temporary),
      () => Deno.rename(blob, temporary),
    ].slice(this.#settings.symlinks ? 0 : 1);
    let fault: unknown;
    for (const way of ways) {
      try {
        await way();
        await Deno.rename(temporary, target);
        return;
      } catch (error) {
        fault = error;
      }
      await Deno.remove(temporary).catch(() => {});
    }
    throw new FileError(`Cannot add file to the cache: found ${reasonOf(fault)}`, target);
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw new FileError(`Cannot make folder of the cache: found ${reasonOf(error)}`, path);
  }
}
