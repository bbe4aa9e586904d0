/**
 * Configuration files in JSON, and in JSON with comments and trailing commas.
 *
 * @module
 */

import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { FileError } from "../../core/errors.ts";
import { parseJson } from "../../nn/formats/json_text.ts";
import { type ConfigDocument, plainDocument } from "./config_document.ts";

/**
 * Reads JSON.
 *
 * @throws {FileError} If it is malformed, or a key occurs twice
 */
export function parseJsonConfig(text: string, path: string): ConfigDocument {
  parseJson(text, path);
  return parseJsoncConfig(text, path);
}

/**
 * Reads JSON with comments, and with commas behind last items.
 *
 * @throws {FileError} If it is malformed, or a key occurs twice
 */
export function parseJsoncConfig(text: string, path: string): ConfigDocument {
  const lineAt = (offset: number) => text.slice(0, offset).split("\n").length;
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first !== undefined || root === undefined) {
    const name = first === undefined ? "ValueExpected" : printParseErrorCode(first.error);
    const reason = name.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
    throw new FileError(
      `Cannot parse file as it requires valid JSON with comments: ${reason}`,
      path,
      lineAt(first?.offset ?? text.length),
    );
  }
  const keys = root.type === "object" ? root.children ?? [] : [];
  const lines = new Map(keys.map((property) => [keyOf(property), lineAt(property.offset)]));
  const value = valueOf(root, text, (node) => {
    throw new FileError(
      `Cannot parse file as it requires each key once in its object: found ${keyOf(node)} again`,
      path,
      lineAt(node.offset),
    );
  });
  return plainDocument(value, path, (key) => lines.get(key));
}

function keyOf(property: Node): string {
  return String(property.children?.[0]?.value);
}

/** The value of a node; integers are exact. */
function valueOf(node: Node, text: string, twice: (property: Node) => never): unknown {
  const { type, children = [] } = node;
  if (type === "array") return children.map((item) => valueOf(item, text, twice));
  if (type === "object") {
    const seen = new Set<string>();
    const entries = children.map((property): [string, unknown] => {
      const key = keyOf(property);
      if (seen.has(key)) twice(property);
      seen.add(key);
      return [key, valueOf(property.children![1]!, text, twice)];
    });
    return Object.fromEntries(entries);
  }
  const written = text.slice(node.offset, node.offset + node.length);
  return type === "number" && /^-?\d+$/.test(written) ? BigInt(written) : node.value;
}
