/**
 * From what is asked for to the runs of each arm.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { dropoutPlan } from "../../nn/dropout/methods.ts";
import { type GivenConfig, resolveConfig } from "../config/config.ts";
import type { Arm, PlannedRun } from "./planned_run.ts";
import { runId } from "./run_id.ts";
import type { Grids, TunePart } from "./request.ts";

/** First seed of the runs that choose settings: those that are reported are below. */
export const firstTuneSeed = 100_001;
/** Share of the training data that is held back for them. */
const heldBack = 0.1;

/** An arm before its seeds. */
export interface ArmPlan {
  /** What is compared. */
  readonly arm: Arm;
  /** Settings of its runs, without seeds. */
  readonly settings: GivenConfig;
}

/** How an arm is tuned. */
export interface Tuning {
  /** Values that are tried, by option; none for options that do nothing there. */
  readonly grids: Grids;
  /** On what they are judged; undefined where nothing is tuned in the sweep. */
  readonly tuneOn: TunePart | undefined;
  /** Seeds of each point. */
  readonly tuneSeeds: number;
}

/** Settings with another one; a rate is that of every place that the method drops at. */
export function withSetting(
  settings: GivenConfig,
  name: string,
  value: number | string,
): GivenConfig {
  return { ...withoutSetting(settings, name), [name]: value };
}

function withoutSetting(settings: GivenConfig, name: string): GivenConfig {
  const others = Object.fromEntries(Object.entries(settings).filter(([key]) => key !== name));
  const { site } = settings;
  if (name !== "rate" || site === undefined) return others;
  return { ...others, site: site.map(({ rate: _, ...rest }) => rest) };
}

/** Whether an option changes what a run computes: a rate where nothing is dropped does not. */
export function acts(name: string, settings: GivenConfig): boolean {
  if (name !== "rate" && name !== "kl" && name !== "branches") return true;
  const { rate: _, ...rated } = resolveConfig(withoutSetting(settings, "rate"));
  const { sites, compensation } = dropoutPlan(rated.method, false, rated);
  return name === "rate" ? sites.length > 0 : compensation.kind !== "none";
}

/** All combinations of values, the first option's the slowest. */
export function combinations<T>(
  grids: Readonly<Record<string, readonly T[]>>,
): Readonly<Record<string, T>>[] {
  return Object.entries(grids).reduce<Record<string, T>[]>(
    (before, [name, values]) =>
      before.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  );
}

/** Runs that choose an arm's settings; none where nothing is tuned. */
export async function tuneRuns(
  { arm, settings }: ArmPlan,
  { grids, tuneOn, tuneSeeds }: Tuning,
): Promise<PlannedRun[]> {
  if (Object.keys(grids).length === 0) return [];
  const judged: GivenConfig = tuneOn === "held-back"
    ? { devFraction: heldBack }
    : { devPart: "select" };
  const runs: PlannedRun[] = [];
  for (const point of combinations(grids)) {
    const tuned = Object.entries(point).reduce(
      (before, [name, value]) => withSetting(before, name, value),
      { ...settings, ...judged },
    );
    for (let i = 0; i < tuneSeeds; i++) {
      const seed = firstTuneSeed + i;
      const own = { ...tuned, seed };
      const varied = { ...arm.varied, ...point };
      const id = await runId({ settings: own });
      runs.push({ id, stage: "tune", arm: { ...arm, varied }, seed, settings: own });
    }
  }
  return runs;
}

/** The run of an arm that is reported for a seed. */
export async function reportRun(
  { arm, settings }: ArmPlan,
  { grids, tuneOn }: Tuning,
  tried: readonly PlannedRun[],
  seed: number,
): Promise<PlannedRun> {
  const open = Object.keys(grids).reduce(withoutSetting, settings);
  // All arms are judged on the same half, those that have nothing to tune too.
  const half: GivenConfig = tuneOn === "dev-half" ? { devPart: "report" } : {};
  const own: GivenConfig = { ...open, ...half, seed };
  const tunedBy = tried.length === 0 ? {} : { tunedBy: tried.map(({ id }) => id) };
  const id = await runId({ settings: own, ...tunedBy });
  return { id, stage: "report", arm, seed, settings: own, ...tunedBy };
}

/**
 * Requires that no two runs compute the same.
 *
 * @throws {OptionError} If two do
 */
export function requireDifferent(runs: readonly PlannedRun[]): void {
  const known = new Map<string, PlannedRun>();
  for (const run of runs) {
    const before = known.get(run.id);
    if (before !== undefined) {
      throw new OptionError(
        `Cannot plan ${nameOf(before.arm)} and ${nameOf(run.arm)} as arms that compute different ` +
          "things are required: found the same settings",
      );
    }
    known.set(run.id, run);
  }
}

/** `hiddenkey, rank 4 on rte`. */
export function nameOf({ task, method, varied }: Arm): string {
  const values = Object.entries(varied).map(([name, value]) => `${name} ${value}`);
  return `${[method, ...values].join(", ")} on ${task}`;
}
