/**
 * Values of files in messages: short, whatever was found.
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
