/**
 * Which settings a site can have, by position and structure.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { isWord } from "../../core/numbers.ts";
import {
  type Compensation,
  type DropoutPlan,
  outside,
  positions,
  type Site,
  structures,
} from "./plan.ts";

/** Settings of a site that some positions and structures alone read. */
type Setting = Exclude<keyof Site, "position" | "structure" | "rate" | "layers">;

/** What decides which settings a site reads. */
type Which = Pick<Site, "position" | "structure" | "rescale">;

const ofAttention = ({ position }: Which) => position === "logits" || position === "weights";
const isSpan = ({ structure }: Which) => structure === "span";

/** Who reads a setting: in words, and as a test. */
const readers: Readonly<Record<Setting, readonly [string, (site: Which) => boolean]>> = {
  spanLength: ["spans", isSpan],
  start: ["spans of hidden", (site) => site.position === "hidden" && isSpan(site)],
  rescale: ["anything but logits", ({ position }) => position !== "logits"],
  nograd: [
    "weights without rescale",
    ({ position, rescale }) => position === "weights" && rescale === undefined,
  ],
  perHead: ["logits or weights", ofAttention],
  perExample: ["anything but logits and weights", (site) => !ofAttention(site)],
  point: ["hidden", ({ position }) => position === "hidden"],
  stream: ["anything", () => true],
  hide: [
    "columns or spans of input",
    (site) => site.position === "input" && (site.structure === "column" || isSpan(site)),
  ],
};

/** Those of some settings that a site reads. */
export function settingsOf(
  site: Which,
  given: { readonly [S in Setting]?: Site[S] | undefined },
): Partial<Site> {
  const read = Object.entries(given).filter(([name, value]) =>
    value !== undefined && readers[name as Setting][1](site)
  );
  return Object.fromEntries(read);
}

/** Settings that are on or off. */
const switches = ["rescale", "nograd", "perHead", "perExample", "hide"] as const;

/**
 * Checks a site, in plans of the caller's own too.
 *
 * @throws {OptionError} If a word is none of those required, the rate lies outside [0, 1), the span
 * is no number of tokens, or a setting belongs to others
 */
export function checkSite(site: Site): void {
  const { position, structure, rate, spanLength } = site;
  checkWord("position", position, positions);
  if (!structures.includes(structure) || (structure === "feature" && ofAttention(site))) {
    const fitting = ofAttention(site) ? structures.filter((s) => s !== "feature") : structures;
    throw new OptionError(
      `Cannot drop ${position} as structure requires one of ${fitting.join(", ")}: found ` +
        shown(structure),
    );
  }
  checkRate(position, rate);
  if (spanLength !== undefined) checkSpanLength(spanLength);
  checkWord("start", site.start, ["uniform", "attention"]);
  checkWord("point", site.point, ["output", "inner"]);
  checkWord("stream", site.stream, positions);
  for (const name of switches) checkWord(name, site[name], [true, false]);
  checkLayerChoice(site.layers);
  if (outside.includes(position) && site.layers !== "all") {
    throw new OptionError(
      `Cannot drop ${position} in some layers as it lies outside of them: all is required, found ` +
        shown(site.layers),
    );
  }
  for (const [name, [whose, reads]] of Object.entries(readers)) {
    if (site[name as Setting] === undefined || reads(site)) continue;
    throw new OptionError(
      `Cannot drop ${structure} ${position} as ${name} requires ${whose}: found ` +
        shown(site[name as Setting]),
    );
  }
}

/**
 * Checks a plan, of the caller's own too: a site at a place that no model has would drop nothing.
 *
 * @throws {OptionError} If a site or the compensation is none, or masks cannot be drawn that often
 */
export function checkPlan({ sites, compensation, instances }: DropoutPlan): void {
  for (const site of sites) checkSite(site);
  checkCompensation(compensation);
  checkInstances(instances);
}

/** @throws {OptionError} If a kind, a number of branches or a weight is none */
export function checkCompensation(
  { kind, branches, weight }: { readonly [K in keyof Compensation]?: Compensation[K] | undefined },
): void {
  checkWord("compensation", kind, ["none", "kl", "js"]);
  checkWord("branches", branches, [1, 2]);
  if (weight === undefined || (weight >= 0 && Number.isFinite(weight))) return;
  throw new OptionError(`Cannot weigh the compensation by ${weight}: at least 0 is required`);
}

/** @throws {OptionError} If the length is no positive number of tokens */
export function checkSpanLength(spanLength: unknown): void {
  if (isWord(spanLength) && spanLength >= 1) return;
  throw new OptionError(
    `Cannot drop spans of ${shown(spanLength)} tokens: a positive integer below 2^32 is required`,
  );
}

/** @throws {OptionError} If that many draws of the masks cannot be made */
export function checkInstances(instances: unknown): void {
  if (instances === undefined || (isWord(instances) && instances >= 1)) return;
  throw new OptionError(
    `Cannot draw masks as instances requires an integer from 1: found ${shown(instances)}`,
  );
}

/** @throws {OptionError} If the rate lies outside [0, 1) */
export function checkRate(name: string, rate: unknown): void {
  if (typeof rate === "number" && rate >= 0 && rate < 1) return;
  throw new OptionError(
    `Cannot drop ${name} as the rate must lie in [0, 1): found ${shown(rate)}`,
  );
}

/** @throws {OptionError} If layers are named otherwise than by `all`, `latter-half` or numbers */
export function checkLayerChoice(layers: unknown): void {
  if (!Array.isArray(layers)) return checkWord("layers", layers, ["all", "latter-half"]);
  if (layers.every((layer) => Number.isSafeInteger(layer) && layer >= 0)) return;
  throw new OptionError(
    `Cannot plan dropout as layers requires numbers of layers from 0: found ${shown(layers)}`,
  );
}

/**
 * Checks that a setting is one of the words that it can be, where it is given.
 *
 * @throws {OptionError} If it is not
 */
export function checkWord(name: string, value: unknown, words: readonly unknown[]): void {
  if (value === undefined || words.includes(value)) return;
  throw new OptionError(
    `Cannot plan dropout as ${name} requires one of ${words.join(", ")}: found ${shown(value)}`,
  );
}
