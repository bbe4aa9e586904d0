/**
 * The dropout framework as values: where to drop, in which structure, and how the gap between
 * training and inference is compensated. Not here: how a mask is drawn and applied (`mask.ts`).
 *
 * **Source**: "LoRA Meets Dropout under a Unified Framework" (Wang et al. 2024), section 3.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { isWord } from "../../core/numbers.ts";

/** Positions at which something can be dropped. */
export const positions = ["lora", "input", "logits", "weights", "hidden", "output"] as const;
/**
 * Where a site drops: the input of LoRA's down-projection, the embedding output, attention logits
 * (DropKey), attention weights (DropAttention), the feed-forward output (HiddenCut), or what the
 * head reads.
 */
export type Position = typeof positions[number];

/** Structures a mask can have. */
export const structures = ["element", "column", "span"] as const;
/**
 * `element`: each number by itself; `column`: whole keys or tokens, the same for all queries or
 * features; `span`: one contiguous run of keys or tokens.
 */
export type Structure = typeof structures[number];

/** One place at which something is dropped. */
export interface Site {
  /** What is dropped. */
  readonly position: Position;
  /** What is dropped together. */
  readonly structure: Structure;
  /** Probability of a drop, or the share of a span; in [0, 1). */
  readonly rate: number;
  /** Layers in which it is active; the paper's methods use the latter half of decoders. */
  readonly layers: "all" | "latter-half" | readonly number[];
  /** Tokens in a span, instead of round(rate x real tokens). */
  readonly spanLength?: number;
  /** DropAttention: whether the denominator is kept from the gradient (Eq. 2); default true. */
  readonly noGrad?: boolean;
  /** Survivors times 1/(1 - rate); default for elements only, as the paper has it. */
  readonly rescale?: boolean;
  /** Whether heads draw masks of their own; default true. */
  readonly perHead?: boolean;
  /** HiddenCut: after the feed-forward module (default) or between its two layers. */
  readonly point?: "output" | "inner";
  /** Position whose masks this site draws; default its own. */
  readonly stream?: Position;
}

/** A loss between two passes that closes the gap between training and inference. */
export interface Compensation {
  /** None; both directions of KL between two training passes; one-way KL to an inference pass. */
  readonly kind: "none" | "kl" | "js";
  /** Factor of that loss, at least 0. */
  readonly weight: number;
  /** Passes that receive a gradient; the paper uses one. */
  readonly branches: 1 | 2;
}

/** All that a method is. */
export interface DropoutPlan {
  /** Places where something is dropped; none of them twice. */
  readonly sites: readonly Site[];
  /** Loss that closes the gap between passes. */
  readonly compensation: Compensation;
}

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

/** What a method leaves open; names are those of `train`'s options. */
export interface PlanOptions {
  /** Rate of every site, or by position. */
  readonly rate?: number | Partial<Record<Position, number>>;
  /** Structure of every site instead of the method's own. */
  readonly structure?: Structure;
  /** Compensation instead of the method's own. */
  readonly compensation?: Compensation["kind"];
  /** Weight of the compensation; default 1. */
  readonly kl?: number;
  /** Branches of the KL that receive a gradient; default 1. */
  readonly branches?: 1 | 2;
  /** Layers of every site; default all, for decoders the latter half except for LoRA dropout. */
  readonly layers?: Site["layers"];
  /** DropAttention with (default) or without NoGrad. */
  readonly nograd?: boolean;
  /** Where HiddenCut acts; default after the feed-forward module. */
  readonly point?: "output" | "inner";
  /** Whether heads draw masks of their own. */
  readonly perHead?: boolean;
  /** Tokens in a span, instead of round(rate x real tokens). */
  readonly spanLength?: number;
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

/** Rate of a site whose rate is not given. */
export const defaultRate = 0.1;

/**
 * The plan of a method: HiddenKey⁻ is column DropKey with element HiddenCut, HiddenKey adds KL.
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
  checkWords(method, options);
  const { rate = defaultRate, structure } = options;
  const byPosition: Partial<Record<Position, number>> = typeof rate === "number" ? {} : rate;
  const own = layout[method];
  const extra = (Object.keys(byPosition) as Position[])
    .filter((position) => !own.some(([p]) => p === position))
    .map((position): [Position, Structure] => [position, "element"]);
  const { nograd, point, perHead, spanLength } = options;
  if (spanLength !== undefined) checkSpanLength(spanLength, 1);
  for (const name of Object.keys(byPosition)) {
    if (!(positions as readonly string[]).includes(name)) {
      throw new OptionError(`Cannot drop ${name}: one of ${positions.join(", ")} is required`);
    }
  }
  const anywhere = own[0]?.[0] ?? "anything";
  for (const [name, value] of Object.entries(rate === byPosition ? rate : { [anywhere]: rate })) {
    checkRate(name, value);
  }
  const sites = [...own, ...extra].map(([position, usual]): Site => {
    return {
      position,
      structure: structure ?? usual,
      rate: typeof rate === "number" ? rate : byPosition[position] ?? defaultRate,
      layers: options.layers ?? (decoder && position !== "lora" ? "latter-half" : "all"),
      ...(nograd === undefined ? {} : { noGrad: nograd }),
      ...(point === undefined ? {} : { point }),
      ...(perHead === undefined ? {} : { perHead }),
      ...(spanLength === undefined ? {} : { spanLength }),
    };
  });
  const kind = options.compensation ?? (method === "hiddenkey" ? "kl" : "none");
  const { kl: weight = 1, branches = 1 } = options;
  if (!(weight >= 0 && Number.isFinite(weight))) {
    throw new OptionError(`Cannot weigh the compensation by ${weight}: at least 0 is required`);
  }
  return {
    sites: sites.filter((s) => s.rate > 0 || s.spanLength),
    compensation: { kind, weight, branches },
  };
}

/**
 * Checks what a mask is drawn by, in plans of the caller's own too.
 *
 * @throws {OptionError} If the structure or the stream is none, the rate lies outside [0, 1), or the
 * span is no number of tokens
 */
export function checkSite(site: Site): void {
  const { position, structure, rate, spanLength = 0, stream = position } = site;
  if (!structures.includes(structure)) {
    throw new OptionError(
      `Cannot drop ${position} as structure requires one of ${structures.join(", ")}: found ` +
        shown(structure),
    );
  }
  checkRate(position, rate);
  checkSpanLength(spanLength, 0);
  if (positions.includes(stream)) return;
  throw new OptionError(
    `Cannot drop ${position} as stream requires one of ${positions.join(", ")}: found ` +
      shown(stream),
  );
}

function checkSpanLength(spanLength: unknown, least: 0 | 1): void {
  if (isWord(spanLength) && spanLength >= least) return;
  throw new OptionError(
    `Cannot drop spans of ${shown(spanLength)} tokens: a positive integer below 2^32 is required`,
  );
}

function checkRate(name: string, rate: unknown): void {
  if (typeof rate === "number" && rate >= 0 && rate < 1) return;
  throw new OptionError(
    `Cannot drop ${name} as the rate must lie in [0, 1): found ${shown(rate)}`,
  );
}

/**
 * Checks that an option is one of the words that it can be.
 *
 * @throws {OptionError} If it is not
 */
function checkWord(name: string, value: unknown, words: readonly unknown[]): void {
  if (value === undefined || words.includes(value)) return;
  throw new OptionError(
    `Cannot plan dropout as ${name} requires one of ${words.join(", ")}: found ${shown(value)}`,
  );
}

/** Checks the options of {@linkcode dropoutPlan} that are words. */
function checkWords(method: Method, { structure, compensation, branches, ...rest }: PlanOptions) {
  checkWord("method", method, methods);
  checkWord("structure", structure, structures);
  checkWord("compensation", compensation, ["none", "kl", "js"]);
  checkWord("branches", branches, [1, 2]);
  checkWord("point", rest.point, ["output", "inner"]);
  const { layers } = rest;
  if (!Array.isArray(layers)) return checkWord("layers", layers, ["all", "latter-half"]);
  if (layers.every((layer) => Number.isSafeInteger(layer) && layer >= 0)) return;
  throw new OptionError(
    `Cannot plan dropout as layers requires numbers of layers from 0: found ${shown(layers)}`,
  );
}

/** Whether a site is active in a layer; what lies outside the layers is always active. */
export function activeIn(site: Site, layer: number | undefined, layers: number): boolean {
  if (layer === undefined || site.layers === "all") return true;
  if (site.layers === "latter-half") return layer >= layers / 2;
  return site.layers.includes(layer);
}
