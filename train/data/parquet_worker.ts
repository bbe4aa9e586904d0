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
import { compressors } from "hyparquet-compressors";
import { parentPort, workerData } from "node:worker_threads";

/** Address of this module, from which the thread is started. */
export const workerAddress: string = import.meta.url;
/** What the thread is started with; without it this module does nothing. */
export const workerName = "hiddenkey-parquet";

/** What the thread is asked: a file's columns, then the rows of some of them. */
export type ParquetRequest = { readonly path: string } | { readonly names: readonly string[] };

/** What the thread answers. */
export type ParquetAnswer =
  /** Names of the columns, and rows and bytes of each group. */
  | { readonly header: string[]; readonly groups: { rows: number; bytes: number }[] }
  /** Rows of the next group, their cells in the order of the names. */
  | { readonly rows: unknown[][] }
  /** What is wrong with the file. */
  | { readonly fault: string };

if (workerData === workerName) serve((answer) => parentPort?.postMessage(answer));

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
    let rowStart = 0;
    for (const { num_rows } of metadata.row_groups) {
      const rowEnd = rowStart + Number(num_rows);
      let rows: unknown[][] = [];
      if (rowEnd > rowStart) {
        const onComplete = (found: unknown[][]) => rows = found;
        await parquetRead({ file, metadata, columns, rowStart, rowEnd, compressors, onComplete });
      }
      post({ rows });
      rowStart = rowEnd;
    }
  };
  parentPort?.on("message", (request: ParquetRequest) => {
    answer(request).catch((error) => {
      post({ fault: error instanceof Error ? error.message : String(error) });
    });
  });
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
