/**
 * The structure of a regular expression: its choices, repetitions and characters.
 *
 * @module
 */

/** A part of an expression. */
export type PatternNode =
  /** One character of a set, by the source of that set. */
  | { readonly kind: "set"; readonly source: string }
  /** Nothing that takes characters: an anchor, an empty alternative. */
  | { readonly kind: "empty" }
  /** What is looked for ahead or behind and takes no characters; what is never given up. */
  | { readonly kind: "look" | "atomic"; readonly body: PatternNode }
  | { readonly kind: "sequence" | "choice"; readonly items: readonly PatternNode[] }
  | {
    readonly kind: "repeat";
    readonly body: PatternNode;
    readonly min: number;
    readonly max: number;
  };

const deepest = 200;
const group = /\((?:\?(?:(?<look><?[=!])|<[^>]*>|[a-z-]*:))?/y;
const quantifier = /(?:([*+?])|\{(\d+)(,(\d*))?\})\??/y;
const set = /\[(?:\\.|[^\]\\])*\]/sy;
const escape =
  /\\(?:u\{[^}]*\}|u[dD][89abAB]..\\u[dD][c-fC-F]..|u.{4}|x..|c.|[pP]\{[^}]*\}|k<[^>]*>|[1-9]\d*|.)/suy;
const anything: PatternNode = {
  kind: "repeat",
  body: { kind: "set", source: "[^]" },
  min: 0,
  max: Infinity,
};

/**
 * Reads the structure of an expression that `RegExp` accepts with the flag `u`.
 *
 * @throws {RangeError} If its groups are nested deeper than 200
 */
export function parsePattern(source: string): PatternNode {
  let at = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    at += found?.[0].length ?? 0;
    return found;
  };
  const choice = (depth: number): PatternNode => {
    if (depth > deepest) throw new RangeError();
    const items = [sequence(depth)];
    while (source[at] === "|" && ++at) items.push(sequence(depth));
    return items.length === 1 ? items[0]! : { kind: "choice", items };
  };
  const sequence = (depth: number): PatternNode => {
    const items: PatternNode[] = [];
    while (at < source.length && !"|)".includes(source[at]!)) items.push(repeated(depth));
    return { kind: "sequence", items };
  };
  const repeated = (depth: number): PatternNode => {
    const body = atom(depth);
    const [found, sign, min, comma, max] = take(quantifier) ?? [];
    if (found === undefined) return body;
    if (sign !== undefined) {
      return { kind: "repeat", body, min: sign === "+" ? 1 : 0, max: sign === "?" ? 1 : Infinity };
    }
    const most = comma === undefined ? min : max || Infinity;
    return { kind: "repeat", body, min: Number(min), max: Number(most) };
  };
  const atom = (depth: number): PatternNode => {
    const opened = take(group);
    if (opened !== null) {
      const body = choice(depth + 1);
      at++;
      return opened.groups?.["look"] === undefined ? body : { kind: "look", body };
    }
    const [escaped] = take(escape) ?? [];
    if (escaped !== undefined && /^\\[bB]/.test(escaped)) return { kind: "empty" };
    // What a group has matched: taken for anything.
    if (escaped !== undefined && /^\\(?:k<|[1-9])/.test(escaped)) return anything;
    const found = escaped ?? take(set)?.[0] ?? take(/[^]/uy)?.[0] ?? "";
    return found === "^" || found === "$" ? { kind: "empty" } : { kind: "set", source: found };
  };
  return choice(0);
}
