/**
 * Compressed files, which may hold far more than their size.
 *
 * @module
 */

import { constants, createGunzip } from "node:zlib";
import { FileError } from "../../core/errors.ts";

/** Most bytes of what is inflated: its parts, their whole and its text are in memory at once. */
const mostInflated = 2 ** 27;

/**
 * Inflates gzip of one or several members.
 *
 * @param path Path of the file, for messages
 * @param most Most bytes of what comes out
 * @throws {FileError} If it is no gzip, torn, or holds more
 */
export async function inflated(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
  most = mostInflated,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    const stream = createGunzip({ finishFlush: constants.Z_FINISH });
    stream.end(bytes);
    for await (const part of stream as AsyncIterable<Uint8Array>) {
      size += part.length;
      if (size > most) break;
      parts.push(part);
    }
  } catch {
    throw new FileError("Cannot read file as gzip is required: found other or torn bytes", path);
  }
  if (size > most) {
    throw new FileError(
      `Cannot read file as at most ${most} bytes out of gzip are required: found more`,
      path,
    );
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
