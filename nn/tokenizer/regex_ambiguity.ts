/**
 * Which regular expressions a backtracking engine matches without long detours.
 *
 * @module
 */

import type { Regex } from "./regex_tree.ts";
import { CharacterSet } from "./regex_program.ts";

const mostPlaces = 48;
const mostWays = 10_000;

/** What is tried to find out whether two classes share a character: ASCII and one of each kind. */
const samples = [
  ...Array.from({ length: 0x300 }, (_, point) => point),
  ...[
    ..."ΑαжЖǅʰאँःⅣ²½٠‿—（）«»…€˄©∑\u2028\u2029\u3000\u200d\ue000漢あアกक가\u{1f600}\u{20000}\u{1d7d8}",
  ],
  ..."\u0301\u0903\u20dd\ufeff\u0378عԱაአ\u2019\u201c\u2581",
].map((sample) => typeof sample === "number" ? sample : sample.codePointAt(0) ?? 0);

/** Sets of a tree in the order of its text, and which may follow which. */
class Places {
  readonly sources: string[] = [];
  readonly follow: Set<number>[] = [];
  looks = false;

  /** Adds a tree; returns its first and last places and whether it can be empty. */
  add(node: Regex): { first: number[]; last: number[]; empty: boolean } {
    switch (node.kind) {
      case "set": {
        const place = this.sources.push(node.source) - 1;
        this.follow.push(new Set());
        return { first: [place], last: [place], empty: false };
      }
      case "sequence":
        return this.#chain(node.items.map((item) => () => this.add(item)));
      case "choice": {
        const parts = node.items.map((item) => this.add(item));
        return {
          first: parts.flatMap(({ first }) => first),
          last: parts.flatMap(({ last }) => last),
          empty: parts.some(({ empty }) => empty),
        };
      }
      case "atomic":
        return this.add(node.body);
      case "look":
        this.looks = true;
        return { first: [], last: [], empty: true };
      case "repeat":
        return this.#repeat(node);
    }
  }

  #repeat({ body, min, max }: Regex & { kind: "repeat" }): ReturnType<Places["add"]> {
    const optional = () => ({ ...this.add(body), empty: true });
    const endless = () => {
      const part = this.add(body);
      this.#join(part.last, part.first);
      return { ...part, empty: true };
    };
    const count = Math.min(min, mostPlaces + 1);
    const parts: (() => ReturnType<Places["add"]>)[] = Array.from(
      { length: count },
      () => () => this.add(body),
    );
    if (max === Infinity) parts.push(endless);
    else {for (let more = 0; more < Math.min(max - min, mostPlaces + 1); more++) {
        parts.push(optional);
      }}
    return this.#chain(parts);
  }

  #chain(parts: readonly (() => ReturnType<Places["add"]>)[]): ReturnType<Places["add"]> {
    let whole: ReturnType<Places["add"]> = { first: [], last: [], empty: true };
    for (const part of parts) {
      if (this.sources.length > mostPlaces) break;
      const next = part();
      this.#join(whole.last, next.first);
      whole = {
        first: whole.empty ? [...whole.first, ...next.first] : whole.first,
        last: next.empty ? [...whole.last, ...next.last] : next.last,
        empty: whole.empty && next.empty,
      };
    }
    return whole;
  }

  #join(last: readonly number[], first: readonly number[]): void {
    for (const from of last) for (const to of first) this.follow[from]?.add(to);
  }
}

/** Counts in how many ways a tree can match, endless repetitions left out. */
function waysOf(node: Regex): number {
  switch (node.kind) {
    case "set":
    case "look":
      return 1;
    case "atomic":
      return waysOf(node.body);
    case "sequence":
      return node.items.reduce((ways, item) => ways * waysOf(item), 1);
    case "choice":
      return node.items.reduce((ways, item) => ways + waysOf(item), 0);
    case "repeat": {
      const each = waysOf(node.body);
      if (node.max === Infinity) return each ** node.min + each;
      let ways = 0;
      for (let count = node.min; count <= node.max && ways <= mostWays; count++) {
        ways += each ** count;
      }
      return ways;
    }
  }
}

/** Tells whether two endless repetitions, or one within another, can divide a text in many ways. */
function dividesInManyWays(places: Places, ends: ReadonlySet<number>): boolean {
  const { sources, follow } = places;
  const size = sources.length;
  const signatures = sources.map((source) => {
    const set = new CharacterSet(source);
    return samples.map((point) => set.has(point));
  });
  const shared = (a: number, b: number) =>
    signatures[a]?.some((is, sample) => is && signatures[b]?.[sample]) === true;
  const meets = sources.map((_, a) => sources.map((_, b) => shared(a, b)));
  /** Pairs of places that one text leads to from a pair. */
  const reach = (start: number): Set<number> => {
    const found = new Set<number>();
    const open = [start];
    for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
      for (const a of follow[Math.floor(pair / size)] ?? []) {
        for (const b of follow[pair % size] ?? []) {
          const next = a * size + b;
          if (!meets[a]?.[b] || found.has(next)) continue;
          found.add(next);
          open.push(next);
        }
      }
    }
    return found;
  };
  for (let a = 0; a < size; a++) {
    const fromTwice = reach(a * size + a);
    if (!fromTwice.has(a * size + a)) continue;
    for (const pair of fromTwice) {
      const [left, right] = [Math.floor(pair / size), pair % size];
      if (left === right) continue;
      const further = reach(pair);
      if (further.has(a * size + a)) return true;
      const two = left === a && further.has(pair) && further.has(right * size + right);
      // Where the second one ends the match, the first division is the last.
      if (two && (places.looks || !ends.has(right))) return true;
    }
  }
  return false;
}

/**
 * Tells whether a backtracking engine matches a tree in a time that grows with the square of the
 * text at most. It errs on the side of no.
 *
 * @param tree A regular expression
 * @returns False where a text may be divided in many ways before a match fails
 */
export function isDirect(tree: Regex): boolean {
  return (tree.kind === "choice" ? tree.items : [tree]).every((item) => {
    if (waysOf(item) > mostWays) return false;
    const places = new Places();
    const ends = new Set(places.add(item).last);
    return places.sources.length <= mostPlaces && !dividesInManyWays(places, ends);
  });
}
