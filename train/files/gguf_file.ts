/**
 * GGUF files on disk, and which one a model's path means.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { type GgufHeader, parseGguf, type ReadBytes } from "../../nn/formats/gguf.ts";
import { exists, isFolder, requireFile } from "./files.ts";
import { namesIn } from "./folder.ts";
import { readRange } from "./shard.ts";
import { attempt } from "./system.ts";

/** The folder that a model's configuration and tokenizer lie in: its own, or that of its GGUF file. */
export async function modelFolder(model: string): Promise<string> {
  // Folders may be called like files.
  if (!model.endsWith(".gguf") || await isFolder(model)) return model;
  const end = model.lastIndexOf("/");
  return end < 0 ? "." : model.slice(0, end) || "/";
}

/**
 * The GGUF file that a model's path means: the file itself, or the only one of a folder without
 * safetensors.
 *
 * @throws {FileError} If the folder has several
 */
export async function findGguf(model: string): Promise<string | undefined> {
  if (!await isFolder(model)) return model.endsWith(".gguf") ? model : undefined;
  for (const name of ["model.safetensors", "model.safetensors.index.json"]) {
    if (await exists(`${model}/${name}`)) return undefined;
  }
  const names = (await namesIn(model)).filter((name) => name.endsWith(".gguf"));
  if (names.length > 1) {
    throw new FileError(
      `Cannot choose among GGUF files as the path of one is required: found ${names.join(", ")}`,
      model,
    );
  }
  return names[0] === undefined ? undefined : `${model}/${names[0]}`;
}

/** A GGUF file that is open, its header read. */
export class GgufFile implements Disposable {
  /** Bytes from a place of the file on. */
  readonly read: ReadBytes;
  /** What the file says of itself, and where its tensors lie. */
  readonly header: GgufHeader;

  private constructor(
    /** Where it lies. */
    readonly path: string,
    readonly file: Deno.FsFile,
    size: number,
  ) {
    this.read = (start, length) => readRange(file, start, new Uint8Array(length), path);
    this.header = parseGguf(this.read, size, path);
  }

  /**
   * Opens a file and reads its header.
   *
   * @throws {FileError} If it is missing or malformed, or has tensors of a type that is not read
   */
  static async open(path: string): Promise<GgufFile> {
    await requireFile(path, Infinity, "open checkpoint");
    const refusal = "Cannot open checkpoint as it requires a readable file";
    const file = await attempt(refusal, path, () => Deno.open(path, { read: true }));
    try {
      const { size } = await attempt(refusal, path, () => file.stat());
      return new GgufFile(path, file, size);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Closes the file at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.file.close();
  }
}
