/**
 * What contradicts itself in what is asked for, before anything is planned.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { GivenConfig } from "../config/config.ts";
import { unknownName } from "../config/nearest.ts";
import { trainOptions } from "../config/train_options.ts";
import { firstTuneSeed } from "./arms.ts";
import { type SweepMethod, sweepMethods } from "./methods.ts";
import type { SweepRequest } from "./request.ts";

/**
 * Requires that a sweep can be planned and its arms compared.
 *
 * @throws {OptionError} If something asked for contradicts something else
 */
export function checkRequest(request: SweepRequest): void {
  const { methods, tasks, baseline, tune = [], vary = {} } = request;
  requireOnce("methods", methods.map(({ name }) => name));
  requireOnce("tasks", tasks.map(({ task }) => task));
  const names = methods.map(({ name }) => name);
  if (baseline !== undefined && !names.includes(baseline)) {
    throw new OptionError(
      `Cannot compare with ${baseline} as one of the methods ${names.join(", ")} is required`,
    );
  }
  if ((request.seeds ?? 1) >= firstTuneSeed) {
    throw new OptionError(`Cannot plan as at most ${firstTuneSeed - 1} seeds are required`);
  }
  if (request.tuneOn !== undefined && tune.length === 0) {
    throw new OptionError(`Cannot use --tune-on as --tune is required with it: found none`);
  }
  for (const name of [...tune, ...Object.keys(vary)]) {
    const known = Object.keys(trainOptions);
    if (!known.includes(name)) throw unknownName(name, known, " of a sweep");
  }
  requireComparable(request);
  requireFree(request);
}

function requireOnce(what: string, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice === undefined) return;
  throw new OptionError(
    `Cannot plan as ${what} of different names are required: found ${twice} twice`,
  );
}

/** Options that the sweep itself sets in each run. */
const ownOptions: readonly (keyof GivenConfig)[] = ["task", "seed", "out"];
/** Options that say on what and by which metric runs of a task are judged. */
const judgingOptions: readonly (keyof GivenConfig)[] = [
  "devFraction",
  "devPart",
  "devLimit",
  "generate",
  "bestMetric",
];

/** Requires that all arms of a task are judged alike, and that nothing sets what the sweep sets. */
function requireComparable({ tasks, methods, tune = [], vary = {}, settings }: SweepRequest): void {
  const ofRuns = [settings, ...tasks.map((task) => task.settings)];
  const ofArms = [...methods.map((method) => method.settings), vary];
  const names = (places: readonly (object | undefined)[]) =>
    places.flatMap((place) => Object.keys(place ?? {}));
  const arms = [...names(ofArms), ...tune];
  const own = ownOptions.find((name) => [...names(ofRuns), ...arms].includes(name));
  if (own !== undefined) {
    throw new OptionError(
      `Cannot plan with ${own} among the settings as the sweep sets it for each run`,
    );
  }
  const judging = judgingOptions.find((name) => arms.includes(name));
  if (judging === undefined) return;
  throw new OptionError(
    `Cannot compare arms that differ in ${judging} as all arms of a task are required to be judged ` +
      "alike",
  );
}

/** Requires that nothing else sets what tuning does. */
function requireFree({ tune = [], vary = {}, tasks, methods, settings = {} }: SweepRequest): void {
  if (tune.length === 0) return;
  const usual: readonly SweepMethod[] = [...sweepMethods.values()];
  const fixed: readonly (readonly [place: string, settings: GivenConfig])[] = [
    ["fixed", settings],
    ...tasks.map(({ task, settings }) => [`fixed on ${task}`, settings] as const),
  ];
  // What a known method comes with is its usual value; that of a method of one's own is meant.
  const meant = methods.filter((method) => !usual.includes(method))
    .map(({ name, settings }) => [`fixed by ${name}`, settings] as const);
  for (const name of [...tune, "devFraction", "devPart"]) {
    const [place] = name in vary
      ? ["in the arms"]
      : [...fixed, ...meant].find(([, settings]) => sets(settings, name)) ?? [];
    if (place === undefined) continue;
    const what = tune.includes(name) ? name : `with ${name}`;
    throw new OptionError(
      `Cannot tune ${what} as an option that nothing else sets is required: found it ${place}`,
    );
  }
}

function sets(settings: GivenConfig, name: string): boolean {
  const ofSites = name === "rate" && settings.site?.some(({ rate }) => rate !== undefined);
  return name in settings || ofSites === true;
}
