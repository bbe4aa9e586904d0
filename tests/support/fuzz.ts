/** What tests of mutated files have in common: how many there are, and which ends are allowed. */

import { assert } from "@std/assert";
import * as errors from "../../core/errors.ts";

/** Mutated files in all; with HIDDENKEY_FUZZ=10000 they take some minutes. */
export const fuzzTotal: number =
  Deno.permissions.querySync({ name: "env", variable: "HIDDENKEY_FUZZ" }).state === "granted"
    ? Number(Deno.env.get("HIDDENKEY_FUZZ") ?? 800)
    : 800;

/** How many of them are of one kind. */
export function runsOf(share: number): { numRuns: number } {
  return { numRuns: Math.max(1, Math.round(fuzzTotal * share)) };
}

/** Every typed error but that of downloads, as nothing is downloaded. */
const typed = Object.values(errors).filter((kind) => kind !== errors.DownloadError);

/**
 * What a job gives within ten seconds; undefined where it ends in a typed error, the only kind that
 * is allowed.
 */
export async function orTyped<T>(job: () => Promise<T>): Promise<T | undefined> {
  const started = performance.now();
  try {
    return await job();
  } catch (error) {
    if (!typed.some((kind) => error instanceof kind)) throw error;
    assert((error as Error).message.length < 500, "The message is short");
    return undefined;
  } finally {
    assert(performance.now() - started < 10_000, "It ends soon");
  }
}
