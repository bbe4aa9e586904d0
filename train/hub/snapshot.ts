/**
 * A repository's files on this machine: from the cache, and what is missing from the hub.
 *
 * @module
 */

import { DownloadError, FileError } from "../../core/errors.ts";
import { exists } from "../files/files.ts";
import { reasonOf } from "../files/system.ts";
import { RepositoryCache } from "./cache.ts";
import { addressOf, readContent, readListing, refusal, type RepositoryListing } from "./client.ts";
import { download, type DownloadHooks } from "./download.ts";
import { filesToDownload, missingFiles, missingIn, shardsOf, type SnapshotKind } from "./needed.ts";
import { isCommit, type Repository } from "./repository.ts";
import { defaultRetryPolicy, type RetryPolicy } from "./request.ts";
import type { HubSettings } from "./settings.ts";

/** A repository's files in a folder. */
export interface Snapshot {
  /** Folder of the commit's files in the cache. */
  readonly directory: string;
  /** The commit, 40 hexadecimal digits. */
  readonly commit: string;
}

/**
 * Gets what is needed of a repository. A commit that is whole in the cache is not asked for again;
 * a branch is, but where the hub cannot be reached what the cache has of it will do.
 *
 * @throws {DownloadError} If the hub refuses or cannot be reached and the cache does not have all
 * @throws {FileError} If the cache cannot be written
 */
export async function downloadSnapshot(
  repository: Repository,
  kind: SnapshotKind,
  settings: HubSettings,
  hooks: DownloadHooks = {},
  policy: RetryPolicy = { ...defaultRetryPolicy, timeout: settings.timeout },
): Promise<Snapshot> {
  const { id, revision } = repository;
  const retry = { ...policy, ...(hooks.onMessage && { onMessage: hooks.onMessage }) };
  const cache = new RepositoryCache(settings, id);
  const known = isCommit(revision) ? revision : await cache.commitOf(revision);
  const cached = known === undefined
    ? undefined
    : { directory: cache.snapshot(known), commit: known };
  const missing = cached === undefined ? ["refs"] : await missingIn(kind, cached.directory);
  const whole = missing === undefined ? cached : undefined;
  if (whole !== undefined && (settings.offline || isCommit(revision))) return whole;
  if (settings.offline) {
    const lacks = cached === undefined ? `revision ${revision}` : missing?.join(" or ");
    throw new DownloadError(
      `Cannot download as HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set: the cache lacks ${lacks}`,
      id,
    );
  }
  let listing: RepositoryListing;
  try {
    // Where the cache will do, a silent hub is asked only once.
    const attempts = whole === undefined ? retry.attempts : 1;
    listing = await readListing(repository, settings, { ...retry, attempts });
  } catch (error) {
    const silent = error instanceof DownloadError && (error.status ?? 500) >= 429;
    if (silent && cached === undefined && error.status === undefined) {
      const message = `Cannot find a folder of this name or reach the hub: ${error.message}`;
      throw new DownloadError(message, id);
    }
    if (whole === undefined || !silent) throw error;
    hooks.onMessage?.(`${id}: taken from the cache at ${whole.commit}, as ${error.message}`);
    return whole;
  }
  const lacking = missingFiles(kind, listing.files);
  if (lacking !== undefined) {
    throw new DownloadError(
      `Cannot use this repository as ${lacking.join(" or ")} is required: found ` +
        listing.files.filter((name) => !name.startsWith(".")).join(", "),
      id,
    );
  }
  const { commit } = listing;
  const fetcher = { repository, commit, cache, settings, hooks, retry };
  const directory = cache.snapshot(commit);
  for (const file of filesToDownload(kind, listing.files)) await linkFile(file, fetcher);
  for (const file of await shardsOf(kind, directory)) await linkFile(file, fetcher);
  // Noted last: what a branch leads to in the cache is whole.
  await cache.noteCommit(revision, commit);
  return { directory, commit };
}

interface Fetcher {
  readonly repository: Repository;
  readonly commit: string;
  readonly cache: RepositoryCache;
  readonly settings: HubSettings;
  readonly hooks: DownloadHooks;
  readonly retry: RetryPolicy;
}

/** Brings one file into the snapshot. */
async function linkFile(file: string, fetcher: Fetcher): Promise<void> {
  const { repository, commit, cache, settings, hooks, retry } = fetcher;
  const target = `${cache.snapshot(commit)}/${file}`;
  if (await exists(target)) return;
  const content = await readContent(repository, commit, file, settings, retry);
  const { etag, bytes, digest } = content;
  await cache.prepare(commit);
  await cache.locked(etag, async () => {
    if (await exists(target)) return;
    const blob = cache.blob(etag);
    if (!await exists(blob)) {
      const partial = `${blob}.incomplete`;
      await download({
        name: file,
        address: addressOf(settings.endpoint, repository.id, commit, file),
        token: settings.token,
        partial,
        bytes,
        digest,
        refuse: (response) => refusal(response, repository, settings.endpoint, file),
        ...(hooks.onDownload && { onProgress: hooks.onDownload }),
      }, retry);
      await Deno.rename(partial, blob).catch((error) => {
        throw new FileError(`Cannot add file to the cache: found ${reasonOf(error)}`, blob);
      });
      hooks.onMessage?.(`${repository.id}: downloaded ${file}`);
    }
    await cache.link(etag, commit, file);
  });
}
