/**
 * Patterns of `tokenizer.json`: texts and regular expressions, and where they match.
 *
 * @module
 */

import { doublesWork } from "../formats/safe_pattern.ts";
import { type Finder, machineOf } from "./regex_machine.ts";
import { nativeRegex } from "./regex_native.ts";
import { readRegex } from "./regex_syntax.ts";
import { canBeEmpty, PatternError } from "./regex_tree.ts";

/** Bounds of the matches in a text, from left to right: where each begins and ends. */
export type Pattern = (text: string) => number[];

/** Longer texts are matched in linear time, whatever the expression. */
const longText = 20_000;
const mostExpression = 20_000;

/** Collects matches; an empty one right behind a match is none. */
function collect(text: string, find: Finder): number[] {
  const bounds: number[] = [];
  let [from, last] = [0, -1];
  while (from <= text.length) {
    const found = find(from);
    if (found === undefined) break;
    const [start, end] = found;
    if (start === end && end === last) {
      from += (text.codePointAt(from) ?? 0) > 0xffff ? 2 : 1;
      continue;
    }
    bounds.push(start, end);
    from = last = end;
  }
  return bounds;
}

/**
 * Makes the pattern of a regular expression.
 *
 * @param source A regular expression of Oniguruma
 * @throws {PatternError} If it is malformed or asks for what is not supported
 */
export function regexPattern(source: string): Pattern {
  if (source.length > mostExpression) {
    throw new PatternError(`more than ${mostExpression} characters`);
  }
  const tree = readRegex(source);
  const machine = machineOf(tree);
  const slow: Pattern = (text) => text === "" ? [] : collect(text, machine(text));
  const choices = tree.kind === "choice" ? tree.items : [tree];
  const direct = choices.every((choice) => !doublesWork(choice, "v", true));
  // JavaScript's engine finds empty matches between the halves of a character too.
  if (canBeEmpty(tree) || !direct) return slow;
  const regex = nativeRegex(tree);
  return (text) => {
    if (text.length > longText) return slow(text);
    return text === "" ? [] : collect(text, (from) => {
      regex.lastIndex = from;
      const match = regex.exec(text);
      return match === null ? undefined : [match.index, regex.lastIndex];
    });
  };
}

/** Makes the pattern of a text that is found as it stands; the empty text matches everywhere. */
export function textPattern(part: string): Pattern {
  return (text) =>
    text === "" ? [] : collect(text, (from) => {
      const start = text.indexOf(part, from);
      return start < 0 ? undefined : [start, start + part.length];
    });
}

/** Makes the pattern of single characters of a class. */
export function classPattern(part: string): Pattern {
  const regex = new RegExp(`[${part}]`, "gv");
  return (text) => {
    const bounds: number[] = [];
    for (const match of text.matchAll(regex)) {
      bounds.push(match.index, match.index + match[0].length);
    }
    return bounds;
  };
}

/** What becomes of matches. */
export type SplitBehavior =
  | "Removed"
  | "Isolated"
  | "MergedWithPrevious"
  | "MergedWithNext"
  | "Contiguous";

/**
 * Splits a text at the matches of a pattern.
 *
 * @param text The text
 * @param matches Bounds of the matches
 * @param behavior What becomes of matches
 * @param invert Whether what lies between matches counts as match, and matches do not
 * @returns Bounds of the parts; none is empty
 */
export function splitBounds(
  text: string,
  matches: readonly number[],
  behavior: SplitBehavior,
  invert: boolean,
): number[] {
  if (behavior === "Isolated") return isolatedBounds(text, matches);
  const parts: { start: number; end: number; match: boolean }[] = [];
  let done = 0;
  for (let index = 0; index < matches.length; index += 2) {
    const [start = 0, end = 0] = [matches[index], matches[index + 1]];
    if (start > done) parts.push({ start: done, end: start, match: invert });
    parts.push({ start, end, match: !invert });
    done = end;
  }
  if (done < text.length) parts.push({ start: done, end: text.length, match: invert });
  const kept = merged(parts, behavior);
  return kept.filter(({ start, end }) => end > start).flatMap(({ start, end }) => [start, end]);
}

function isolatedBounds(text: string, matches: readonly number[]): number[] {
  const bounds: number[] = [];
  let done = 0;
  const push = (end: number) => {
    if (end > done) bounds.push(done, end);
    done = end;
  };
  for (const bound of matches) push(bound);
  push(text.length);
  return bounds;
}

type Part = { start: number; end: number; match: boolean };

function merged(parts: Part[], behavior: SplitBehavior): Part[] {
  if (behavior === "Removed") return parts.filter(({ match }) => !match);
  const backward = behavior === "MergedWithNext";
  const whole: Part[] = [];
  let before = false;
  for (const part of backward ? parts.toReversed() : parts) {
    const joins = behavior === "Contiguous" ? part.match === before : part.match && !before;
    const last = whole.at(-1);
    if (joins && last !== undefined) {
      if (backward) last.start = part.start;
      else last.end = part.end;
    } else {
      whole.push({ ...part });
    }
    before = part.match;
  }
  return backward ? whole.reverse() : whole;
}
