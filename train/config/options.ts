/**
 * Typed options: one table a command, from which flags, configuration files and help are read.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { OptionError } from "../../core/errors.ts";

/** What an option takes. */
export type OptionKind = "text" | "number" | "integer" | "choice" | "switch" | "list" | "rate";

/** One option. */
export interface OptionSpec {
  /** What it takes. */
  readonly kind: OptionKind;
  /** What it is, in one line. */
  readonly help: string;
  /** Allowed words of a choice. */
  readonly choices?: readonly string[];
  /** Smallest allowed number. */
  readonly min?: number;
  /** Value where nothing is given; absent: none. */
  readonly default?: string | number | boolean | readonly string[];
  /** What help shows as the default where it is no plain value. */
  readonly defaultText?: string;
  /** Whether nothing can be done without it. */
  readonly required?: boolean;
}

/** Options by name, in camel case; on the command line in kebab case. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** Values by option name. */
export type OptionValues = Record<string, unknown>;

/** Name of an option on the command line, without its dashes. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
const camel = (flag: string) => flag.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());

/** The command line, split. */
export interface ParsedFlags {
  /** Options that were given. */
  readonly values: OptionValues;
  /** Words that belong to no flag. */
  readonly words: readonly string[];
}

/**
 * Reads a command line.
 *
 * @throws {OptionError} If a flag is unknown, given twice, or its value does not fit
 */
export function parseFlags(table: OptionTable, args: readonly string[]): ParsedFlags {
  const names = Object.keys(table);
  const switches = names.filter((name) => table[name]!.kind === "switch").map(kebab);
  const strings = names.filter((name) => table[name]!.kind !== "switch").map(kebab);
  const parsed = parseArgs(joinNegatives(args, strings), {
    string: strings,
    boolean: [...switches, ...switches.map((flag) => `no-${flag}`)],
    unknown(arg, key) {
      if (key !== undefined) throw unknownName(`--${key}`, names.map((name) => `--${kebab(name)}`));
      return !arg.startsWith("-");
    },
  });
  const values: OptionValues = {};
  for (const flag of args.flatMap((arg) => /^--([^=]+)/.exec(arg)?.[1] ?? [])) {
    const off = flag.startsWith("no-") && switches.includes(flag.slice(3));
    const name = camel(off ? flag.slice(3) : flag);
    const raw = parsed[flag];
    if (Object.hasOwn(values, name)) {
      throw new OptionError(`Cannot use --${flag} as it is given twice`);
    }
    if (raw === "" || raw === undefined) {
      throw new OptionError(`Cannot use --${flag} as it requires a value: found none`);
    }
    values[name] = off ? false : readValue(`--${flag}`, table[name]!, raw);
  }
  return { values, words: parsed._.map(String) };
}

/** Ties a negative number to the flag before it: behind a space it would be read as a flag. */
function joinNegatives(args: readonly string[], strings: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const before = joined.at(-1);
    const takes = before?.startsWith("--") && strings.includes(before.slice(2));
    if (takes && /^-\.?\d/.test(arg)) joined[joined.length - 1] = `${before}=${arg}`;
    else joined.push(arg);
  }
  return joined;
}

/**
 * Reads a configuration file's object.
 *
 * @throws {OptionError} If a key is unknown or its value does not fit
 */
export function parseObject(table: OptionTable, object: unknown, path: string): OptionValues {
  if (typeof object !== "object" || object === null || Array.isArray(object)) {
    throw new OptionError(`Cannot read ${path} as a JSON object is required`);
  }
  const values: OptionValues = {};
  for (const [name, raw] of Object.entries(object)) {
    const spec = Object.hasOwn(table, name) ? table[name] : undefined;
    if (spec === undefined) throw unknownName(name, Object.keys(table), ` in ${path}`);
    const plain = Array.isArray(raw) ? raw.join(",") : raw;
    values[name] = readValue(`${name} in ${path}`, spec, plain);
  }
  return values;
}

/** The defaults of a table. */
export function defaultsOf(table: OptionTable): OptionValues {
  return Object.fromEntries(
    Object.entries(table).flatMap(([name, spec]) => {
      return spec.default === undefined ? [] : [[name, spec.default]];
    }),
  );
}

function readValue(name: string, spec: OptionSpec, raw: unknown): unknown {
  const fail = (required: string): never => {
    throw new OptionError(
      `Cannot use ${name} as ${required} is required: found ${JSON.stringify(raw)}`,
    );
  };
  switch (spec.kind) {
    case "switch":
      return typeof raw === "boolean" ? raw : fail("true or false");
    case "text":
      return typeof raw === "string" ? raw : fail("a text");
    case "list":
      return String(raw).split(",").map((item) => item.trim()).filter((item) => item !== "");
    case "choice":
      return spec.choices!.includes(String(raw))
        ? String(raw)
        : fail(`one of ${spec.choices!.join(", ")}`);
    case "rate":
      return readRate(name, raw, fail);
    case "number":
    case "integer": {
      const value = typeof raw === "number" ? raw : String(raw).trim() === "" ? NaN : Number(raw);
      const whole = spec.kind === "integer";
      const bound = spec.min === undefined ? "" : ` of at least ${spec.min}`;
      if (
        !Number.isFinite(value) || whole && !Number.isSafeInteger(value) ||
        value < (spec.min ?? -Infinity)
      ) {
        fail(`${whole ? "an integer" : "a number"}${bound}`);
      }
      return value;
    }
  }
}

/** `0.1`, or `logits=0.1,hidden=0.05`. */
function readRate(name: string, raw: unknown, fail: (required: string) => never): unknown {
  if (typeof raw === "object" && raw !== null) {
    return Object.fromEntries(
      Object.entries(raw).map(([position, value]) => {
        if (typeof value !== "number") fail("a number for each position");
        return [position, inUnit(`${position} in ${name}`, value)];
      }),
    );
  }
  const text = String(raw);
  if (!text.includes("=")) {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value)) fail("a number");
    return inUnit(name, value);
  }
  return Object.fromEntries(
    text.split(",").map((pair) => {
      const [position = "", number = ""] = pair.split("=").map((part) => part.trim());
      const value = Number(number);
      if (position === "" || number === "" || !Number.isFinite(value)) fail("POSITION=NUMBER,…");
      return [position, inUnit(`${position} in ${name}`, value)];
    }),
  );
}

function inUnit(name: string, rate: number): number {
  if (rate >= 0 && rate < 1) return rate;
  throw new OptionError(`Cannot use ${name} as a rate in [0, 1) is required: found ${rate}`);
}

/**
 * An error that names the nearest known name.
 *
 * @param where What follows the name in the message
 */
export function unknownName(name: string, known: readonly string[], where = ""): OptionError {
  const nearest = [...known].sort((a, b) => distance(name, a) - distance(name, b))[0];
  return new OptionError(`Cannot find option ${name}${where}: the nearest known one is ${nearest}`);
}

/** Edits between two words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** Help text of a command. */
export function helpText(usage: string, table: OptionTable): string {
  const lines = Object.entries(table).map(([name, spec]): [string, string] => {
    const word = {
      text: "TEXT",
      number: "NUMBER",
      integer: "N",
      list: "A,B,…",
      rate: "RATE",
      choice: spec.choices?.join("|") ?? "",
      switch: "",
    }[spec.kind];
    const flag = spec.kind === "switch" && spec.default === true
      ? `no-${kebab(name)}`
      : kebab(name);
    const shown = spec.defaultText ??
      (spec.kind === "switch" ? undefined : spec.default?.toString());
    const remark = shown ? ` (default: ${shown})` : spec.required ? " (required)" : "";
    return [`  --${flag} ${word}`.trimEnd(), spec.help + remark];
  });
  const width = Math.min(34, Math.max(...lines.map(([flag]) => flag.length)));
  const rows = lines.map(([flag, help]) => {
    return flag.length > width
      ? `${flag}\n${" ".repeat(width + 2)}${help}`
      : `${flag.padEnd(width)}  ${help}`;
  });
  return `${usage}\n\n${rows.join("\n")}\n`;
}
