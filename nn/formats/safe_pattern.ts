/**
 * Regular expressions of files that others wrote: those on which a backtracking matcher could run
 * without end are found before they run.
 *
 * A matcher tries every way in which an expression can take a text. The ways are paths through the
 * automaton of the expression's characters (of Glushkov): two paths from one place to another that
 * take the same text double the work, again and again where they lie on a loop.
 *
 * @module
 */

import { Automaton } from "./pattern_automaton.ts";
import { parsePattern, type PatternNode } from "./pattern_syntax.ts";

/** Most doublings of the work that are let pass: for a path, and everywhere in a text. */
const mostDoublings = 22;
const mostFree = 3;
/** Doublings that two loops one after the other make, which can divide a text in many places. */
const loopDoublings = 5;
/** Others are counted threefold, as one can begin before another has ended. */
const otherDoublings = 3;
/** Most pairs of places that are looked at. */
const mostPairs = 1_000_000;

/**
 * Tells whether a backtracking matcher could need time beyond all bounds: exponential in the length
 * of a text, or more than its fourth power. An expression too large to tell counts as such.
 *
 * @param source Expression that `RegExp` accepts with the flag `u`
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 *
 * assert(runsAway("(a+)+b") && runsAway("(a|a)*b"));
 * assert(!runsAway(".*\\.layers\\.\\d+\\.(q|v)_proj"));
 * ```
 */
export function runsAway(source: string): boolean {
  return doublesWork(source, /\(\?[a-z]*i/.test(source) ? "ui" : "u", false);
}

/**
 * Tells whether the work of a backtracking matcher doubles too often.
 *
 * @param flags Flags of the expression, among them `u` or `v`
 * @param free Whether nothing stands behind the expression and two loops that divide a text are too
 * much: it is then found everywhere in a text in a time that grows with its square at most
 */
export function doublesWork(tree: PatternNode | string, flags: string, free: boolean): boolean {
  try {
    return Automaton.of(typeof tree === "string" ? parsePattern(tree) : tree, flags, free)
      .some((automaton) =>
        longestPath(automaton, doublingsOf(automaton), free) > (free ? mostFree : mostDoublings)
      );
  } catch (error) {
    if (error instanceof RangeError) return true;
    throw error;
  }
}

type Edges = ReadonlyMap<number, ReadonlySet<number>>;

/** Pairs of places between which a text has two paths; a RangeError where there are too many. */
function doublingsOf({ follow, ends }: Automaton): Edges {
  const size = follow.length;
  const found = new Map<number, Set<number>>();
  const merging = mergingStates(follow);
  let left = mostPairs;
  for (let from = 0; from < size; from++) {
    if (!merging[from]) continue;
    const doubled = new Set<number>();
    const seen = new Set<number>();
    const queue: [number, number][] = [[from, from]];
    for (const [one, other] of queue) {
      for (const [a, waysA] of follow[one]!) {
        for (const [b, waysB] of follow[other]!) {
          if (--left < 0) throw new RangeError();
          // A match that gets to an end is one: what else leads there is never tried.
          if (ends?.has(a.place) || ends?.has(b.place)) continue;
          if (a.place > b.place && one === other || (a.set & b.set) === 0n) continue;
          if (a === b) {
            if (one !== other || waysA * waysB > 1) doubled.add(a.place);
            continue;
          }
          const [low, high] = a.place < b.place ? [a.place, b.place] : [b.place, a.place];
          const pair = low * size + high;
          if (!seen.has(pair) && merging[low] && merging[high]) {
            seen.add(pair);
            queue.push([low, high]);
          }
        }
      }
    }
    if (doubled.size > 0) found.set(from, doubled);
  }
  return found;
}

/** Marks the places from which a path leads to a place that has several ways in. */
function mergingStates(follow: Automaton["follow"]): Uint8Array {
  const size = follow.length;
  const before = Array.from({ length: size }, (): number[] => []);
  const waysIn = new Uint32Array(size);
  for (let from = 0; from < size; from++) {
    for (const [{ place }, ways] of follow[from]!) {
      before[place]!.push(from);
      waysIn[place]! += ways;
    }
  }
  const marked = new Uint8Array(size);
  const queue = [...waysIn.keys()].filter((place) => waysIn[place]! > 1)
    .flatMap((place) => before[place]!);
  for (const place of queue) {
    if (marked[place] === 1) continue;
    marked[place] = 1;
    queue.push(...before[place]!);
  }
  return marked;
}

/** Most doublings along one path; infinite where one lies on a loop. */
function longestPath({ follow }: Automaton, doublings: Edges, free: boolean): number {
  const size = follow.length;
  const after = (from: number) => Array.from(follow[from]!.keys(), ({ place }) => place);
  const loops = components(size, (place) => [...after(place), ...doublings.get(place) ?? []]);
  const isLoop = (place: number) =>
    after(place).includes(place) || loops.sizes[loops.of[place]!]! > 1;
  // Components are numbered from the ends of all paths on.
  const order = Array.from({ length: size }, (_, place) => place)
    .sort((a, b) => loops.of[a]! - loops.of[b]!);
  const ofLoops = free ? Infinity : loopDoublings;
  const longest = new Float64Array(loops.sizes.length);
  for (const place of order) {
    const component = loops.of[place]!;
    const reach = (to: number, weight: number) => {
      const beyond = loops.of[to] === component
        ? (weight > 0 ? Infinity : 0)
        : longest[loops.of[to]!]!;
      longest[component] = Math.max(longest[component]!, weight + beyond);
    };
    for (const to of after(place)) reach(to, 0);
    for (const to of doublings.get(place) ?? []) {
      reach(to, isLoop(place) && isLoop(to) ? ofLoops : otherDoublings);
    }
  }
  return Math.max(...longest);
}

/** Strongly connected components, numbered so that every edge leads to a smaller number (Tarjan). */
function components(
  size: number,
  after: (place: number) => readonly number[],
): { readonly of: Int32Array; readonly sizes: readonly number[] } {
  const of = new Int32Array(size).fill(-1);
  const [entered, low] = [new Int32Array(size), new Int32Array(size)];
  const [open, sizes]: number[][] = [[], []];
  let clock = 0;
  for (let root = 0; root < size; root++) {
    if (entered[root] !== 0) continue;
    const visits = [{ place: root, edges: after(root), at: 0 }];
    while (visits.length > 0) {
      const visit = visits.at(-1)!;
      const { place, edges } = visit;
      if (visit.at === 0) {
        entered[place] = low[place] = ++clock;
        open!.push(place);
      }
      const to = edges[visit.at++];
      if (to === undefined) {
        visits.pop();
        const parent = visits.at(-1)?.place;
        if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[place]!);
        if (low[place] === entered[place]) {
          const members = open!.splice(open!.lastIndexOf(place));
          for (const member of members) of[member] = sizes!.length;
          sizes!.push(members.length);
        }
      } else if (entered[to] === 0) visits.push({ place: to, edges: after(to), at: 0 });
      else if (of[to] === -1) low[place] = Math.min(low[place]!, entered[to]!);
    }
  }
  return { of, sizes: sizes! };
}
