/**
 * What an option is: a row of a table, from which the type of a configuration is derived and flags,
 * files and help are read.
 *
 * @module
 */

/** What rows of every kind have. */
export interface AnyOption {
  /** What it is, in one line; of a switch, what giving its flag does. */
  readonly help: string;
  /** Heading in the help; the options of a command where it is absent. */
  readonly group?: string;
  /** Whether nothing can be done without it; it then has no default. */
  readonly required?: true;
  /** Whether words that belong to no flag are its value too. */
  readonly positional?: true;
  /** What help shows as the default where it is no plain value. */
  readonly defaultText?: string;
}

/** An option whose value is any text. */
export interface TextOption extends AnyOption {
  /** Kind of value. */
  readonly kind: "text";
  /** Value where nothing is given; absent: none. */
  readonly default?: string;
}

/** A finite number, within bounds. */
export interface NumberOption extends AnyOption {
  /** Kind of value. */
  readonly kind: "number" | "integer";
  /** Smallest allowed number. */
  readonly min?: number;
  /** Number that every allowed one is greater than. */
  readonly above?: number;
  /** Number that every allowed one is less than. */
  readonly below?: number;
  /** Value where nothing is given; absent: none. */
  readonly default?: number;
}

/** One of several words or numbers. */
export interface ChoiceOption extends AnyOption {
  /** Kind of value. */
  readonly kind: "choice";
  /** What is allowed. */
  readonly choices: readonly (string | number)[];
  /** Value where nothing is given; absent: none. */
  readonly default?: string | number;
}

/** On or off: `--name` or `--no-name`. */
export interface SwitchOption extends AnyOption {
  /** Kind of value. */
  readonly kind: "switch";
  /** Value where nothing is given; absent: none. With `true`, help shows `--no-name`. */
  readonly default?: boolean;
}

/** Words with commas between them. */
export interface ListOption extends AnyOption {
  /** Kind of value. */
  readonly kind: "list";
  /** Value where nothing is given; absent: none. */
  readonly default?: readonly string[];
}

/** Texts as they are, given once for each. */
export interface TextsOption extends AnyOption {
  /** Kind of value. */
  readonly kind: "texts";
}

/** `all`, `latter-half`, or numbers of layers with commas between them. */
export interface LayersOption extends AnyOption {
  /** Kind of value. */
  readonly kind: "layers";
}

/** A rate in [0, 1), or `POSITION=RATE,…`. */
export interface RateOption extends AnyOption {
  /** Kind of value. */
  readonly kind: "rate";
  /** Positions that can have a rate of their own. */
  readonly positions: readonly string[];
}

/** Places with settings of their own: `POSITION=WORD,NAME=VALUE,…`, given once for each. */
export interface SitesOption extends AnyOption {
  /** Kind of value. */
  readonly kind: "sites";
  /** Places that can be named. */
  readonly positions: readonly string[];
  /** Settings of a place; the first two are its structure and rate, whose names may be left out. */
  readonly settings: Readonly<Record<string, OptionSpec>>;
}

/** A row of a table of options. */
export type OptionSpec =
  | TextOption
  | NumberOption
  | ChoiceOption
  | SwitchOption
  | ListOption
  | TextsOption
  | LayersOption
  | RateOption
  | SitesOption;

/** Options by name, in camel case; on the command line in kebab case. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** Values by option name, not yet checked. */
export type OptionValues = Record<string, unknown>;

/** Which layers of a model. */
export type LayerChoice = "all" | "latter-half" | readonly number[];

/** Type of an option's value. */
export type ValueOf<S extends OptionSpec> = S extends TextOption ? string
  : S extends NumberOption ? number
  : S extends SwitchOption ? boolean
  : S extends ListOption | TextsOption ? readonly string[]
  : S extends LayersOption ? LayerChoice
  : S extends { readonly kind: "choice"; readonly choices: readonly (infer C)[] } ? C
  : S extends { readonly kind: "rate"; readonly positions: readonly (infer P extends string)[] }
    ? number | { readonly [position in P]?: number }
  : S extends {
    readonly kind: "sites";
    readonly positions: readonly (infer P extends string)[];
    readonly settings: infer T extends OptionTable;
  } ? readonly ({ readonly position: P } & Given<T>)[]
  : never;

/** What some given options are. */
export type Given<T extends OptionTable> = { readonly [K in keyof T]?: ValueOf<T[K]> };

/** What a row has whose option always has a value. */
export type Certain = { readonly required: true } | { readonly default: unknown };

/** All options of a table once they are resolved; those without a default may be absent. */
export type OptionsOf<T extends OptionTable> =
  & { readonly [K in keyof T as T[K] extends Certain ? K : never]: ValueOf<T[K]> }
  & { readonly [K in keyof T as T[K] extends Certain ? never : K]?: ValueOf<T[K]> };

/** Name of an option on the command line, without its dashes. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Name of an option in tables and files. */
export function camel(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
}
