/**
 * One text for equal values of JSON, for comparisons and hashes.
 *
 * @module
 */

import { isRecord } from "../../nn/formats/json_record.ts";

/** JSON of a value in which the order of keys has no part; keys without a value are left out. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part) => {
    if (!isRecord(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1));
  });
}

/** The first 12 hexadecimal digits of a text's SHA-256. */
export async function shortHash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 12);
}
