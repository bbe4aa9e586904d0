/**
 * A configuration with the source of each value, as `--print-config` shows it.
 *
 * @module
 */

import type { OptionTable, OptionValues } from "./options.ts";

/**
 * JSON of all options of a table, in its order: `value`, `null` where there is none, and `source`; where
 * there is no value, `means` says what holds then.
 */
export function configText(
  table: OptionTable,
  values: Readonly<OptionValues>,
  sources: Readonly<Record<string, string>>,
): string {
  const rows = Object.entries(table).map(([name, { defaultText }]) => {
    const value = values[name];
    const source = sources[name] ?? "default";
    if (value !== undefined) return [name, { value, source }];
    return [name, {
      value: null,
      source,
      ...(defaultText !== undefined && { means: defaultText }),
    }];
  });
  return JSON.stringify(Object.fromEntries(rows), null, 2);
}
