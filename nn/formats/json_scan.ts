/**
 * What `JSON.parse` does not tell: where a text stops being JSON, and which key occurs twice in one
 * object.
 *
 * @module
 */

/** Faults of a JSON text. */
export interface JsonScan {
  /** Offset of the first character that breaks the grammar; undefined in valid JSON. */
  readonly fault: number | undefined;
  /** First key that occurs twice in the same object, unescaped; undefined when there is none. */
  readonly duplicate: string | undefined;
}

type Expectation = "value" | "value or ]" | "key" | "key or }" | "colon" | "next" | "end";

const spaces = /[ \t\n\r]*/y;
const scalars = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
const escapes = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Offset behind the string that begins at `start`, or minus one when it is malformed. */
function stringEnd(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x22) return index + 1;
    if (code < 0x20) return -1;
    if (code !== 0x5c) continue;
    escapes.lastIndex = index;
    if (!escapes.test(text)) return -1;
    index = escapes.lastIndex - 1;
  }
  return -1;
}

/**
 * Walks through a JSON text once.
 *
 * @param text The JSON text
 * @returns The first fault and the first duplicate key
 * @example
 * ```ts
 * import { type JsonScan, scanJson } from "./json_scan.ts";
 * const scan: JsonScan = scanJson('{"a": 1, "a": 2}');
 * console.assert(scan.duplicate === "a" && scan.fault === undefined);
 * ```
 */
export function scanJson(text: string): JsonScan {
  const objects: (Set<string> | undefined)[] = [];
  let duplicate: string | undefined;
  let expected: Expectation = "value";
  let index = 0;
  const afterValue = (): Expectation => objects.length === 0 ? "end" : "next";
  while (true) {
    spaces.lastIndex = index;
    spaces.test(text);
    index = spaces.lastIndex;
    const character = text[index];
    const keys = objects.at(-1);
    if (character === undefined) break;
    if (expected === "colon" && character === ":") {
      expected = "value";
      index++;
    } else if (expected === "next" && character === ",") {
      expected = keys === undefined ? "value" : "key";
      index++;
    } else if (
      (character === "}" && keys !== undefined &&
        (expected === "key or }" || expected === "next")) ||
      (character === "]" && objects.length > 0 && keys === undefined &&
        (expected === "value or ]" || expected === "next"))
    ) {
      objects.pop();
      expected = afterValue();
      index++;
    } else if (keys !== undefined && character === '"' && expected.startsWith("key")) {
      const end = stringEnd(text, index);
      if (end < 0) break;
      const key: string = JSON.parse(text.slice(index, end));
      if (keys.has(key)) duplicate ??= key;
      keys.add(key);
      expected = "colon";
      index = end;
    } else if (!expected.startsWith("value")) {
      break;
    } else if (character === "{" || character === "[") {
      objects.push(character === "{" ? new Set() : undefined);
      expected = character === "{" ? "key or }" : "value or ]";
      index++;
    } else {
      scalars.lastIndex = index;
      const end = character === '"'
        ? stringEnd(text, index)
        : (scalars.test(text) ? scalars.lastIndex : -1);
      if (end < 0) break;
      expected = afterValue();
      index = end;
    }
  }
  const valid = expected === "end" && index >= text.length;
  return { fault: valid ? undefined : index, duplicate };
}
