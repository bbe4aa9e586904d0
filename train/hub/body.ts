/**
 * Bodies of answers: a server may neither send without end nor keep a reader waiting.
 *
 * @module
 */

import { DownloadError } from "../../core/errors.ts";

/** What is asked of a body. */
export interface BodyLimits {
  /** Milliseconds of silence after which a connection counts as dead. */
  readonly timeout: number;
  /** Where it comes from, for messages. */
  readonly address: string;
  /** Most bytes. */
  readonly most: number;
}

/** Most bytes of a file that holds no weights, or of which nothing says how long it is. */
export const mostUnsaid = 2 ** 28;
/** Most bytes of a listing. */
export const mostListed = 2 ** 25;
/** Least bytes in the time of a silence. */
const leastBytes = 1024;

/**
 * The parts of a body.
 *
 * @throws {TypeError} If nothing comes for the time of a silence, which another attempt may mend
 * @throws {DownloadError} If it is longer than allowed, or drips
 */
export async function* chunksOf(
  { body }: Response,
  { address, most, timeout }: BodyLimits,
): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  let [received, counted, since] = [0, 0, performance.now()];
  try {
    while (true) {
      const { promise, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => reject(silence(timeout)), timeout);
      const { done, value } = await Promise.race([reader.read(), promise])
        .finally(() => clearTimeout(timer));
      if (done) return;
      received += value.length;
      counted += value.length;
      if (received > most) {
        throw new DownloadError(
          `Cannot keep download as at most ${most} bytes are required: found more`,
          address,
        );
      }
      yield value;
      if (performance.now() - since < timeout) continue;
      if (counted < leastBytes) {
        throw new DownloadError(
          `Cannot wait for download as ${leastBytes} bytes in ${timeout / 1000} s are required: ` +
            `found ${counted}`,
          address,
        );
      }
      [counted, since] = [0, performance.now()];
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** A whole body as text. */
export async function bodyText(response: Response, limits: BodyLimits): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of chunksOf(response, limits)) {
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}

/** The error of a connection on which nothing moves. */
export function silence(timeout: number): TypeError {
  return new TypeError(`no byte within ${timeout / 1000} s`);
}
