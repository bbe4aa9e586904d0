/**
 * What the hub says of repositories and their files, and what its refusals mean.
 *
 * @module
 */

import { DownloadError } from "../../core/errors.ts";
import { isRecord } from "../../nn/formats/json_record.ts";
import { bodyText } from "../../nn/formats/http_body.ts";
import type { Digest } from "./digest.ts";
import { isCommit, type Repository } from "./repository.ts";
import { request, type RetryPolicy } from "./request.ts";
import type { HubSettings } from "./settings.ts";

/** Most bytes of a listing. */
const mostListed = 2 ** 25;

/** A repository's commit and what lies in it. */
export interface RepositoryListing {
  /** Commit that the revision means now, 40 hexadecimal digits. */
  readonly commit: string;
  /** Paths of all files at that commit. */
  readonly files: readonly string[];
}

/** A file's content, named by its digest. */
export interface FileContent {
  /** Name of the content, and of its file in the cache. */
  readonly etag: string;
  /** Size in bytes, where the hub says. */
  readonly bytes: number | undefined;
  /** What the content must hash to, where the name says. */
  readonly digest: Digest | undefined;
}

/**
 * Looks a revision up.
 *
 * @throws {DownloadError} If the hub refuses or cannot be reached
 */
export async function readListing(
  repository: Repository,
  { endpoint, token }: HubSettings,
  retry: RetryPolicy,
): Promise<RepositoryListing> {
  const { id, revision } = repository;
  const address = `${endpoint}/api/models/${id}/revision/${encodeURIComponent(revision)}`;
  const { response } = await request({ address, token }, retry);
  if (!response.ok) {
    await response.body?.cancel();
    throw refusal(response, repository, endpoint);
  }
  const limits = { address, most: mostListed, timeout: retry.timeout };
  const json = parsed(await bodyText(response, limits));
  const { sha, siblings } = isRecord(json) ? json : {};
  const files = (Array.isArray(siblings) ? siblings : []).flatMap((one: unknown) => {
    const name = isRecord(one) ? one["rfilename"] : undefined;
    return typeof name === "string" ? [name] : [];
  });
  if (typeof sha !== "string" || !isCommit(sha) || files.length === 0) {
    throw new DownloadError("Cannot use answer as a hub's commit and files are required", address);
  }
  return { commit: sha, files };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Address of a file at a commit. */
export function addressOf(endpoint: string, id: string, commit: string, file: string): string {
  return `${endpoint}/${id}/resolve/${commit}/${file}`;
}

/**
 * Asks what a file's content is.
 *
 * @throws {DownloadError} If the hub refuses, cannot be reached or names no content
 */
export async function readContent(
  { id, revision }: Repository,
  commit: string,
  file: string,
  { endpoint, token }: HubSettings,
  retry: RetryPolicy,
): Promise<FileContent> {
  const address = addressOf(endpoint, id, commit, file);
  // A large file's content is named by the redirect to the server that holds it.
  const { response, header } = await request(
    { address, method: "HEAD", token, stay: true },
    retry,
  );
  await response.body?.cancel();
  if (response.status >= 400) throw refusal(response, { id, revision }, endpoint, file);
  const redirects = response.status >= 300;
  const name = header("X-Linked-Etag") ?? response.headers.get("ETag") ?? "";
  const etag = name.replace(/^W\//, "").replaceAll('"', "");
  // The name becomes a file name.
  if (!/^[\w-][\w.-]{0,199}$/.test(etag)) {
    throw new DownloadError(
      `Cannot use answer as an ETag is required: found ${JSON.stringify(name)}`,
      address,
    );
  }
  const size = header("X-Linked-Size") ??
    (redirects ? undefined : response.headers.get("Content-Length"));
  const bytes = size ? Number(size) : undefined;
  if (bytes !== undefined && !(Number.isSafeInteger(bytes) && bytes >= 0)) {
    throw new DownloadError(`Cannot use answer as a size is required: found ${size}`, address);
  }
  return { etag, bytes, digest: digestOf(etag) };
}

/** Large files are named by SHA-256, others as git names them; anything else says nothing. */
function digestOf(etag: string): Digest | undefined {
  if (/^[0-9a-f]{64}$/.test(etag)) return { algorithm: "sha256", hex: etag };
  return isCommit(etag) ? { algorithm: "git-sha1", hex: etag } : undefined;
}

/** A refusal of the hub as an error that says what can be done. */
export function refusal(
  { status, headers }: Response,
  { id, revision }: Repository,
  endpoint: string,
  file?: string,
): DownloadError {
  const code = headers.get("X-Error-Code");
  const sentence = code === "GatedRepo" || status === 403
    ? `Cannot read as access must be granted on ${endpoint}/${id}: set HF_TOKEN to a token of an ` +
      "account that has it"
    : code === "RevisionNotFound"
    ? `Cannot find revision ${revision}`
    : code === "EntryNotFound"
    ? `Cannot find file ${file}`
    : code === "RepoNotFound" || status === 401 || status === 404
    ? "Cannot find a folder or a public repository of this name: set HF_TOKEN for a private one"
    : "Cannot read as the hub refuses";
  return new DownloadError(`${sentence}: found status ${status}`, id, status);
}
