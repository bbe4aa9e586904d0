/**
 * Values in messages: short, whatever was found.
 *
 * @module
 */

/** A parsed JSON value as a message shows it. */
export function excerpt(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? "none";
  } catch {
    // Nested deeper than the stack.
    text = Array.isArray(value) ? "[…]" : "{…}";
  }
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** An argument as a message shows it: numbers as JavaScript writes them, `NaN` among them. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  return typeof value === "number" || typeof value === "symbol"
    ? String(value)
    : typeof value === "bigint"
    ? `${value}n`
    : typeof value === "function"
    ? "a function"
    : excerpt(
      ArrayBuffer.isView(value) && "length" in value
        ? [...(value as Uint8Array).subarray(0, 100)]
        : value,
    );
}
