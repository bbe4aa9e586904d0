/**
 * Regular expressions as lists of steps.
 *
 * @module
 */

import { lengthOf, PatternError, type Regex } from "./regex_tree.ts";

/** What a step does. */
export enum RegexOp {
  /** Takes one character of a set. */
  set,
  /** Takes as many characters of a set as there are, for good. */
  span,
  /** Goes on elsewhere. */
  jump,
  /** Goes on at one place, and at a second one where that fails. */
  choose,
  /** Looks to a side. */
  look,
  /** Matches for good. */
  atomic,
}

/** One step. */
export interface Step {
  readonly op: RegexOp;
  readonly set: CharacterSet | undefined;
  to: number;
  second: number;
  /** Number of a step that is tried once at a place; -1 of the others. */
  readonly choice: number;
  readonly program: RegexProgram | undefined;
  readonly negative: boolean;
  /** Characters to go back before looking. */
  readonly back: number;
}

/** Steps; behind the last one is the match. */
export interface RegexProgram {
  readonly steps: Step[];
  /** Number of steps that are tried once at a place. */
  choices: number;
  /** Whether only that there is a match counts, not where it ends. */
  readonly look: boolean;
}

/** A class of characters that remembers what it was asked. */
export class CharacterSet {
  readonly #pattern: RegExp;
  readonly #known = new Uint8Array(0x10000);

  /**
   * Makes a class.
   *
   * @param source The class in brackets
   */
  constructor(source: string) {
    this.#pattern = new RegExp(`^${source}$`, "v");
  }

  /** Tells whether a code point is of the class. */
  has(point: number): boolean {
    if (point > 0xffff) return this.#pattern.test(String.fromCodePoint(point));
    const known = this.#known[point] ?? 0;
    if (known > 0) return known === 2;
    const found = this.#pattern.test(String.fromCharCode(point));
    this.#known[point] = found ? 2 : 1;
    return found;
  }
}

const mostSteps = 10_000;

/**
 * Compiles a tree.
 *
 * @param tree A regular expression
 * @param look Whether only that there is a match counts
 * @returns Its steps
 * @throws {PatternError} If its repetitions make it too long
 */
export function compile(
  tree: Regex,
  look: boolean,
  sets: Map<string, CharacterSet> = new Map(),
): RegexProgram {
  const program: RegexProgram = { steps: [], choices: 0, look };
  const { steps } = program;
  const add = (op: RegexOp, more: Partial<Step> = {}): Step => {
    if (steps.length >= mostSteps) throw new PatternError(`more than ${mostSteps} steps`);
    const once = op === RegexOp.choose || op === RegexOp.span;
    const choice = once ? program.choices++ : -1;
    const rest = { set: undefined, to: -1, second: -1, program: undefined, negative: false };
    const step = { ...rest, back: 0, ...more, op, choice };
    steps.push(step);
    return step;
  };
  const setFor = (source: string): CharacterSet => {
    const set = sets.get(source) ?? new CharacterSet(source);
    sets.set(source, set);
    return set;
  };
  /** Goes into what follows first, or past it. */
  const optional = (body: () => void, lazy: boolean): void => {
    const choose = add(RegexOp.choose);
    const inside = steps.length;
    body();
    choose.to = lazy ? steps.length : inside;
    choose.second = lazy ? inside : steps.length;
  };
  function repeat({ body, min, max, mode }: Regex & { kind: "repeat" }): void {
    if (mode === "possessive") {
      const inner = { kind: "repeat", body, min, max, mode: "greedy" } as const;
      if (body.kind !== "set" || max !== Infinity) return emit({ kind: "atomic", body: inner });
    }
    for (let count = 0; count < min; count++) emit(body);
    if (mode === "possessive" && body.kind === "set") {
      add(RegexOp.span, { set: setFor(body.source) });
    } else if (max === Infinity) {
      const back = steps.length;
      optional(() => {
        emit(body);
        add(RegexOp.jump, { to: back });
      }, mode === "lazy");
    } else {
      nest(max - min, body, mode === "lazy");
    }
  }
  function nest(times: number, body: Regex, lazy: boolean): void {
    const chosen: Step[] = [];
    for (let count = 0; count < times; count++) {
      chosen.push(add(RegexOp.choose, { to: steps.length + 1 }));
      emit(body);
    }
    for (const step of chosen) {
      step.second = steps.length;
      if (lazy) [step.to, step.second] = [step.second, step.to];
    }
  }
  function choose(items: readonly Regex[]): void {
    const ends: Step[] = [];
    for (const [index, item] of items.entries()) {
      if (index === items.length - 1) emit(item);
      else {
        optional(() => {
          emit(item);
          ends.push(add(RegexOp.jump));
        }, false);
      }
    }
    for (const end of ends) end.to = steps.length;
  }
  function emit(node: Regex): void {
    switch (node.kind) {
      case "set":
        add(RegexOp.set, { set: setFor(node.source) });
        return;
      case "sequence":
        return node.items.forEach(emit);
      case "choice":
        return choose(node.items);
      case "repeat":
        return repeat(node);
      case "atomic":
        add(RegexOp.atomic, { program: compile(node.body, false, sets) });
        return;
      case "look": {
        const back = node.behind ? lengthOf(node.body) ?? 0 : 0;
        const inner = compile(node.body, true, sets);
        add(RegexOp.look, { program: inner, negative: node.negative, back });
      }
    }
  }
  emit(tree);
  return program;
}
