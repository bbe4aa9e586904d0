/**
 * Files that are read by ranges, wherever they lie: chosen in a page, kept in its storage, or on a web
 * server.
 *
 * @module
 */

import { DownloadError, FileError } from "../../core/errors.ts";

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

/** Files by name as a folder; they are read by slices. */
export function blobFolder(path: string, files: ReadonlyMap<string, Blob>): RangesFolder {
  return {
    path,
    open(name) {
      const file = files.get(name);
      return Promise.resolve(file && blobRanges(file, `${path}/${name}`));
    },
  };
}

function blobRanges(file: Blob, path: string): FileRanges {
  return {
    path,
    size: file.size,
    async read(begin, end) {
      try {
        return new Uint8Array(await file.slice(begin, end).arrayBuffer());
      } catch (error) {
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
 * @param address Its address, absolute or relative to the page
 */
export function webFolder(address: string): RangesFolder {
  const path = address.replace(/\/+$/, "");
  return { path, open: (name) => webRanges(`${path}/${name}`) };
}

/** A file of a web server; undefined where it has none. */
async function webRanges(path: string): Promise<FileRanges | undefined> {
  const first = await request(path, 0, 1);
  if (first === undefined) return undefined;
  const { size } = first;
  return {
    path,
    size,
    async read(begin, end) {
      // A range of no byte cannot be asked for.
      if (begin === end) return new Uint8Array();
      const found = await request(path, begin, end);
      if (found?.size === size) return found.bytes;
      throw new DownloadError(
        `Cannot read file as one that stays the same is required: found ${
          found === undefined ? "none" : `${found.size} bytes instead of ${size}`
        }`,
        path,
      );
    },
  };
}

/**
 * Asks for a range of a file; undefined where the server has no such file.
 *
 * @throws {DownloadError} If the server cannot be reached or sends anything else
 */
async function request(
  path: string,
  begin: number,
  end: number,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly size: number } | undefined> {
  const headers = { range: `bytes=${begin}-${end - 1}` };
  let response: Response;
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    response = await fetch(path, { headers });
    if (response.status !== 206) {
      await response.body?.cancel();
      if (response.status === 404) return undefined;
      const required = "a server that answers requests for ranges is required";
      const found = `found status ${response.status}`;
      throw new DownloadError(`Cannot read file as ${required}: ${found}`, path, response.status);
    }
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (error instanceof DownloadError) throw error;
    const found = error instanceof Error ? error.message : String(error);
    throw new DownloadError(
      `Cannot read file as a network that reaches it is required: found ${found}`,
      path,
    );
  }
  const said = response.headers.get("content-range");
  const [, from, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(said ?? "") ?? [];
  if (Number(from) === begin && bytes.length === end - begin) return { bytes, size: Number(size) };
  throw new DownloadError(
    `Cannot read file as bytes ${begin} to ${
      end - 1
    } and a header content-range that says so are ` +
      `required: found ${bytes.length} bytes and ${said ?? "none"}`,
    path,
  );
}
