/**
 * One HTTP request: redirects without leaking the token, retries at busy servers, typed errors.
 *
 * @module
 */

import { DownloadError } from "../../core/errors.ts";
import { answerOf } from "../../nn/formats/http_body.ts";

/** How long and how often servers are asked. */
export interface RetryPolicy {
  /** Times a request is sent at most. */
  readonly attempts: number;
  /** Milliseconds without a byte after which a connection counts as dead. */
  readonly timeout: number;
  /** Resolves after some milliseconds; tests replace it. */
  wait(milliseconds: number): Promise<void>;
  /** Called with a line before another attempt. */
  onMessage?(line: string): void;
}

/** Four attempts; pauses of 1, 2 and 4 seconds where the server names none. */
export const defaultRetryPolicy: RetryPolicy = {
  attempts: 4,
  timeout: 10_000,
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

/** One request, before redirects. */
export interface HttpRequest {
  /** URL that is asked. */
  readonly address: string;
  /** HTTP method; GET where absent. */
  readonly method?: "GET" | "HEAD";
  /** Bearer token, sent to the origin of the address and to no other. */
  readonly token?: string | undefined;
  /** First byte wanted; all where 0 or absent. */
  readonly from?: number;
  /** Whether a redirect to another origin is returned rather than followed. */
  readonly stay?: boolean;
}

/** An answer and the headers of the redirects before it. */
export interface HttpAnswer {
  /** The last response; its status may say that the server refuses. */
  readonly response: Response;
  /** First value of a header on the way from the first response to the last. */
  header(name: string): string | undefined;
}

const busy: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const longestPause = 60_000;

/** Milliseconds to wait before the attempt that follows failure `failures`, from 1. */
export function pauseAfter(failures: number): number {
  return 1000 * 2 ** (failures - 1);
}

/**
 * Sends a request, again where the server is busy or cannot be reached.
 *
 * @throws {DownloadError} If there is no answer, or none but that the server is busy
 */
export async function request(asked: HttpRequest, retry: RetryPolicy): Promise<HttpAnswer> {
  for (let failures = 1;; failures++) {
    const last = failures >= retry.attempts;
    let pause = pauseAfter(failures);
    try {
      const answer = await follow(asked, retry);
      const { response } = answer;
      if (!busy.has(response.status)) return answer;
      await response.body?.cancel();
      pause = retryAfter(response) ?? pause;
      if (last || pause > longestPause) throw refused(asked, response.status, pause, failures);
    } catch (error) {
      const fault = unreached(error, asked.address);
      if (last || !isTransient(error)) throw fault;
      const { message } = fault as Error;
      retry.onMessage?.(`${message}; attempt ${failures + 1} of ${retry.attempts} follows`);
    }
    await retry.wait(pause);
  }
}

/** Tells whether an error is of the connection, so that another attempt may go better. */
export function isTransient(error: unknown): boolean {
  return error instanceof TypeError;
}

/** A connection's error as a typed one; others stay what they are. */
export function unreached(error: unknown, address: string): unknown {
  if (error instanceof Deno.errors.NotCapable) {
    const { host } = new URL(address);
    return new DownloadError(
      `Cannot reach server as it requires the permission --allow-net=${host}: found none`,
      address,
    );
  }
  if (!isTransient(error)) return error;
  const { message, cause } = error as Error;
  const found = cause instanceof Error ? cause.message : message;
  return new DownloadError(`Cannot reach server as it requires a connection: ${found}`, address);
}

async function follow(asked: HttpRequest, { timeout }: RetryPolicy): Promise<HttpAnswer> {
  const { method = "GET", token, from = 0, stay = false } = asked;
  const first = new URL(asked.address);
  const seen: Headers[] = [];
  let url = first;
  for (let hops = 0; hops < 10; hops++) {
    const headers = new Headers({ "Accept-Encoding": "identity", "User-Agent": "hiddenkey" });
    if (token !== undefined && url.origin === first.origin) {
      headers.set("Authorization", `Bearer ${token}`);
    }
    if (from > 0) headers.set("Range", `bytes=${from}-`);
    const response = await answerOf(url, { method, headers, redirect: "manual" }, { timeout });
    seen.push(response.headers);
    const location = response.status >= 300 && response.status < 400
      ? response.headers.get("Location")
      : null;
    const next = location === null ? undefined : new URL(location, url);
    if (next === undefined || stay && next.origin !== first.origin) {
      const header = (name: string) => seen.flatMap((one) => one.get(name) ?? [])[0];
      return { response, header };
    }
    await response.body?.cancel();
    url = next;
  }
  throw new DownloadError("Cannot follow redirects as at most 10 are allowed", asked.address);
}

/** Milliseconds that a `Retry-After` of seconds or of a date asks for. */
function retryAfter(response: Response): number | undefined {
  const text = response.headers.get("Retry-After");
  if (text === null) return undefined;
  const pause = /^\d+$/.test(text.trim()) ? 1000 * Number(text) : Date.parse(text) - Date.now();
  return Number.isNaN(pause) ? undefined : Math.max(0, pause);
}

function refused({ address }: HttpRequest, status: number, pause: number, attempts: number) {
  const asked = `found status ${status} at attempt ${attempts}`;
  const message = status === 429
    ? `Cannot read as the server limits requests: ${asked}, free again in ${pause / 1000} s`
    : `Cannot read as the server must answer: ${asked}`;
  return new DownloadError(message, address, status);
}
