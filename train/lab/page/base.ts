/**
 * The demonstration's base model, as the workers of the page find it.
 *
 * @module
 */

import { DownloadError } from "../../../core/errors.ts";

/**
 * Bytes of the file that lies beside the page, for a worker in a folder of its section.
 *
 * @throws {DownloadError} If the page's server does not answer, or lacks it
 */
export async function fetchBase(): Promise<Uint8Array<ArrayBuffer>> {
  const { href } = new URL("../base.safetensors", location.href);
  const required = "Cannot fetch the demonstration's model as the server of this page is required";
  let response: Response;
  try {
    response = await fetch(href);
  } catch {
    throw new DownloadError(required, href);
  }
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  throw new DownloadError(`${required}: found status ${response.status}`, href, response.status);
}
