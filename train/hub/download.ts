/**
 * Downloads that go on where an earlier one stopped, checked by size and digest.
 *
 * @module
 */

import { DownloadError, FileError } from "../../core/errors.ts";
import { reasonOf, writeAll } from "../files/system.ts";
import { chunksOf } from "../../nn/formats/http_body.ts";
import { type Digest, digestFile } from "./digest.ts";
import {
  type HttpRequest,
  isTransient,
  pauseAfter,
  request,
  type RetryPolicy,
  unreached,
} from "./request.ts";

const weights = /\.safetensors$/;

/** Most bytes of a file that holds no weights, or of which nothing says how long it is. */
const mostUnsaid = 2 ** 28;

/** How far a download is. */
export interface DownloadProgress {
  /** Name of the file, as the server has it. */
  readonly name: string;
  /** Bytes on this disk, those of earlier attempts included. */
  readonly received: number;
  /** Bytes in all, where the server says. */
  readonly total: number | undefined;
}

/** What a caller of a download may hook into. */
export interface DownloadHooks {
  /** Called with a line for a log, such as a file that is complete. */
  onMessage?(line: string): void;
  /** How far a download is; called as bytes arrive. */
  onDownload?(progress: DownloadProgress): void;
}

/** A file to download, and what it must turn out to be. */
export interface Download extends Pick<HttpRequest, "address" | "token"> {
  /** Name of the file, as the server has it. */
  readonly name: string;
  /** File that grows; what it holds already is not asked for again. */
  readonly partial: string;
  /** Published size in bytes, where known. */
  readonly bytes?: number | undefined;
  /** Published digest; where absent the content is not checked. */
  readonly digest?: Digest | undefined;
  /** Called as bytes arrive. */
  onProgress?(progress: DownloadProgress): void;
  /** Makes an error of a response that refuses. */
  refuse(response: Response): DownloadError;
}

/**
 * Completes a partial file and checks it. The caller gives it its name.
 *
 * @throws {DownloadError} If the server refuses, or sends too little or something else; what has
 * arrived stays for another attempt, unless its digest is wrong
 * @throws {FileError} If the file cannot be written
 */
export async function download(what: Download, retry: RetryPolicy): Promise<void> {
  const { partial, digest, address } = what;
  const before = await sizeOf(partial);
  await fill(what, retry);
  if (digest === undefined) return;
  let found = await digestFile(partial, digest.algorithm);
  if (found !== digest.hex && before > 0) {
    // What lay there may have been of another file.
    await forget(partial);
    await fill(what, retry);
    found = await digestFile(partial, digest.algorithm);
  }
  if (found === digest.hex) return;
  await forget(partial);
  throw new DownloadError(
    `Cannot keep download as ${digest.algorithm} ${digest.hex} is required: found ${found}`,
    address,
  );
}

/** Asks until the file is whole; only attempts that add nothing are counted. */
async function fill(what: Download, retry: RetryPolicy): Promise<void> {
  let longest = await sizeOf(what.partial);
  for (let failures = 1;; failures++) {
    let fault: unknown;
    try {
      const missing = await append(what, retry);
      if (missing === 0) return;
      const size = await sizeOf(what.partial);
      fault = new DownloadError(
        `Cannot complete download as ${size + missing} bytes are required: found ${size}`,
        what.address,
      );
    } catch (error) {
      if (!isTransient(error)) throw error;
      fault = unreached(error, what.address);
    }
    const size = await sizeOf(what.partial);
    if (size > longest) failures = 0;
    longest = Math.max(longest, size);
    if (failures >= retry.attempts) throw fault;
    await retry.wait(pauseAfter(Math.max(1, failures)));
  }
}

/** Appends what one response brings and returns how many bytes are missing. */
async function append(what: Download, retry: RetryPolicy): Promise<number> {
  const { name, address, token, partial } = what;
  let from = await sizeOf(partial);
  if (what.bytes !== undefined && from > what.bytes) from = 0;
  if (what.bytes !== undefined && from > 0 && from === what.bytes) return 0;
  const { response } = await request({ address, token, from }, retry);
  if (response.status === 206 && from === 0) {
    await response.body?.cancel();
    throw new DownloadError(
      "Cannot use answer as the whole file was asked for: found status 206, a part",
      address,
      206,
    );
  }
  const range = /^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? "");
  if (response.status === 416 || response.status === 206 && Number(range?.[1]) !== from) {
    // What lies there is no beginning of this file, or the server cannot go on from it.
    await response.body?.cancel();
    await forget(partial);
    return what.bytes ?? 1;
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw what.refuse(response);
  }
  if (response.status !== 206) from = 0;
  const length = response.headers.get("Content-Length");
  const total = what.bytes ?? (length === null ? undefined : from + Number(length));
  let received = from;
  try {
    using file = await Deno.open(partial, { write: true, create: true });
    await file.truncate(from);
    await file.seek(from, Deno.SeekMode.Start);
    // Only weights are large.
    const most = Math.min(total ?? mostUnsaid, weights.test(name) ? Infinity : mostUnsaid) - from;
    const limits = { address, most, timeout: retry.timeout };
    for await (const chunk of chunksOf(response, limits)) {
      await writeAll(file, chunk);
      received += chunk.length;
      what.onProgress?.({ name, received, total });
    }
    await file.syncData();
  } catch (error) {
    if (error instanceof DownloadError) await forget(partial);
    if (isTransient(error) || error instanceof DownloadError) throw error;
    throw new FileError(`Cannot write download: found ${reasonOf(error)}`, partial);
  }
  return total === undefined ? 0 : total - received;
}

async function forget(partial: string): Promise<void> {
  try {
    await Deno.remove(partial);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new FileError(`Cannot remove download: found ${reasonOf(error)}`, partial);
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw new FileError(`Cannot look for file: found ${reasonOf(error)}`, path);
  }
}
