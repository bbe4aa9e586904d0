/**
 * Values in messages: short, whatever was found, and without what is secret.
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
  switch (typeof value) {
    case "undefined":
      return "nothing";
    case "number":
    case "symbol":
      return String(value);
    case "bigint":
      return `${value}n`;
    case "function":
      return "a function";
  }
  const isTyped = ArrayBuffer.isView(value) && "length" in value;
  return excerpt(isTyped ? [...(value as Uint8Array).subarray(0, 100)] : value);
}

/** A text without its middle where that is longer than allowed. */
export function shortened(text: string, most: number): string {
  const end = Math.floor(0.4 * most);
  return text.length > most ? `${text.slice(0, most - end - 1)}…${text.slice(-end)}` : text;
}

/**
 * A message as it may be shown: below 500 characters, its middle left out where it is longer; one
 * line, control characters escaped; tokens, and the user and password of an address, left out.
 */
export function presentable(message: string): string {
  const open = shortened(message, 8000)
    .replace(/:\/\/[^\s/?#"']*@/g, "://…@")
    .replace(/\bhf_\w{4,}/g, "hf_…");
  return shortened(shortened(open, 490).replace(controls, escaped), 499).toWellFormed();
}

const controls = /[\p{Cc}\u2028\u2029]/gu;

function escaped(character: string): string {
  if (character === "\n") return "\\n";
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
