/**
 * Regular expressions as JavaScript writes them.
 *
 * @module
 */

import type { Regex } from "./regex_tree.ts";

/**
 * Writes a tree as a regular expression of JavaScript.
 *
 * @returns An expression with the flags g and v; a match has the same bounds as the tree's
 */
export function nativeRegex(tree: Regex): RegExp {
  let groups = 0;
  const grouped = (node: Regex): string =>
    node.kind === "set" || node.kind === "look" ? write(node) : `(?:${write(node)})`;
  /** A look ahead never tries again: what it found is then taken as it is. */
  const once = (body: () => string): string => {
    const group = ++groups;
    return `(?=(${body()}))\\${group}(?:)`;
  };
  function write(node: Regex): string {
    switch (node.kind) {
      case "set":
        return node.source;
      case "sequence":
        return node.items.map((item) => item.kind === "choice" ? grouped(item) : write(item))
          .join("");
      case "choice":
        return node.items.map(write).join("|");
      case "atomic":
        return once(() => write(node.body));
      case "look":
        return `(?${node.behind ? "<" : ""}${node.negative ? "!" : "="}${write(node.body)})`;
      case "repeat": {
        const { body, min, max, mode } = node;
        const times = `{${min},${max === Infinity ? "" : max}}`;
        const text = () => `(?:${write(body)})${times}${mode === "lazy" ? "?" : ""}`;
        return mode === "possessive" ? once(text) : text();
      }
    }
  }
  return new RegExp(write(tree), "gv");
}
