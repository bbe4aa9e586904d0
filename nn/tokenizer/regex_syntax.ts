/**
 * Reading the regular expressions of `tokenizer.json`, which are those of Oniguruma.
 *
 * @module
 */

import {
  literal,
  namedProperty,
  posixClass,
  rangeOfAnyCase,
  shorthands,
  wordOutside,
} from "./regex_classes.ts";
import { any, assertions, lineEnd, lineStart } from "./regex_assertions.ts";
import {
  canBeEmpty,
  choiceOf,
  lengthOf,
  lookOf,
  PatternError,
  type Regex,
  sequenceOf,
  setOf,
} from "./regex_tree.ts";
import { classes } from "./unicode.ts";

interface Options {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
}

const controls: Readonly<Record<string, number>> = {
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  a: 7,
  e: 27,
};
const foldedTogether = /s[st]|f[fil]/i;
const deepest = 50;

/** Reads one regular expression from its start to its end. */
class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Regex {
    const tree = this.#choice({ ignoreCase: false, dotAll: false });
    if (this.#at < this.#text.length) throw new PatternError("a closing parenthesis by itself");
    return tree;
  }

  #take(part: string): boolean {
    if (!this.#text.startsWith(part, this.#at)) return false;
    this.#at += part.length;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match) this.#at += match[0].length;
    return match;
  }

  #point(): number {
    const point = this.#text.codePointAt(this.#at);
    if (point === undefined) throw new PatternError("an unfinished end");
    this.#at += point > 0xffff ? 2 : 1;
    return point;
  }

  #choice(options: Options): Regex {
    if (++this.#depth > deepest) throw new PatternError(`more than ${deepest} nested groups`);
    const items = [this.#sequence(options)];
    while (this.#take("|")) items.push(this.#sequence(options));
    this.#depth--;
    return choiceOf(...items);
  }

  #sequence(options: Options): Regex {
    const items: Regex[] = [];
    while (this.#at < this.#text.length && !/[|)]/.test(this.#text[this.#at] ?? "")) {
      if (options.ignoreCase) this.#refuseFolds();
      const switched = this.#match(/\(\?([im]*)(?:-([im]*))?\)/y);
      // Options count up to the end of the group, over its further choices.
      if (switched) items.push(this.#choice(switchedOptions(options, switched)));
      else items.push(this.#quantified(this.#atom(options)));
    }
    return sequenceOf(...items);
  }

  /** Single letters match some pairs where case does not count. */
  #refuseFolds(): void {
    const pair = this.#text.slice(this.#at, this.#at + 2);
    if (foldedTogether.test(pair)) throw new PatternError(`(?i) over ${pair}`);
  }

  #quantified(atom: Regex): Regex {
    let tree = atom;
    for (;;) {
      const match = this.#match(/[*+?]|\{\d+(?:,\d*)?\}|\{,\d+\}/y);
      if (!match) return tree;
      tree = this.#repeat(tree, match[0]);
    }
  }

  #repeat(body: Regex, quantifier: string): Regex {
    const braces = quantifier.startsWith("{");
    const [low, high = low] = braces ? quantifier.slice(1, -1).split(",") : [];
    const min = braces ? Number(low) : quantifier === "+" ? 1 : 0;
    const most = high === "" ? Infinity : Number(high);
    const max = braces ? most : quantifier === "?" ? 1 : Infinity;
    if (min > max) throw new PatternError(`the repetition ${quantifier}`);
    if (max > 1 && canBeEmpty(body) && max === Infinity) {
      throw new PatternError("an endless repetition of what can be empty");
    }
    const fixed = braces && min === max && !quantifier.includes(",");
    if (this.#take("?")) {
      // Behind a fixed number the mark makes the whole optional.
      if (!fixed) return { kind: "repeat", body, min, max, mode: "lazy" };
      const whole: Regex = { kind: "repeat", body, min, max, mode: "greedy" };
      return { kind: "repeat", body: whole, min: 0, max: 1, mode: "greedy" };
    }
    const possessive = !braces && this.#take("+");
    return { kind: "repeat", body, min, max, mode: possessive ? "possessive" : "greedy" };
  }

  #atom(options: Options): Regex {
    if (this.#take("(")) return this.#group(options);
    if (this.#take("[")) return setOf(this.#class(options));
    if (this.#take(".")) return options.dotAll ? any : setOf("[^\\n]");
    if (this.#take("^")) return lineStart;
    if (this.#take("$")) return lineEnd;
    if (this.#take("\\")) {
      const letter = this.#text[this.#at] ?? "";
      if (Object.hasOwn(assertions, letter)) {
        this.#at++;
        return assertions[letter] ?? any;
      }
      const part = this.#shorthand(wordOutside, options);
      if (part !== undefined) return setOf(`[${part}]`);
      return setOf(`[${this.#member(this.#escaped(), undefined, options)}]`);
    }
    if (/[*+?]/.test(this.#text[this.#at] ?? "")) {
      throw new PatternError("a repetition of nothing");
    }
    return setOf(`[${this.#member(this.#point(), undefined, options)}]`);
  }

  #group(options: Options): Regex {
    const kind = this.#match(/\?(?::|>|=|!|<=|<!|<\w+>|([im]*)(?:-([im]*))?:)/y);
    if (!kind && this.#text[this.#at] === "?") {
      throw new PatternError(`the group (${this.#text.slice(this.#at, this.#at + 3)}`);
    }
    const inner = kind?.[1] === undefined ? options : switchedOptions(options, kind);
    const body = this.#choice(inner);
    if (!this.#take(")")) throw new PatternError("an open group");
    switch (kind?.[0]) {
      case "?>":
        return { kind: "atomic", body };
      case "?=":
      case "?!":
        return lookOf("ahead", body, kind[0] === "?!");
      case "?<=":
      case "?<!":
        if (lengthOf(body) === undefined) {
          throw new PatternError("a look behind of several lengths");
        }
        return lookOf("behind", body, kind[0] === "?<!");
      default:
        return body;
    }
  }

  /** Reads a class such as \s or \p{L} behind the backslash; undefined where there is none. */
  #shorthand(word: string, options: Options): string | undefined {
    const property = this.#match(/([pP])\{(\^?)([\w ]+)\}/y);
    if (property) {
      const [, letter, not, name = ""] = property;
      if (!name.startsWith("N")) refuseCase(options);
      const part = namedProperty(name);
      return (letter === "P") !== (not === "^") ? `[^${part}]` : part;
    }
    const letter = this.#text[this.#at] ?? "";
    const small = letter.toLowerCase();
    const part = small === "w" ? word : shorthands[small];
    if (part === undefined) return undefined;
    this.#at++;
    return letter === small ? part : `[^${part}]`;
  }

  /** Reads the character behind a backslash. */
  #escaped(): number {
    const hexadecimal = this.#match(/x\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})/y);
    if (hexadecimal) {
      const point = parseInt(hexadecimal.slice(1).find((digits) => digits !== undefined) ?? "", 16);
      // Higher bytes of \xHH are parts of characters in Oniguruma.
      const part = hexadecimal[2] !== undefined && point > 0x7f;
      if (!part && point <= 0x10ffff && !(point >= 0xd800 && point < 0xe000)) return point;
      throw new PatternError(`the escape \\${hexadecimal[0]}`);
    }
    const letter = this.#text[this.#at] ?? "";
    const control = Object.hasOwn(controls, letter) ? controls[letter] : undefined;
    if (control !== undefined) {
      this.#at++;
      return control;
    }
    if (/[A-Za-z0-9]/.test(letter)) throw new PatternError(`the escape \\${letter}`);
    return this.#point();
  }

  #member(first: number, last: number | undefined, { ignoreCase }: Options): string {
    if (last !== undefined && last < first) throw new PatternError("a range that runs down");
    if (ignoreCase) return rangeOfAnyCase(first, last ?? first);
    return last === undefined ? literal(first) : `${literal(first)}-${literal(last)}`;
  }

  /** Reads a class behind its opening bracket, up to its closing one. */
  #class(options: Options): string {
    const opening = this.#take("^") ? "[^" : "[";
    if (this.#text[this.#at] === "]") throw new PatternError("an empty class");
    if (++this.#depth > deepest) throw new PatternError(`more than ${deepest} nested groups`);
    const operands: string[] = [""];
    while (!this.#take("]")) {
      if (this.#at >= this.#text.length) throw new PatternError("an open class");
      if (this.#take("&&")) operands.push("");
      else operands[operands.length - 1] += this.#classPart(options);
    }
    this.#depth--;
    if (operands.includes("")) throw new PatternError("an empty class");
    const parts = operands.length === 1 ? operands : operands.map((operand) => `[${operand}]`);
    return `${opening}${parts.join("&&")}]`;
  }

  #classPart(options: Options): string {
    const named = this.#match(/\[:(\^?)(\w+):\]/y);
    if (named) {
      refuseCase(options);
      const part = posixClass(named[2] ?? "");
      return named[1] === "^" ? `[^${part}]` : part;
    }
    if (this.#take("[")) return this.#class(options);
    const escaped = this.#take("\\");
    const part = escaped ? this.#shorthand(classes.wordOfClass, options) : undefined;
    if (part !== undefined) return part;
    const first = escaped ? this.#escaped() : this.#point();
    // A hyphen before the end, or before a class, stands for itself.
    if (!/^-(?!\]|\[|&&|\\[dDsSwWhHpP])/.test(this.#text.slice(this.#at, this.#at + 3))) {
      return this.#member(first, undefined, options);
    }
    this.#at++;
    return this.#member(first, this.#take("\\") ? this.#escaped() : this.#point(), options);
  }
}

function refuseCase({ ignoreCase }: Options): void {
  if (ignoreCase) throw new PatternError("(?i) over classes of letters");
}

function switchedOptions(options: Options, [, on = "", off = ""]: RegExpExecArray): Options {
  const switched = (letter: string, before: boolean) =>
    off.includes(letter) ? false : on.includes(letter) || before;
  return {
    ignoreCase: switched("i", options.ignoreCase),
    dotAll: switched("m", options.dotAll),
  };
}

/**
 * Reads a regular expression.
 *
 * @param text A regular expression of Oniguruma
 * @returns Its tree
 * @throws {PatternError} If it is malformed or asks for what is not supported
 */
export function readRegex(text: string): Regex {
  return new Reader(text).read();
}
