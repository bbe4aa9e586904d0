/** Options of {@linkcode parseArgs} that this project uses. */
export interface ParseOptions {
  /** Flags that are always strings. */
  string?: readonly string[];
  /** Flags that take no value. */
  boolean?: readonly string[];
  /** Flags that may be given several times; their value is a list. */
  collect?: readonly string[];
  /** Called for a flag that is not declared; `false` leaves it out. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
/** Splits command-line arguments into flags and positional words (`_`). */
export declare function parseArgs(
  args: readonly string[],
  options?: ParseOptions,
): Record<string, string | boolean | string[] | undefined> & { _: (string | number)[] };
