/**
 * The weights of a folder whose files are read by ranges.
 *
 * @module
 */

import { FileError, OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import type { WeightSource } from "../models/weight_source.ts";
import { blobFolder, type FileRanges, type RangesFolder, webFolder } from "./file_ranges.ts";
import type { Waiting } from "./http_body.ts";
import { textOf } from "./json_text.ts";
import { headerLength, parseHeader } from "./safetensors.ts";
import { checkpointIndex, locateTensors, type ShardHeader, wholeCheckpoint } from "./shards.ts";
import { bytesAsWeights, partBytes } from "./tensor_bytes.ts";
import { weightMapOf } from "./weight_map.ts";

/** A safetensors file of which the header was read. */
interface Shard extends ShardHeader {
  readonly file: FileRanges;
  /** First byte of the data section. */
  readonly dataStart: number;
}

async function openShard(file: FileRanges): Promise<Shard> {
  const { path, size } = file;
  const length = headerLength(await file.read(0, Math.min(size, 8)), size, path);
  const dataStart = 8 + length;
  const { tensors } = parseHeader(await file.read(8, dataStart), size - dataStart, path);
  return { path, tensors, file, dataStart };
}

/** Far more than any index has; it is read whole. */
const mostIndexBytes = 100_000_000;

/** The files that hold the weights, and what the index says of each tensor. */
async function filesOf(folder: RangesFolder): Promise<[FileRanges[], Map<string, string>]> {
  const whole = await folder.open(wholeCheckpoint);
  if (whole !== undefined) return [[whole], new Map()];
  const index = await folder.open(checkpointIndex);
  if (index === undefined) {
    throw new FileError(
      `Cannot open model as it requires ${wholeCheckpoint} or ${checkpointIndex}: found neither`,
      folder.path,
    );
  }
  if (index.size > mostIndexBytes) {
    throw new FileError(
      `Cannot read index as at most ${mostIndexBytes} bytes are required: found ${index.size}`,
      index.path,
    );
  }
  const text = textOf(await index.read(0, index.size), index.path);
  const map = weightMapOf(text, index.path);
  const opened = new Map<string, FileRanges>();
  for (const name of new Set(map.values())) {
    const file = await folder.open(name);
    if (file === undefined) {
      const path = `${folder.path}/${name}`;
      throw new FileError("Cannot find the file, which the model requires", path);
    }
    opened.set(name, file);
  }
  const paths = [...map].map(([name, file]) => [name, opened.get(file)!.path] as const);
  return [[...opened.values()], new Map(paths)];
}

/**
 * The weights of a folder, each tensor read when it is asked for and part by part.
 *
 * @throws {FileError} If a file is missing or malformed
 * @throws {DownloadError} If a server refuses
 */
export async function folderWeights(folder: RangesFolder): Promise<WeightSource> {
  const [files, index] = await filesOf(folder);
  const tensors = locateTensors(await Promise.all(files.map(openShard)), index);
  const placed = (name: string) => {
    const found = tensors.get(name);
    if (found !== undefined) return found;
    throw new OptionError(`Cannot find tensor ${name} in ${folder.path}`);
  };
  return bytesAsWeights({
    path: folder.path,
    names: () => tensors.keys(),
    entry: (name) => placed(name).entry,
    file: (name) => placed(name).shard.path,
    async *parts(name) {
      const { shard: { file, dataStart }, entry } = placed(name);
      const end = dataStart + entry.end;
      for (let at = dataStart + entry.begin; at < end; at += partBytes) {
        yield await file.read(at, Math.min(end, at + partBytes));
      }
    },
  });
}

/**
 * The folder that a page means: an address, or files that were chosen in it.
 *
 * @throws {FileError} If several of the files could be the model's
 * @throws {OptionError} If the timeout is none
 */
export function folderOf(
  from: string | URL | Iterable<File>,
  { signal, timeout = 10_000 }: Partial<Waiting>,
): RangesFolder {
  if (!(timeout > 0 && timeout <= longestTimeout)) {
    throw new OptionError(
      `Cannot open weights as timeout requires a number above 0, of at most ${longestTimeout}: ` +
        `found ${shown(timeout)}`,
    );
  }
  if (typeof from === "string" || from instanceof URL) {
    return webFolder(`${from}`, { signal, timeout });
  }
  return blobFolder(chosenFiles, filesOfModel([...from]), signal);
}

/** The longest time that a timer counts. */
const longestTimeout = 2 ** 31 - 1;
const chosenFiles = "the chosen files";

/** Files of the outermost folder that has weights, by name: those of folders inside it are other models. */
function filesOfModel(files: readonly File[]): Map<string, File> {
  const placeOf = ({ name, webkitRelativePath: path = "" }: File) => path.slice(0, -name.length);
  const depthOf = (file: File) => placeOf(file).split("/").length;
  const main = files.filter(({ name }) => name === wholeCheckpoint || name === checkpointIndex);
  const depth = Math.min(...main.map(depthOf));
  const [first, ...rest] = main.filter((file) => depthOf(file) === depth);
  const found = new Map<string, File>();
  if (first === undefined) return found;
  const isBeside = (file: File) => placeOf(file) === placeOf(first);
  if (!rest.every(isBeside)) refuseSecond(first.name);
  for (const file of files.filter(isBeside)) {
    if (found.has(file.name)) refuseSecond(file.name);
    found.set(file.name, file);
  }
  return found;
}

function refuseSecond(name: string): never {
  throw new FileError(
    "Cannot open model as files of one folder are required: found a second one of this name",
    `${chosenFiles}/${name}`,
  );
}
