/**
 * Options from flags, files and callers, and what they come to together.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { OptionError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { unknownName } from "./nearest.ts";
import {
  camel,
  type Given,
  kebab,
  type OptionsOf,
  type OptionTable,
  type OptionValues,
} from "./options.ts";
import { readValue } from "./read_value.ts";

/**
 * Reads a command line. Words that belong to no flag go to the positional option of the table.
 *
 * @throws {OptionError} If a flag is unknown, given twice, or its value does not fit, or a word is
 * left over
 */
export function parseFlags<T extends OptionTable>(table: T, args: readonly string[]): Given<T> {
  const names = Object.keys(table);
  const switches = names.filter((name) => table[name]!.kind === "switch").map(kebab);
  const strings = names.filter((name) => table[name]!.kind !== "switch").map(kebab);
  const repeated = names.filter((name) => ["sites", "texts"].includes(table[name]!.kind)).map(
    kebab,
  );
  const parsed = parseArgs(joinNegatives(args, strings), {
    string: strings,
    collect: repeated,
    boolean: [...switches, ...switches.map((flag) => `no-${flag}`)],
    unknown(arg, key) {
      if (key !== undefined) throw unknownName(`--${key}`, names.map((name) => `--${kebab(name)}`));
      return !arg.startsWith("-");
    },
  });
  requirePlainSwitches(args, switches);
  const values: OptionValues = {};
  for (const flag of args.flatMap((arg) => /^--([^=]+)/.exec(arg)?.[1] ?? [])) {
    const off = flag.startsWith("no-") && switches.includes(flag.slice(3));
    const name = camel(off ? flag.slice(3) : flag);
    const raw = parsed[flag];
    if (Object.hasOwn(values, name)) {
      if (repeated.includes(flag)) continue;
      throw new OptionError(`Cannot use --${flag} as it is given twice`);
    }
    if (raw === "" || raw === undefined || (Array.isArray(raw) && raw.includes(""))) {
      throw new OptionError(`Cannot use --${flag} as it requires a value: found none`);
    }
    values[name] = off ? false : readValue(`--${flag}`, table[name]!, raw);
  }
  Object.assign(values, readWords(table, values, parsed._.map(String)));
  return read(table, values);
}

/** A switch takes no value but true or false. */
function requirePlainSwitches(args: readonly string[], switches: readonly string[]): void {
  for (const arg of args) {
    const [, flag = "", value] = /^--([^=]+)=(.*)$/s.exec(arg) ?? [];
    const off = flag.startsWith("no-") && switches.includes(flag.slice(3));
    if (!off && (!switches.includes(flag) || value === "true" || value === "false")) continue;
    throw new OptionError(
      `Cannot use --${flag} as ${off ? "no value" : "true or false"} is required: found ${value}`,
    );
  }
}

/**
 * Ties a negative number to the flag before it: behind a space it would be read as a flag. A value
 * that is tied to a flag in no- is untied, as it would be read as one that turns another off.
 */
function joinNegatives(args: readonly string[], strings: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const [, flag = "", value = ""] = /^--(no-[^=]+)=([^-].*)$/s.exec(arg) ?? [];
    if (strings.includes(flag)) {
      joined.push(`--${flag}`, value);
      continue;
    }
    const before = joined.at(-1);
    const takes = before?.startsWith("--") && strings.includes(before.slice(2));
    if (takes && /^-\.?\d/.test(arg)) joined[joined.length - 1] = `${before}=${arg}`;
    else joined.push(arg);
  }
  return joined;
}

/** The positional option's value: all words of a list, the only word of every other kind. */
function readWords(
  table: OptionTable,
  given: OptionValues,
  words: readonly string[],
): OptionValues {
  if (words.length === 0) return {};
  const [name, spec] = Object.entries(table).find(([, { positional }]) => positional) ?? [];
  if (name === undefined || spec === undefined) {
    throw new OptionError(`Cannot use the word ${words[0]}: flags are required`);
  }
  if (Object.hasOwn(given, name)) {
    throw new OptionError(`Cannot use the word ${words[0]} as --${kebab(name)} is given too`);
  }
  if (spec.kind === "list") return { [name]: readValue(`--${kebab(name)}`, spec, words) };
  if (words.length > 1) {
    throw new OptionError(
      `Cannot use the word ${words[1]}: one for --${kebab(name)} and flags are required`,
    );
  }
  return { [name]: readValue(`--${kebab(name)}`, spec, words[0]) };
}

/**
 * Reads a configuration file's object.
 *
 * @param lineOf Line of a key in the file, counted from 1, where it is known
 * @throws {OptionError} If a key is unknown or its value does not fit
 */
export function parseObject<T extends OptionTable>(
  table: T,
  object: unknown,
  path: string,
  lineOf?: (key: string) => number | undefined,
): Given<T> {
  if (typeof object !== "object" || object === null || Array.isArray(object)) {
    throw new OptionError(
      `Cannot read ${path} as an object of options is required: found ${excerpt(object)}`,
    );
  }
  const entries = Object.entries(object);
  if (lineOf === undefined) return readEntries(table, entries, () => path);
  try {
    return readEntries(table, entries, () => path);
  } catch {
    // To find lines takes time, so they are looked for where a message names them.
    return readEntries(table, entries, (name) => {
      const line = lineOf(name);
      return line === undefined ? path : `${path}:${line}`;
    });
  }
}

function readEntries<T extends OptionTable>(
  table: T,
  entries: readonly (readonly [string, unknown])[],
  placeOf: (name: string) => string,
): Given<T> {
  const values: OptionValues = {};
  for (const [name, raw] of entries) {
    const spec = Object.hasOwn(table, name) ? table[name] : undefined;
    if (spec === undefined) throw unknownName(name, Object.keys(table), ` in ${placeOf(name)}`);
    values[name] = readValue(`${name} in ${placeOf(name)}`, spec, raw);
  }
  return read(table, values);
}

/** Values that come from one place. */
export interface Layer<T extends OptionTable> {
  /** The place, as a user would name it: `flag`, `preset paper`, `file run.yaml`. */
  readonly source: string;
  /** What is said there. */
  readonly values: Given<T>;
}

/** Options that are resolved, and where each of them comes from. */
export interface Resolved<T extends OptionTable> {
  /** The options. */
  readonly options: OptionsOf<T>;
  /** Sources of all values by option; `default` where no layer gives one. */
  readonly sources: Readonly<Record<string, string>>;
}

/**
 * What the options of a table come to: its defaults, changed by each layer in turn. Names that the
 * table does not have are left out.
 *
 * @param verb What cannot be done while a required option is missing
 * @throws {OptionError} If a required option is missing or a value does not fit
 */
export function resolveLayers<T extends OptionTable>(
  table: T,
  verb: string,
  layers: readonly Layer<T>[],
): Resolved<T> {
  const values: OptionValues = {};
  const sources: Record<string, string> = {};
  for (const [name, spec] of Object.entries(table)) {
    const layer = layers.findLast(({ values }) => (values[name] ?? undefined) !== undefined);
    const value = layer?.values[name] ?? ("default" in spec ? spec.default : undefined);
    sources[name] = layer?.source ?? "default";
    if (value !== undefined) values[name] = readValue(`--${kebab(name)}`, spec, value);
    else if (spec.required) {
      const what = spec.kind === "choice" ? `one of ${spec.choices.join(", ")}` : "it";
      throw new OptionError(`Cannot ${verb} without --${kebab(name)}: ${what} is required`);
    }
  }
  return { options: complete(table, values), sources };
}

/**
 * What {@linkcode resolveLayers} makes of layers whose places do not matter.
 *
 * @throws {OptionError} If a required option is missing or a value does not fit
 */
export function resolveOptions<T extends OptionTable>(
  table: T,
  verb: string,
  ...layers: readonly Given<T>[]
): OptionsOf<T> {
  return resolveLayers(table, verb, layers.map((values) => ({ source: "", values }))).options;
}

/** Values that {@linkcode readValue} made have the types of the table. */
function read<T extends OptionTable>(_: T, values: OptionValues): Given<T> {
  return values as Given<T>;
}

/** So have those of a table of which all required ones are there. */
function complete<T extends OptionTable>(_: T, values: OptionValues): OptionsOf<T> {
  return values as OptionsOf<T>;
}

/** The values that a table has names for. */
export function pickOptions<T extends OptionTable>(table: T, values: OptionValues): Given<T> {
  return read(
    table,
    Object.fromEntries(Object.entries(values).filter(([name]) => Object.hasOwn(table, name))),
  );
}
