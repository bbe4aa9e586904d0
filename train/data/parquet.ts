/**
 * Columns of parquet files; only what is asked for is read and unpacked.
 *
 * @module
 */

import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { FileError } from "../../core/errors.ts";
import { exists } from "../files/files.ts";
import { type Columns, positionsOf, type TableRow } from "./rows.ts";

/**
 * Reads columns of a parquet file.
 *
 * @throws {FileError} If the file is missing or malformed, or lacks a column
 */
export async function readParquet(path: string, columns: Columns): Promise<TableRow[]> {
  if (!await exists(path)) {
    throw new FileError("Cannot read file as it requires a readable file: found nothing", path);
  }
  const file = await attempt(path, () => asyncBufferFromFile(path));
  const metadata = await attempt(path, () => parquetMetadataAsync(file));
  const header = parquetSchema(metadata).children.map(({ element }) => element.name);
  const positions = positionsOf(header, columns, path);
  const names = positions.flatMap((at) => at === undefined ? [] : header[at]!);
  const objects = await attempt(
    path,
    () => parquetReadObjects({ file, metadata, columns: names, compressors }),
  );
  return objects.map((object, index) => {
    const cells = positions.map((at) => at === undefined ? undefined : object[header[at]!]);
    return { cells, path, row: index + 1 };
  });
}

async function attempt<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new FileError(`Cannot read file as valid parquet is required: ${found}`, path);
  }
}
