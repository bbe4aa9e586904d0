/**
 * Matching of regular expressions in time linear in the text: what failed once at a place is not
 * tried there again, so that no expression can backtrack without end.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { compile, RegexOp, type RegexProgram } from "./regex_program.ts";
import type { Regex } from "./regex_tree.ts";

/** Most bits of memory for what was tried, in all programs of an expression. */
const mostBits = 2 ** 31;
/** Most steps for one text beside some for each character: atomic groups can take more. */
const mostSteps = 2e8;
const mostStepsEach = 200;

/** What was tried of one program in one text: a bit for each choice at each place. */
interface Tried {
  readonly failed: Uint32Array;
  /** Only of looks, whose bounds do not count. */
  readonly succeeded: Uint32Array | undefined;
}

/** One text and what was found out about it. */
class Search {
  readonly #text: string;
  readonly #tried = new Map<RegexProgram, Tried>();
  #steps: number;
  #bits = 0;

  constructor(text: string) {
    this.#text = text;
    this.#steps = mostSteps + mostStepsEach * text.length;
  }

  #memory(program: RegexProgram): Tried {
    let tried = this.#tried.get(program);
    if (tried) return tried;
    const bits = program.choices * (this.#text.length + 1);
    this.#bits += bits * (program.look ? 2 : 1);
    if (this.#bits > mostBits) {
      throw new OptionError(
        `Cannot split text as its regular expression requires shorter texts: found ` +
          `${this.#text.length} characters`,
      );
    }
    const words = (bits >>> 5) + 1;
    tried = {
      failed: new Uint32Array(words),
      succeeded: program.look ? new Uint32Array(words) : undefined,
    };
    this.#tried.set(program, tried);
    return tried;
  }

  /** Returns where a match that begins at a place ends, or -1. */
  run(program: RegexProgram, from: number): number {
    const { failed, succeeded } = this.#memory(program);
    const width = this.#text.length + 1;
    // The choices on the way here, and those to come back to with the length of the way.
    const way: number[] = [];
    const later: number[] = [];
    let [at, place] = [0, from];
    for (;;) {
      if (--this.#steps < 0) {
        throw new OptionError("Cannot split text as its regular expression takes too many steps");
      }
      const step = program.steps[at];
      if (
        step === undefined ||
        succeeded && step.choice >= 0 && has(succeeded, step.choice * width + place)
      ) {
        for (const bit of way) {
          clear(failed, bit);
          if (succeeded) set(succeeded, bit);
        }
        return place;
      }
      let next = -1;
      if (step.op === RegexOp.jump) next = step.to;
      else if (step.op === RegexOp.choose || step.op === RegexOp.span) {
        const bit = step.choice * width + place;
        if (!has(failed, bit)) {
          set(failed, bit);
          way.push(bit);
          if (step.op === RegexOp.choose) {
            later.push(step.second, place, way.length);
            next = step.to;
          } else {
            const size = this.#one(step, place);
            place += size;
            next = size > 0 ? at : at + 1;
          }
        }
      } else if (step.op === RegexOp.set) {
        const size = this.#one(step, place);
        if (size > 0) next = at + 1;
        place += size;
      } else {
        const found = step.program === undefined ? -1 : this.#aside(step, place);
        if (found >= 0) [next, place] = [at + 1, found];
      }
      if (next >= 0) {
        at = next;
        continue;
      }
      const length = later.pop();
      if (length === undefined) return -1;
      way.length = length;
      place = later.pop() ?? 0;
      at = later.pop() ?? 0;
    }
  }

  /** Returns the size of the character at a place where a step takes it, else 0. */
  #one(step: RegexProgram["steps"][number], place: number): number {
    const point = this.#text.codePointAt(place);
    if (point === undefined || step.set?.has(point) !== true) return 0;
    return point > 0xffff ? 2 : 1;
  }

  /** Runs a program within another; returns where to go on, or -1. */
  #aside(step: RegexProgram["steps"][number], place: number): number {
    const { program, negative, back } = step;
    if (program === undefined) return -1;
    if (step.op === RegexOp.atomic) return this.run(program, place);
    let from = place;
    for (let count = 0; count < back && from >= 0; count++) {
      const low = this.#text.charCodeAt(from - 1);
      from -= low >= 0xdc00 && low < 0xe000 ? 2 : 1;
    }
    const found = from >= 0 && this.run(program, from) >= 0;
    return found === negative ? -1 : place;
  }
}

function has(bits: Uint32Array, bit: number): boolean {
  return ((bits[bit >>> 5] ?? 0) >>> (bit & 31) & 1) === 1;
}

function set(bits: Uint32Array, bit: number): void {
  bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) | 1 << (bit & 31);
}

function clear(bits: Uint32Array, bit: number): void {
  bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) & ~(1 << (bit & 31));
}

/** Finds where the first match at or behind a place begins and ends. */
export type Finder = (from: number) => readonly [number, number] | undefined;

/**
 * Compiles a tree.
 *
 * @returns What makes a finder for a text
 */
export function machineOf(tree: Regex): (text: string) => Finder {
  const program = compile(tree, false);
  return (text) => {
    const search = new Search(text);
    return (from) => {
      for (let start = from; start <= text.length; start++) {
        const low = text.charCodeAt(start);
        // Not between the halves of a character.
        if (start > 0 && low >= 0xdc00 && low < 0xe000) continue;
        const end = search.run(program, start);
        if (end >= 0) return [start, end];
      }
      return undefined;
    };
  };
}
