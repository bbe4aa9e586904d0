/**
 * What names a run: a hash of what it computes, whatever order or folder it is planned in.
 *
 * @module
 */

import { type GivenConfig, resolveConfig } from "../config/config.ts";
import { trainOptions } from "../config/train_options.ts";
import { canonicalJson, shortHash } from "../files/canonical_json.ts";
import { indifferentSettings } from "../run/resume.ts";
import type { PlannedRun } from "./planned_run.ts";

/**
 * The id of a run: 12 hexadecimal digits of the SHA-256 of its settings and of the runs that choose
 * the others. Settings that are the default count as absent, as do those that no result depends on.
 *
 * @throws {OptionError} If a setting does not fit
 */
export async function runId(
  { settings, tunedBy }: Pick<PlannedRun, "settings" | "tunedBy">,
): Promise<string> {
  const chosenBy = tunedBy && { tunedBy: tunedBy.toSorted() };
  return await shortHash(canonicalJson({ settings: ownSettings(settings), ...chosenBy }));
}

/** Settings that are not the default and that results depend on. */
function ownSettings(settings: GivenConfig): Record<string, unknown> {
  const usual = Object.entries(trainOptions).map(([name, spec]) =>
    [name, "default" in spec ? spec.default : undefined] as const
  );
  const defaults = new Map<string, unknown>(usual);
  const indifferent = new Set<string>(indifferentSettings);
  return Object.fromEntries(
    Object.entries(resolveConfig(settings)).filter(([name, value]) =>
      !indifferent.has(name) && value !== defaults.get(name)
    ),
  );
}
