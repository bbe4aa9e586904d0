/** Tables in every kind of file that is read. */

import { gzipSync, zstdCompressSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";

/** Columns by name. */
export type Table = Readonly<Record<string, readonly (string | number | null)[]>>;

/** Kinds of tables, by extension. */
export const tableKinds = [
  "parquet",
  "jsonl",
  "ndjson",
  "csv",
  "tsv",
  "jsonl.gz",
  "csv.gz",
] as const;
/** A kind of table. */
export type TableKind = typeof tableKinds[number];

/** Compressions of parquet that need no reader of their own to be written. */
export const codecs = {
  SNAPPY: undefined,
  GZIP: (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes)),
  ZSTD: (bytes: Uint8Array) => new Uint8Array(zstdCompressSync(bytes)),
} as const;

/** A parquet file: whole numbers are INT64, as the hub has them. */
export function parquetOf(table: Table, codec: keyof typeof codecs = "SNAPPY"): Uint8Array {
  const columnData = Object.entries(table).map(([name, cells]) => {
    const data = [...cells];
    if (data.every((cell) => typeof cell !== "number")) {
      return { name, data, type: "STRING" as const };
    }
    return data.every((cell) => Number.isInteger(cell))
      ? { name, data: data.map((cell) => BigInt(cell!)), type: "INT64" as const }
      : { name, data, type: "DOUBLE" as const };
  });
  const pack = codecs[codec];
  const compressors = pack === undefined ? {} : { compressors: { [codec]: pack } };
  return new Uint8Array(parquetWriteBuffer({ columnData, codec, ...compressors }));
}

/** Content of a table file. */
export function contentOf(table: Table, kind: TableKind): Uint8Array {
  const names = Object.keys(table);
  const rows = Object.values(table)[0]!.map((_, i) => names.map((name) => table[name]![i]!));
  const quote = (cell: unknown) => `"${String(cell ?? "").replaceAll('"', '""')}"`;
  const text = (): string => {
    if (kind.startsWith("csv")) {
      return [names, ...rows].map((cells) => cells.map(quote).join(",") + "\r\n").join("");
    }
    if (kind === "tsv") return [names, ...rows].map((cells) => cells.join("\t") + "\n").join("");
    const objects = rows.map((cells) =>
      Object.fromEntries(cells.map((cell, i) => [names[i], cell]))
    );
    return objects.map((object) => JSON.stringify(object) + "\n").join("\n");
  };
  if (kind === "parquet") return parquetOf(table);
  const bytes = new TextEncoder().encode(text());
  return kind.endsWith(".gz") ? gzipSync(bytes) : bytes;
}

/** A temporary folder with the files that are given. */
export async function folderOf(
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "hiddenkey-data-" });
  for (const [name, content] of Object.entries(files)) {
    await Deno.mkdir(`${path}/${name}`.replace(/\/[^/]+$/, ""), { recursive: true });
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(`${path}/${name}`, bytes);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
