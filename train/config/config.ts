/**
 * Configuration of a training run: the options of `train`, with their types.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { type Key, seedKey } from "../../core/random.ts";
import { dropoutPlan } from "../../nn/dropout/methods.ts";
import { activeAnywhere, type DropoutPlan } from "../../nn/dropout/plan.ts";
import { requireDecayExclusions } from "../../nn/optim/decay.ts";
import { generates, textTaskNames } from "../data/text_tasks.ts";
import type { Given, OptionsOf } from "./options.ts";
import { resolveOptions } from "./parse.ts";
import { trainOptions } from "./train_options.ts";

/** All settings of a run: a field for each row of {@linkcode trainOptions}. */
export interface TrainConfig extends OptionsOf<typeof trainOptions> {}

/** What is said of a run, the rest being left to defaults. */
export type GivenConfig = Given<typeof trainOptions>;

/**
 * The configuration that defaults and layers over them come to, the later the stronger.
 *
 * @throws {OptionError} If something required is missing or does not fit
 */
export function resolveConfig(...layers: readonly GivenConfig[]): TrainConfig {
  const config = resolveOptions(trainOptions, "train", ...layers);
  dropoutPlan(config.method, false, config);
  requireDecayExclusions(config.decayExclude ?? []);
  checkRates(config);
  if (config.devFraction !== undefined && config.devPart !== "all") {
    throw new OptionError(
      `Cannot use --dev-part ${config.devPart} with --dev-fraction as the dev file is required, ` +
        "which is then not read",
    );
  }
  if (config.pack && !generates(config.task)) {
    throw new OptionError(
      `Cannot use --pack as a task of texts is required (${textTaskNames.join(", ")}): found ` +
        config.task,
    );
  }
  return config;
}

/** Refuses learning rates that contradict each other, and a power that would do nothing. */
function checkRates({ lr, headLr, minLr, schedule, power }: TrainConfig): void {
  if (minLr > lr) {
    throw new OptionError(
      `Cannot use --min-lr as at most the --lr of ${lr} is required: found ${minLr}`,
    );
  }
  if (headLr !== undefined && lr === 0) {
    throw new OptionError("Cannot use --head-lr as an --lr above 0 is required: found 0");
  }
  if (power !== 1 && schedule !== "polynomial") {
    throw new OptionError(
      `Cannot use --power as --schedule polynomial is required: found ${schedule}`,
    );
  }
}

/** Ratios of learning rates to that of A, as an optimiser takes them; none of a head that has none. */
export function rateRatios(
  { lr, headLr, loraplusRatio }: Pick<TrainConfig, "lr" | "headLr" | "loraplusRatio">,
): { readonly loraplusRatio: number; readonly headRatio?: number } {
  return { loraplusRatio, ...(headLr !== undefined && { headRatio: headLr / lr }) };
}

/** Roots of all random numbers of a run, each by a seed of its own where one is given. */
export interface RunKeys {
  /** Root of the order of examples, and of what is held back. */
  readonly order: Key;
  /** Root of the numbers that parameters begin with. */
  readonly initial: Key;
  /** Root of the masks in training. */
  readonly masks: Key;
}

/** The roots that a configuration's seeds give; all the same where it has one seed. */
export function runKeys(
  { seed, orderSeed = seed, initSeed = seed, maskSeed = seed }: Pick<
    TrainConfig,
    "seed" | "orderSeed" | "initSeed" | "maskSeed"
  >,
): RunKeys {
  return { order: seedKey(orderSeed), initial: seedKey(initSeed), masks: seedKey(maskSeed) };
}

/**
 * Checks the numbers of layers against a model, those of single sites too.
 *
 * @param count Layers of the model
 * @throws {OptionError} If a layer lies beyond it
 */
export function checkLayers({ layers, site = [] }: TrainConfig, count: number): void {
  const named = site.map((one) => [`layers of ${one.position} in --site`, one.layers] as const);
  for (const [name, choice] of [["--layers", layers] as const, ...named]) {
    if (choice === undefined || typeof choice === "string") continue;
    const beyond = choice.find((layer) => layer >= count);
    if (beyond === undefined) continue;
    throw new OptionError(
      `Cannot use ${name} as the model has the layers 0 to ${count - 1}: found ${beyond}`,
    );
  }
}

/**
 * Checks that each site of a plan drops something in a model: the latter half of one layer is none.
 *
 * @param count Layers of the model
 * @throws {OptionError} If a site is active in none of them
 */
export function requireActive({ sites }: DropoutPlan, count: number): void {
  const idle = sites.find((site) => !activeAnywhere(site, count));
  if (idle === undefined) return;
  throw new OptionError(
    `Cannot drop ${idle.position} in ${idle.layers} of the ${count} layers of the model, which is ` +
      "none of them: name layers in --layers or --site",
  );
}
