/**
 * Models in the page's own storage (OPFS), so that a reload finds them again.
 *
 * @module
 */

import { FileError, OptionError } from "../../../../core/errors.ts";
import type { ModelFiles } from "./model_files.ts";

/** The storage of this page. */
async function storage(): Promise<FileSystemDirectoryHandle> {
  try {
    return await navigator.storage.getDirectory();
  } catch {
    throw new OptionError(
      "Cannot keep models as a browser that gives pages storage (OPFS) is required: found none",
    );
  }
}

/** Runs work while no other tab or worker changes what is kept of a model. */
export async function modelLocked<T>(model: string, work: () => Promise<T>): Promise<T> {
  // A browser without locks gives no storage either, which the work says in words.
  if (navigator.locks === undefined) return await work();
  return await navigator.locks.request(`hiddenkey: ${model}`, work) as T;
}

/** The folder of a model; names of repositories have a slash, which paths must not have. */
async function folderOf(name: string, create: boolean): Promise<FileSystemDirectoryHandle> {
  const models = await (await storage()).getDirectoryHandle("models", { create });
  return await models.getDirectoryHandle(encodeURIComponent(name), { create });
}

/** Told of how many bytes of a file were written. */
export type OnWritten = (bytes: number) => void;

/**
 * Writes a file part by part; one that is not written whole is not there.
 *
 * @throws {FileError} If the storage refuses, as it does where it is full
 */
export async function keepFile(
  model: string,
  file: string,
  content: ReadableStream<Uint8Array<ArrayBuffer>>,
  onWritten: OnWritten = () => {},
): Promise<void> {
  let written = 0;
  const counting = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(part, controller) {
      onWritten(written += part.length);
      controller.enqueue(part);
    },
  });
  try {
    const handle = await (await folderOf(model, true)).getFileHandle(file, { create: true });
    await content.pipeThrough(counting).pipeTo(await handle.createWritable());
  } catch (error) {
    await dropFile(model, file);
    const reason = error instanceof Error ? error.message : String(error);
    throw new FileError(
      `Cannot keep the file as all of it and room in the browser's storage are required: found ${reason}`,
      `${model}/${file}`,
    );
  }
}

async function dropFile(model: string, file: string): Promise<void> {
  try {
    await (await folderOf(model, false)).removeEntry(file);
  } catch {
    // It was never there.
  }
}

/**
 * The files of a model that are kept; undefined where it is not.
 *
 * @throws {OptionError} If this browser gives pages no storage
 */
export async function keptModel(name: string): Promise<ModelFiles | undefined> {
  await storage();
  let folder: FileSystemDirectoryHandle;
  try {
    folder = await folderOf(name, false);
  } catch {
    return undefined;
  }
  const files = new Map<string, Blob>();
  for await (const [file, handle] of folder.entries()) {
    if (handle.kind === "file") files.set(file, await (handle as FileSystemFileHandle).getFile());
  }
  return { name, files };
}

/** Forgets what is kept of a model. */
export async function dropModel(name: string): Promise<void> {
  const root = await storage();
  try {
    const models = await root.getDirectoryHandle("models");
    await models.removeEntry(encodeURIComponent(name), { recursive: true });
  } catch {
    // It was never there.
  }
}
