/**
 * The file by which processes meet. It may be anything: what an earlier run left, another file by
 * mistake, a part of one; so nothing is taken from it before it is looked at, and nothing else is replaced.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";

/** Where a process listens. */
export interface Address {
  /** Name or number of the machine. */
  readonly hostname: string;
  /** Port there. */
  readonly port: number;
}

/** What the file says. */
export interface Notice {
  /** Where process 0 listens, the nearest first. */
  readonly addresses: readonly Address[];
  /** What only those know who read the file. */
  readonly secret: string;
}

/** How every notice begins. */
const beginning = '{"addresses":';
/** Bytes that no notice has. */
const tooLong = 1 << 16;

/** Whether something that was read is a list of addresses. */
export function areAddresses(found: unknown): found is Address[] {
  return Array.isArray(found) && found.every((one) =>
    typeof one?.hostname === "string" &&
    Number.isInteger(one.port) && one.port > 0 && one.port < 1 << 16
  );
}

/**
 * Writes the file in one go: nobody reads a part of it, and what an earlier run left is gone.
 *
 * @throws {OptionError} If it cannot be written, or something else is there
 */
export async function writeNotice(file: string, { addresses, secret }: Notice): Promise<void> {
  const draft = `${file}.${secret}`;
  const text = JSON.stringify({ addresses, secret });
  try {
    await requireNothingElse(file);
    await Deno.writeTextFile(draft, text, { createNew: true, mode: 0o600 });
    await Deno.rename(draft, file);
  } catch (error) {
    await Deno.remove(draft).catch(() => {});
    throw new OptionError(
      `Cannot join processes as a file that can be written is required in --rendezvous ${file}: found ` +
        (error instanceof Error ? error.message : String(error)),
    );
  }
}

/** What the file says; undefined where it is none, or says something else. */
export async function readNotice(file: string): Promise<Notice | undefined> {
  try {
    const notice = JSON.parse(await readStart(file) ?? "") as Notice;
    const { addresses, secret } = notice;
    const isNotice = areAddresses(addresses) && addresses.length > 0 && typeof secret === "string";
    return isNotice ? notice : undefined;
  } catch {
    return undefined;
  }
}

/** Milliseconds between two looks whether the file is still one's own. */
const lookAgain = 250;

/** Waits until the file is another process's; false where the signal comes first. */
export async function noticeReplaced(
  file: string,
  secret: string,
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    const found = await readNotice(file);
    if (found !== undefined && found.secret !== secret) return true;
    await pauseUnless(signal);
  }
  return false;
}

function pauseUnless(signal: AbortSignal): Promise<void> {
  return new Promise((resume) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resume();
    };
    const timer = setTimeout(end, lookAgain);
    signal.addEventListener("abort", end);
  });
}

/** Removes the file, unless another run has written its own meanwhile. */
export async function removeNotice(file: string, secret: string): Promise<void> {
  if ((await readNotice(file))?.secret !== secret) return;
  // Who removed it before did the same.
  await Deno.remove(file).catch(() => {});
}

/** Requires that what is replaced, and removed in the end, is what a run left, or nothing. */
async function requireNothingElse(file: string): Promise<void> {
  let found;
  try {
    found = await readStart(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (found === undefined || (found !== "" && !found.startsWith(beginning))) {
    throw new Error("another file there, which is not replaced");
  }
}

/** Text of a file that may be a notice; undefined of what cannot be one. */
async function readStart(file: string): Promise<string | undefined> {
  const { isFile, size } = await Deno.stat(file);
  return isFile && size < tooLong ? await Deno.readTextFile(file) : undefined;
}
