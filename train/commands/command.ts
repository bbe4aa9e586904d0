/**
 * One way for every command: its options are read, help and version answered, what is required
 * asked for, and only then does it run.
 *
 * @module
 */

import metadata from "../../deno.json" with { type: "json" };
import { helpText } from "../config/help.ts";
import type { Given, OptionsOf, OptionTable } from "../config/options.ts";
import { type Layer, parseFlags, pickOptions, resolveLayers } from "../config/parse.ts";

/** A command, as a program calls it. */
export interface Command {
  /** What it does, in one line. */
  readonly summary: string;
  /**
   * Runs it.
   *
   * @param args Command line after the name of the command
   * @returns Exit code
   * @throws {OptionError} If an option is unknown or missing, or its value does not fit
   */
  readonly run: (args: readonly string[]) => Promise<number>;
}

/** What a command is made from. */
export interface CommandSpec<T extends OptionTable> {
  /** What it does, in one line. */
  readonly summary: string;
  /** Examples, and whatever else help says before the options. */
  readonly usage: string;
  /** Options by name, in the order of the help. */
  readonly options: T;
  /** What cannot be done while a required option is missing: `train`, `evaluate`. */
  readonly verb: string;
  /** Values between the defaults and the flags, the later the stronger; default none. */
  readonly layers?: (given: Given<T>) => Promise<readonly Layer<T>[]>;
  /** Text that is printed instead of doing the work, before anything is required; default none. */
  readonly answer?: (given: Given<T>) => string | undefined;
  /** What is done where no option is given; default the same as with options. */
  readonly bare?: () => Promise<void>;
  /** Does the work, told where each value comes from; an exit code where it is not 0. */
  readonly run: (
    options: OptionsOf<T>,
    sources: Readonly<Record<string, string>>,
  ) => Promise<number | void>;
}

/** Options that every command has. */
const commonOptions = {
  verbose: { group: "other", kind: "switch", help: "show the stack of an error" },
  help: { group: "other", kind: "switch", help: "show this text; also -h" },
  version: { group: "other", kind: "switch", help: "show the version" },
} as const satisfies OptionTable;

/** The version, as `--version` prints it. */
export const version: string = `hiddenkey ${metadata.version}`;

/** A command from its options and what it runs: help, version and refusals come with it. */
export function command<const T extends OptionTable>(spec: CommandSpec<T>): Command {
  const { summary, usage, options, verb } = spec;
  const table = { ...options, ...commonOptions };
  return {
    summary,
    async run(args) {
      const flags = args.map((arg) => arg === "-h" ? "--help" : arg);
      const parsed = parseFlags<OptionTable>(table, flags);
      const { help, version: versioned } = pickOptions(commonOptions, parsed);
      if (help || versioned) {
        console.log(help ? helpText(`${summary}.\n\n${usage}`, table) : version);
        return 0;
      }
      const given = pickOptions(options, parsed);
      if (spec.bare !== undefined && Object.keys(given).length === 0) {
        await spec.bare();
        return 0;
      }
      const answer = spec.answer?.(given);
      if (answer !== undefined) {
        console.log(answer);
        return 0;
      }
      const layers = [...await spec.layers?.(given) ?? [], { source: "flag", values: given }];
      const resolved = resolveLayers(options, verb, layers);
      return await spec.run(resolved.options, resolved.sources) ?? 0;
    },
  };
}

/** A table without defaults: what is not given is as it was in the run, or elsewhere. */
export function changeable<const T extends OptionTable>(
  table: T,
  defaultText = "the run's",
): Changeable<T> {
  const rows = Object.entries(table).map(([name, spec]) => {
    const { default: _, required: __, ...row } = { default: undefined, ...spec };
    return [name, { ...row, defaultText }];
  });
  return Object.fromEntries(rows);
}

/** Rows without what they come to where nothing is given. */
export type Changeable<T extends OptionTable> = {
  readonly [K in keyof T]: Omit<T[K], "default" | "required" | "defaultText"> & {
    readonly kind: T[K]["kind"];
    readonly defaultText: string;
  };
};
