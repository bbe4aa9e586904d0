/**
 * The weights of a model that is too large for a page to hold its files.
 *
 * @module
 */

import type { WeightSource } from "../models/weight_source.ts";

/** How long files are waited for, now and when tensors are read later. */
export interface WeightsOptions {
  /** Ends what is read, with its own reason as the error. */
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which a server counts as gone; default 10,000. */
  readonly timeout?: number;
}

/**
 * Opens the weights of a folder: `model.safetensors`, or several files with their index. Their headers
 * alone are read; {@linkcode loadModel} then reads each tensor in parts of 4 MiB.
 *
 * @param from Address of the folder on a server that answers requests for ranges, or the folder's files,
 * as a page is given them
 * @throws {FileError} If a file is missing or malformed, or two could be the model's
 * @throws {DownloadError} If the server cannot be reached, falls silent, knows no ranges or has changed a
 * file
 * @throws {OptionError} If the timeout is none
 * @example
 * ```ts ignore
 * const weights = await openSafetensors("https://huggingface.co/org/name/resolve/main");
 * await loadModel(model, weights, device, seedKey(1), { quantize: "nf4", half: true });
 * ```
 */
export async function openSafetensors(
  from: string | URL | Iterable<File>,
  options: WeightsOptions = {},
): Promise<WeightSource> {
  const { folderOf, folderWeights } = await import("./folder_weights.ts");
  return await folderWeights(folderOf(from, options));
}
