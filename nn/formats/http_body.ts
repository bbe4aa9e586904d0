/**
 * Answers of servers and their bodies: a server may neither send without end nor keep a reader waiting.
 *
 * @module
 */

import { DownloadError } from "../../core/errors.ts";

/** How long a server is waited for. */
export interface Waiting {
  /** Milliseconds of silence after which a connection counts as dead. */
  readonly timeout: number;
  /** Ends the wait, with its own reason as the error. */
  readonly signal?: AbortSignal | undefined;
}

/** What is asked of a body. */
export interface BodyLimits extends Waiting {
  /** Where it comes from, for messages. */
  readonly address: string;
  /** Most bytes. */
  readonly most: number;
}

/** Least bytes in the time of a silence. */
const leastBytes = 1024;

/**
 * What a server answers, its body not read.
 *
 * @throws {TypeError} If the server cannot be reached, or nothing comes for the time of a silence
 */
export async function answerOf(
  address: string | URL,
  asked: RequestInit,
  { timeout, signal }: Waiting,
): Promise<Response> {
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(silence(timeout)), timeout);
  const either = signal === undefined ? silent.signal : AbortSignal.any([signal, silent.signal]);
  try {
    return await fetch(address, { ...asked, signal: either });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The parts of a body.
 *
 * @throws {TypeError} If nothing comes for the time of a silence, which another attempt may mend
 * @throws {DownloadError} If it is longer than allowed, or drips
 */
export async function* chunksOf(
  { body }: Response,
  { address, most, timeout, signal }: BodyLimits,
): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  let [received, counted, since] = [0, 0, performance.now()];
  try {
    while (true) {
      const { promise, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => reject(silence(timeout)), timeout);
      const { done, value } = await unlessAborted(Promise.race([reader.read(), promise]), signal)
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

/** What a promise gives, or the reason of a signal that comes first. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return await promise;
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = () => reject(signal.reason);
  if (signal.aborted) end();
  signal.addEventListener("abort", end);
  try {
    return await Promise.race([ended, promise]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** The error of a connection on which nothing moves. */
function silence(timeout: number): TypeError {
  return new TypeError(`no byte within ${timeout / 1000} s`);
}
