/**
 * The folders of a run: its base model and the adapter it starts from, here or on the hub.
 *
 * @module
 */

import type { TrainConfig } from "../config/config.ts";
import type { DownloadHooks } from "../hub/download.ts";
import { type ModelSource, resolveModel } from "../hub/resolve_model.ts";

/** Folders of a run, and its configuration with the commits they were taken from. */
export interface RunFolders {
  /** Base model, in a folder of its own or in the hub's cache. */
  readonly base: ModelSource;
  /** Adapter to start from; undefined where a new one is made. */
  readonly start: ModelSource | undefined;
  /** The configuration; a repository's name has its commit, which never changes. */
  readonly config: TrainConfig;
}

/** Finds or downloads the folders of a run. */
export async function locateFolders(
  config: TrainConfig,
  hooks: DownloadHooks = {},
): Promise<RunFolders> {
  const base = await resolveModel(config.model, "model", hooks);
  const start = config.adapter === undefined
    ? undefined
    : await resolveModel(config.adapter, "adapter", hooks);
  const named = { model: base.name, ...(start && { adapter: start.name }) };
  return { base, start, config: { ...config, ...named } };
}
