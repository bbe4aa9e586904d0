/**
 * Objects that were read from JSON.
 *
 * @module
 */

/** An object of JSON: its keys, whose values are not known. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Tells whether a value is an object of JSON.
 *
 * @returns True for objects, false for arrays and null
 */
export function isRecord(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
