/**
 * Downloading of the official data sets into a folder.
 *
 * @module
 */

import { DownloadError, FileError } from "../../core/errors.ts";
import { exists, readBytes, writeFileAtomic } from "../files/files.ts";
import { makeFolder, move, removeAll } from "../files/folder.ts";
import { digestFile, sha256 } from "../hub/digest.ts";
import { download, type DownloadHooks } from "../hub/download.ts";
import { defaultRetryPolicy, type RetryPolicy } from "../hub/request.ts";
import type { DataSet, DataSource, UnpackedFiles } from "./sources.ts";

/** Settings of {@linkcode fetchData}. */
export interface FetchSettings extends DownloadHooks {
  /** Address under which all hosts are mirrored: `MIRROR/host/path`. */
  readonly mirror?: string | undefined;
  /** How long and how often servers are asked. */
  readonly retry?: RetryPolicy;
}

/**
 * Downloads a data set, checks it, and gives its files their names only then. What is there already
 * stays as it is.
 *
 * @throws {DownloadError} If a server refuses, or what it sends is not what was published
 * @throws {FileError} If only a part is there, or a file cannot be written
 */
export async function fetchData(
  set: DataSet,
  out: string,
  settings: FetchSettings = {},
): Promise<void> {
  const { onMessage } = settings;
  const there: string[] = [];
  for (const name of set.makes) if (await exists(`${out}/${name}`)) there.push(name);
  const [first] = there;
  if (there.length === set.makes.length) {
    onMessage?.(`${set.name}: already there`);
    return;
  }
  if (first !== undefined) {
    throw new FileError(
      `Cannot download ${set.name} as ${set.makes.join(", ")} must all be there or none`,
      `${out}/${first}`,
    );
  }
  await makeFolder(out);
  const partials: string[] = [];
  const contents: Uint8Array[] = [];
  for (const source of set.sources) {
    const partial = `${out}/${nameOf(source)}.incomplete`;
    await fetchSource(source, partial, settings);
    partials.push(partial);
    contents.push(await readBytes(partial));
  }
  const files = await unpacked(set, contents, partials);
  await placeFiles(set, files, out);
  for (const partial of partials) await removeAll(partial);
  onMessage?.(`${set.name}: ${files.size} ${files.size === 1 ? "file" : "files"} in ${out}`);
}

const nameOf = ({ address }: DataSource) => address.slice(address.lastIndexOf("/") + 1);

function fetchSource(source: DataSource, partial: string, settings: FetchSettings): Promise<void> {
  const { mirror, retry = defaultRetryPolicy, onDownload } = settings;
  const { address, bytes, sha256, content } = source;
  const mirrored = mirror === undefined
    ? address
    : `${mirror.replace(/\/+$/, "")}/${address.replace(/^https:\/\//, "")}`;
  return download({
    name: nameOf(source),
    address: mirrored,
    partial,
    // An archive that is made on demand is judged by its content.
    ...(content === undefined && { bytes, digest: { algorithm: "sha256", hex: sha256 } }),
    ...(onDownload && { onProgress: onDownload }),
    refuse: ({ status }) =>
      new DownloadError(`Cannot read file: found status ${status}`, mirrored, status),
  }, retry);
}

/** Unpacks a set; what is not as published is forgotten. */
async function unpacked(
  set: DataSet,
  contents: readonly Uint8Array[],
  partials: readonly string[],
): Promise<UnpackedFiles> {
  const [{ address, content, sha256: published }] = set.sources as readonly [DataSource];
  const refuse = async (found: string): Promise<never> => {
    for (const partial of partials) await removeAll(partial);
    const message = `Cannot unpack ${set.name} as its published content is required: ${found}`;
    throw new DownloadError(message, address);
  };
  let files: UnpackedFiles;
  try {
    files = set.unpack(contents);
  } catch (error) {
    return await refuse(error instanceof Error ? error.message : String(error));
  }
  for (const name of set.makes) {
    const made = [...files.keys()].some((path) => path === name || path.startsWith(`${name}/`));
    if (!made) return await refuse(`${name} is missing`);
  }
  if (content !== undefined && listingDigest(files) !== content) {
    const found = await digestFile(partials[0]!, "sha256");
    if (found !== published) return await refuse(`sha256 ${content} of its files, or ${published}`);
  }
  return files;
}

/** SHA-256 of the lines that `sha256sum` prints for files, by path. */
export function listingDigest(files: UnpackedFiles): string {
  const paths = [...files.keys()].sort();
  return sha256(paths.map((path) => `${sha256(files.get(path)!)}  ${path}\n`).join(""));
}

/** Fills a folder beside the files, then renames. */
async function placeFiles(set: DataSet, files: UnpackedFiles, out: string): Promise<void> {
  const temporary = `${out}/.${crypto.randomUUID()}.tmp`;
  try {
    for (const [path, bytes] of files) {
      const target = `${temporary}/${path}`;
      await makeFolder(target.slice(0, target.lastIndexOf("/")));
      await writeFileAtomic(target, bytes);
    }
    for (const name of set.makes) {
      await move(`${temporary}/${name}`, `${out}/${name}`);
    }
  } finally {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
  }
}
