/**
 * The automaton of a regular expression whose states are the characters of the expression, with
 * the number of ways that lead from one to the next.
 *
 * @module
 */

import type { PatternNode } from "./pattern_syntax.ts";

/** A character of the expression. */
export interface PatternState {
  /** Number of the state; 0 is the start. */
  readonly place: number;
  /** Bits of those sample characters that it can take. */
  readonly set: bigint;
}

/** Ways to states: 1, or 2 for several. */
type Ways = Map<PatternState, number>;

/** What a part of an expression begins and ends with, and in how many ways it takes nothing. */
interface Part {
  readonly first: Ways;
  readonly last: Ways;
  readonly nothing: number;
}

/** Repetitions up to this number are written out. */
const writtenOut = 10;
const mostStates = 50_000;
const mostEdges = 200_000;

/** One of each kind of character, by Unicode's general categories, beside those of ASCII. */
const samples = "\u0085\u00a0\u2003\u2028\u2029\ufeff\u00adªµéĀıſǅʰ\u0301\u0903\u20ddΣςаאعक中あ한" +
  "ａ٣²¼Ⅷ‿–«»’。©˚\u{10400}\u{1F600}\ue000\u0378K";

const none: Part = { first: new Map(), last: new Map(), nothing: 1 };

/** States and edges of one expression, or of one that is looked for ahead or behind. */
export class Automaton {
  /** States that follow each, and in how many ways: 1, or 2 for several. */
  readonly follow: Ways[] = [];

  private constructor(
    /** Sets of characters by their sources. */
    readonly setOf: (source: string) => bigint,
    /** What is looked for on the way. */
    readonly looks: PatternNode[],
    /** States at which a match may end, whatever comes behind. */
    public ends: Set<number> | undefined,
  ) {}

  /**
   * Builds the automata of an expression and of all that it looks for.
   *
   * @param flags Flags of the expression, among them `u` or `v`
   * @param free Whether nothing stands behind the expression
   * @throws {RangeError} If they are too large, or a repetition too long to be written out repeats
   * nothing
   */
  static of(tree: PatternNode, flags: string, free: boolean): Automaton[] {
    const looks = [tree];
    const found: Automaton[] = [];
    const setOf = characterSets(flags);
    for (const look of looks) {
      const automaton = new Automaton(setOf, looks, free ? new Set() : undefined);
      const start = automaton.#state(0n);
      const part = automaton.#build(look);
      automaton.#join(start, part);
      for (const { place } of part.last.keys()) automaton.ends?.add(place);
      found.push(automaton);
    }
    return found;
  }

  #state(set: bigint): Part {
    const place = this.follow.push(new Map()) - 1;
    if (place >= mostStates) throw new RangeError();
    const ways: Ways = new Map([[{ place, set }, 1]]);
    return { first: ways, last: ways, nothing: 0 };
  }

  #edges = 0;

  #join({ last }: Part, { first }: Part): void {
    for (const [{ place }, ways] of last) {
      this.#edges += first.size;
      if (this.#edges > mostEdges) throw new RangeError();
      add(this.follow[place]!, first, ways);
    }
  }

  #build(node: PatternNode): Part {
    switch (node.kind) {
      case "empty":
        return none;
      case "look":
        this.looks.push(node.body);
        this.ends = undefined;
        return none;
      case "atomic":
        return this.#build(node.body);
      case "set":
        return this.#state(this.setOf(node.source));
      case "sequence":
        return node.items.reduce((part, one) => this.#then(part, this.#build(one)), none);
      case "choice":
        return node.items.map((one) => this.#build(one)).reduce((a, b) => ({
          first: sum(a.first, b.first),
          last: sum(a.last, b.last),
          nothing: Math.min(2, a.nothing + b.nothing),
        }));
      case "repeat":
        return this.#repeat(node.body, node.min, node.max);
    }
  }

  #then(a: Part, b: Part): Part {
    this.#join(a, b);
    return {
      first: sum(a.first, b.first, a.nothing),
      last: sum(b.last, a.last, b.nothing),
      nothing: Math.min(2, a.nothing * b.nothing),
    };
  }

  #repeat(body: PatternNode, min: number, max: number): Part {
    const most = Number.isFinite(max) ? max : min;
    if (max === 0) return none;
    if (most > writtenOut) {
      if (min > 1) this.ends = undefined;
      const part = this.#loop(body);
      // Which of many repetitions take nothing is a choice of its own.
      if (part.nothing > 0) throw new RangeError();
      return min > 0 ? part : { ...part, nothing: 1 };
    }
    let part = none;
    for (let i = 0; i < min; i++) part = this.#then(part, this.#build(body));
    let rest = Number.isFinite(max) ? none : { ...this.#loop(body), nothing: 1 };
    for (let i = min; i < max && Number.isFinite(max); i++) {
      rest = { ...this.#then(this.#build(body), rest), nothing: 1 };
    }
    return this.#then(part, rest);
  }

  #loop(body: PatternNode): Part {
    const part = this.#build(body);
    this.#join(part, part);
    return part;
  }
}

/** Ways of both, the second ones `times` over. */
function sum(a: Ways, b: Ways, times = 1): Ways {
  if (times === 0 || b.size === 0) return a;
  const all: Ways = new Map(a);
  add(all, b, times);
  return all;
}

function add(all: Ways, b: Ways, times: number): void {
  for (const [state, ways] of b) all.set(state, Math.min(2, (all.get(state) ?? 0) + ways * times));
}

function characterSets(flags: string): (source: string) => bigint {
  const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
  const characters = [...ascii, ...samples];
  const known = new Map<string, bigint>();
  return (source) => {
    let set = known.get(source);
    if (set === undefined) {
      const pattern = new RegExp(`^(?:${source})$`, flags);
      set = 0n;
      let bit = 1n;
      for (const character of characters) {
        if (pattern.test(character)) set |= bit;
        bit <<= 1n;
      }
      known.set(source, set);
    }
    return set;
  };
}
