/**
 * Files that are read by ranges, wherever they lie: chosen in a page, kept in its storage, or on a web
 * server.
 *
 * @module
 */

import { DownloadError, FileError } from "../../core/errors.ts";
import { answerOf, type BodyLimits, chunksOf, unlessAborted, type Waiting } from "./http_body.ts";

/** A file of which parts can be read. */
export interface FileRanges {
  /** Name or address, for messages. */
  readonly path: string;
  /** Length in bytes. */
  readonly size: number;
  /** The bytes from `begin` to before `end`, which lie within the file. */
  read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** A folder of such files. */
export interface RangesFolder {
  /** Name or address, for messages. */
  readonly path: string;
  /** Opens the file of a name; undefined where there is none. */
  open(name: string): Promise<FileRanges | undefined>;
}

/**
 * Files by name as a folder; they are read by slices.
 *
 * @param signal Ends what is read, with its own reason as the error
 */
export function blobFolder(
  path: string,
  files: ReadonlyMap<string, Blob>,
  signal?: AbortSignal,
): RangesFolder {
  return {
    path,
    open(name) {
      const file = files.get(name);
      return Promise.resolve(file && blobRanges(file, `${path}/${name}`, signal));
    },
  };
}

function blobRanges(file: Blob, path: string, signal: AbortSignal | undefined): FileRanges {
  return {
    path,
    size: file.size,
    async read(begin, end) {
      try {
        return new Uint8Array(await unlessAborted(file.slice(begin, end).arrayBuffer(), signal));
      } catch (error) {
        signal?.throwIfAborted();
        const found = error instanceof Error ? error.message : String(error);
        throw new FileError(
          `Cannot read file as one that has not changed since it was chosen is required: found ${found}`,
          path,
        );
      }
    },
  };
}

/**
 * A folder of a web server that answers requests for ranges.
 *
 * @param address Its address, absolute or relative to the page; what it asks behind a question mark is
 * asked for every file
 */
export function webFolder(address: string, waiting: Waiting): RangesFolder {
  const [, folder = "", query = ""] = /^([^?#]*)(\?[^#]*)?/.exec(address) ?? [];
  const path = folder.replace(/\/+$/, "");
  return {
    path,
    open(name) {
      // A name from an index must not lead elsewhere: to a browser %2e%2e is the folder above.
      return webRanges({
        path: `${path}/${name}`,
        url: `${path}/${encodeURIComponent(name)}${query}`,
        waiting,
      });
    },
  };
}

/** A file of a web server: what messages call it, its address, and how long it is waited for. */
interface WebFile {
  readonly path: string;
  readonly url: string;
  readonly waiting: Waiting;
}

/** A file of a web server; undefined where it has none. */
async function webRanges(file: WebFile): Promise<FileRanges | undefined> {
  const first = await request(file, 0, 1);
  if (first === undefined) return undefined;
  const { size, tag } = first;
  return {
    path: file.path,
    size,
    async read(begin, end) {
      // A range of no byte cannot be asked for.
      if (begin === end) return new Uint8Array();
      const found = await request(file, begin, end);
      // Where pages of other hosts may not read the tag, there is none.
      if (found?.size === size && found.tag === tag) return found.bytes;
      const other = found?.size === size
        ? "another version"
        : `${found?.size} bytes instead of ${size}`;
      throw new DownloadError(
        `Cannot read file as one that stays the same is required: found ${
          found === undefined ? "none" : other
        }`,
        file.path,
      );
    },
  };
}

/** What a server says of a file, with the range that was asked for. */
interface Range {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Length of the whole file. */
  readonly size: number;
  /** Its version. */
  readonly tag: string | null;
}

/**
 * Asks for a range of a file; undefined where the server has no such file.
 *
 * @throws {DownloadError} If the server cannot be reached, falls silent or sends anything else
 */
async function request(
  { path, url, waiting }: WebFile,
  begin: number,
  end: number,
): Promise<Range | undefined> {
  const headers = { range: `bytes=${begin}-${end - 1}` };
  let response: Response;
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    response = await answerOf(url, { headers }, waiting);
    bytes = response.status === 206
      ? await bodyOf(response, { ...waiting, address: path, most: Infinity }, end - begin)
      : undefined;
    if (bytes === undefined) await response.body?.cancel();
  } catch (error) {
    waiting.signal?.throwIfAborted();
    if (error instanceof DownloadError) throw error;
    const found = error instanceof Error ? error.message : String(error);
    throw new DownloadError(
      `Cannot read file as a network that reaches it is required: found ${found}`,
      path,
    );
  }
  const { status } = response;
  if (status === 404) return undefined;
  const said = response.headers.get("content-range");
  const tag = response.headers.get("etag");
  const fail = (required: string, found: string): never => {
    throw new DownloadError(`Cannot read file as ${required}: found ${found}`, path, status);
  };
  // An empty file, and one that has become shorter, have no byte there.
  const whole = /^bytes \*\/(\d+)$/.exec(said ?? "")?.[1];
  if (status === 416 && whole !== undefined && Number(whole) <= begin) {
    return { bytes: new Uint8Array(), size: Number(whole), tag };
  }
  if (bytes === undefined) {
    const required = response.ok ? "answers requests for ranges" : "lets it be read";
    return fail(`a server that ${required} is required`, `status ${status}`);
  }
  const [, from, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(said ?? "") ?? [];
  if (Number(from) === begin && Number(last) === end - 1 && bytes.length === end - begin) {
    return { bytes, size: Number(size), tag };
  }
  return fail(
    `bytes ${begin} to ${end - 1} and a header content-range that says so are required`,
    `${bytes.length} bytes and ${said ?? "none"}`,
  );
}

/** What a server sends, up to a byte more than was asked for: it may never end. */
async function bodyOf(
  response: Response,
  limits: BodyLimits,
  asked: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(asked + 1);
  let filled = 0;
  for await (const part of chunksOf(response, limits)) {
    const taken = part.subarray(0, bytes.length - filled);
    bytes.set(taken, filled);
    filled += taken.length;
    if (filled > asked) break;
  }
  return bytes.subarray(0, filled);
}
