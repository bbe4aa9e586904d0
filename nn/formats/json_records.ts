/**
 * Values parsed from JSON, before anything is known of them.
 *
 * @module
 */

/** An object read from JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value is an object of JSON: neither an array nor null. */
export function isRecord(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
