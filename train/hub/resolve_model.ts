/**
 * From what `--model` or `--adapter` says to a folder: a path, or a repository of the hub.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { exists } from "../files/files.ts";
import type { DownloadHooks } from "./download.ts";
import type { SnapshotKind } from "./needed.ts";
import { parseRepository, resemblesRepository } from "./repository.ts";
import { hubSettings } from "./settings.ts";
import { downloadSnapshot } from "./snapshot.ts";

/** A folder with a model or an adapter. */
export interface ModelSource {
  /** Folder with the files, the caller's own or a snapshot in the hub's cache. */
  readonly directory: string;
  /** What leads here for good: the path as given, or `org/name@commit`. */
  readonly name: string;
  /** `org/name` of the repository; absent for a folder of the caller's own. */
  readonly id?: string;
  /** Commit of the repository, 40 hexadecimal digits. */
  readonly commit?: string;
}

/**
 * Finds a model or an adapter. What has the form `org/name` or `org/name@revision` and is no path
 * that exists is taken from the hub's cache, or downloaded into it.
 *
 * @throws {OptionError} If it is no path that exists and no name of a repository
 * @throws {DownloadError} If the hub refuses or cannot be reached
 * @throws {FileError} If the cache cannot be written
 */
export async function resolveModel(
  source: string,
  kind: SnapshotKind,
  hooks: DownloadHooks = {},
): Promise<ModelSource> {
  if (await exists(source)) return { directory: source, name: source };
  if (!resemblesRepository(source)) {
    throw new OptionError(
      `Cannot find ${kind} ${shown(source)} as a folder or a repository of the hub, org/name, is ` +
        "required: found neither",
    );
  }
  const repository = parseRepository(source);
  const { directory, commit } = await downloadSnapshot(
    repository,
    kind,
    await hubSettings(),
    hooks,
  );
  return { directory, name: `${repository.id}@${commit}`, id: repository.id, commit };
}
