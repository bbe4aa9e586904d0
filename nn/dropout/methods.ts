/**
 * Methods by name, and the plan that a method and its options come to.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import {
  checkCompensation,
  checkInstances,
  checkLayerChoice,
  checkRate,
  checkSite,
  checkSpanLength,
  checkWord,
  settingsOf,
} from "./check_site.ts";
import { checkNeftuneAlpha } from "./embedding_noise.ts";
import {
  type Compensation,
  type DropoutPlan,
  outside,
  type Position,
  positions,
  type Site,
  type Structure,
  structures,
} from "./plan.ts";

/** Names of the methods, in the order of the paper. */
export const methods = [
  "lora",
  "lora-dropout",
  "dropkey",
  "dropattention",
  "hiddencut",
  "hiddenkey-",
  "hiddenkey",
] as const;
/** A method of the paper, by name. */
export type Method = typeof methods[number];

/** A site of which the method and the other options say what it leaves out. */
export type SiteOptions = Pick<Site, "position"> & Partial<Site>;

/** What a method leaves open; names are those of `train`'s options. */
export interface PlanOptions {
  /** Rate of every site, or by position. */
  readonly rate?: number | Partial<Record<Position, number>>;
  /** Structure of every site instead of the method's own. */
  readonly structure?: Structure;
  /** Sites that differ from the method's, or that it does not have. */
  readonly site?: readonly SiteOptions[];
  /** Compensation instead of the method's own. */
  readonly compensation?: Compensation["kind"];
  /** Weight of the compensation; default 1. */
  readonly kl?: number;
  /** Branches of the KL that receive a gradient; default 1. */
  readonly branches?: 1 | 2;
  /** Layers of every site; default all, for decoders the latter half except for LoRA's. */
  readonly layers?: Site["layers"];
  /** DropAttention with (default) or without NoGrad. */
  readonly nograd?: boolean;
  /** Where HiddenCut acts; default after the feed-forward module. */
  readonly point?: "output" | "inner";
  /** Whether heads draw masks of their own. */
  readonly perHead?: boolean;
  /** Tokens in a span, instead of round(rate x real tokens), which is at least 1. */
  readonly spanLength?: number;
  /** NEFTune's noise on the word embeddings; default none. */
  readonly neftuneAlpha?: number;
  /** Draws of all masks that a step's loss is the mean of; default 1. */
  readonly instances?: number;
}

const layout: Record<Method, readonly [Position, Structure][]> = {
  "lora": [],
  "lora-dropout": [["lora", "element"]],
  "dropkey": [["logits", "column"]],
  "dropattention": [["weights", "column"]],
  "hiddencut": [["hidden", "element"]],
  "hiddenkey-": [["logits", "column"], ["hidden", "element"]],
  "hiddenkey": [["logits", "column"], ["hidden", "element"]],
};

/** Positions inside of LoRA's update, which no rule of the paper restricts to some layers. */
const ofLora: readonly Position[] = ["lora", "rank", "update"];

/** Rate of a site whose rate is not given. */
export const defaultRate = 0.1;

/**
 * The plan of a method: HiddenKey⁻ is column DropKey with element HiddenCut, HiddenKey adds KL. A
 * site of the options changes the method's site of its position, or joins them.
 *
 * @param decoder Whether the model is a decoder: the paper's methods drop in the latter half of its
 * layers, LoRA dropout in all as microsoft/LoRA and PEFT do
 * @throws {OptionError} If a rate lies outside [0, 1) or an option does not fit
 */
export function dropoutPlan(
  method: Method,
  decoder: boolean,
  options: PlanOptions = {},
): DropoutPlan {
  const rates = checkOptions(method, options);
  const { structure, site: given = [], nograd, point, perHead, spanLength } = options;
  const usual = new Map(layout[method]);
  for (const position of [...Object.keys(rates) as Position[], ...given.map((s) => s.position)]) {
    if (!usual.has(position)) usual.set(position, "element");
  }
  const sites = [...usual].map(([position, own]): Site => {
    const chosen: Partial<Site> = given.find((s) => s.position === position) ?? {};
    const which = { position, structure: chosen.structure ?? structure ?? own };
    const whole: Site = {
      rate: rates[position] ?? (typeof options.rate === "number" ? options.rate : defaultRate),
      layers: usualLayers(position, decoder, options.layers),
      ...settingsOf({ ...chosen, ...which }, { nograd, point, perHead, spanLength }),
      ...Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined)),
      ...which,
    };
    checkSite(whole);
    return whole;
  });
  const kind = options.compensation ?? (method === "hiddenkey" ? "kl" : "none");
  const { kl: weight = 1, branches = 1, neftuneAlpha, instances } = options;
  return {
    sites: sites.filter((s) => s.rate > 0 || s.spanLength),
    compensation: { kind, weight, branches },
    ...(neftuneAlpha !== undefined && { neftuneAlpha }),
    ...(instances !== undefined && { instances }),
  };
}

/** Layers of a site that does not name its own. */
function usualLayers(
  position: Position,
  decoder: boolean,
  chosen: Site["layers"] | undefined,
): Site["layers"] {
  if (outside.includes(position)) return "all";
  return chosen ?? (decoder && !ofLora.includes(position) ? "latter-half" : "all");
}

/** Checks the options of {@linkcode dropoutPlan} apart from its sites; gives the rates by position. */
function checkOptions(method: Method, options: PlanOptions): Partial<Record<Position, number>> {
  const { structure, compensation, branches, point, layers, spanLength, kl = 1 } = options;
  checkWord("method", method, methods);
  checkWord("structure", structure, structures);
  checkCompensation({ kind: compensation, branches, weight: kl });
  checkWord("point", point, ["output", "inner"]);
  checkLayerChoice(layers);
  checkNeftuneAlpha(options.neftuneAlpha);
  checkInstances(options.instances);
  if (spanLength !== undefined) checkSpanLength(spanLength);
  const { rate = defaultRate, site = [] } = options;
  const twice = site.find(({ position }, i) =>
    site.findIndex((other) => other.position === position) < i
  );
  if (twice !== undefined) {
    throw new OptionError(
      `Cannot drop ${twice.position} as one site a position is required: found 2`,
    );
  }
  for (const { position } of site) checkWord("position", position, positions);
  if (typeof rate !== "object" || rate === null) {
    checkRate(layout[method][0]?.[0] ?? "anything", rate);
    return {};
  }
  for (const [name, value] of Object.entries(rate)) {
    if (!(positions as readonly string[]).includes(name)) {
      throw new OptionError(`Cannot drop ${name}: one of ${positions.join(", ")} is required`);
    }
    checkRate(name, value);
  }
  return rate;
}
