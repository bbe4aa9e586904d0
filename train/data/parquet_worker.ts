/**
 * Decodes parquet in a thread of its own, which {@linkcode readParquet} ends where a file leads the
 * decoder astray: lengths and counts of the format are not all checked by it.
 *
 * @module
 */

import {
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
} from "hyparquet";
import { compressors as others } from "hyparquet-compressors";
import { parentPort, workerData } from "node:worker_threads";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";

/** Address of this module, from which the thread is started. */
export const workerAddress: string = import.meta.url;
/** What the thread is started with; without it this module does nothing. */
export const workerName = "hiddenkey-parquet";

/** What the thread is asked: a file's columns, then the rows of some of them. */
export type ParquetRequest = { readonly path: string } | { readonly names: readonly string[] };

/** What the thread answers. */
export type ParquetAnswer =
  /** That it has begun, before it is asked. */
  | { readonly ready: true }
  /** Names of the columns, and rows and bytes of each group. */
  | { readonly header: string[]; readonly groups: { rows: number; bytes: number }[] }
  /** Rows of the next group, their cells in the order of the names. */
  | { readonly rows: unknown[][] }
  /** What is wrong with the file. */
  | { readonly fault: string };

/** What checks sums and lengths of its own, instead of what decodes damaged pages. */
const compressors: typeof others = {
  ...others,
  GZIP: (page, size) => gunzipSync(page, { maxOutputLength: Math.max(1, size) }),
  BROTLI: (page, size) => brotliDecompressSync(page, { maxOutputLength: Math.max(1, size) }),
  ZSTD: (page, size) => zstdDecompressSync(page, { maxOutputLength: Math.max(1, size) }),
};

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const parsers = { stringFromBytes: (bytes: Uint8Array | undefined) => bytes && textOf(bytes) };

function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Error("a text that is not UTF-8");
  }
}

if (workerData === workerName) serve((answer) => parentPort?.postMessage(answer));

/** Nothing in a cell is null; undefined comes of a number beyond a dictionary or of a short page. */
const absent = "fewer values than rows, or a value beyond its dictionary";

function serve(post: (answer: ParquetAnswer) => void): void {
  let open: { file: Awaited<ReturnType<typeof asyncBufferFromFile>>; metadata: FileMetaData };
  const answer = async (request: ParquetRequest) => {
    if ("path" in request) {
      const file = await asyncBufferFromFile(request.path);
      open = { file, metadata: await parquetMetadataAsync(file) };
      post(headerOf(open.metadata));
      return;
    }
    const { file, metadata } = open;
    const columns = [...request.names];
    for (const group of metadata.row_groups) {
      const rowEnd = Number(group.num_rows);
      let rows: unknown[][] = [];
      if (rowEnd > 0) {
        const onComplete = (found: unknown[][]) => rows = found;
        // Of the whole metadata every group would be looked through for each.
        const one = { ...metadata, row_groups: [group] };
        const read = { file, metadata: one, columns, rowStart: 0, rowEnd, compressors, parsers };
        await parquetRead({ ...read, onComplete });
      }
      post(rows.some((row) => row.includes(undefined)) ? { fault: absent } : { rows });
    }
  };
  parentPort?.on("message", (request: ParquetRequest) => {
    answer(request).catch((error) => {
      post({ fault: error instanceof Error ? error.message : String(error) });
    });
  });
  post({ ready: true });
}

function headerOf(metadata: FileMetaData): ParquetAnswer {
  return {
    header: parquetSchema(metadata).children.map(({ element }) => element.name),
    groups: metadata.row_groups.map(({ num_rows, columns }) => ({
      rows: Number(num_rows),
      bytes: columns.reduce((sum, { meta_data }) => {
        return sum + Math.max(0, Number(meta_data?.total_compressed_size ?? 0));
      }, 0),
    })),
  };
}
