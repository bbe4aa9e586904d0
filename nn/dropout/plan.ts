/**
 * The dropout framework as values: where to drop, in which structure, and how the gap between
 * training and inference is compensated. Not here: how a mask is drawn and applied (`mask.ts`).
 *
 * **Source**: "LoRA Meets Dropout under a Unified Framework" (Wang et al. 2024), section 3.
 *
 * @module
 */

/** Positions at which something can be dropped. */
export const positions = [
  "lora",
  "rank",
  "update",
  "input",
  "logits",
  "weights",
  "hidden",
  "output",
] as const;
/**
 * Where a site drops: LoRA's input, its inner dimension or its output; the embedding output,
 * attention logits (DropKey), attention weights (DropAttention), the feed-forward output
 * (HiddenCut), or what the head reads.
 */
export type Position = typeof positions[number];

/** Structures a mask can have. */
export const structures = ["element", "column", "span", "feature"] as const;
/**
 * `element`: each number by itself; `column`: whole keys or tokens, the same for all queries or
 * features; `span`: one contiguous run of keys or tokens; `feature`: whole features, the same for
 * all tokens, not of attention.
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
  /**
   * Layers in which it is active, `all` of what lies outside of them; the paper's methods use the
   * latter half of decoders.
   */
  readonly layers: "all" | "latter-half" | readonly number[];
  /**
   * Tokens in a span, instead of round(rate x real tokens), which is at least 1 where the rate is
   * above 0. HiddenCut's own code rounds down, to at least 1.
   */
  readonly spanLength?: number;
  /**
   * Where a span of `hidden` begins: anywhere (default), or at one of the 40 % of tokens that get
   * most attention in the layer, as HiddenCut's own code has it (`span_starts.ts`).
   */
  readonly start?: "uniform" | "attention";
  /**
   * Survivors times 1/(1 - rate); default for elements alone, as the paper has it of HiddenCut;
   * neither HiddenCut's own spans nor input cutoff are rescaled. Of attention weights: that, or
   * nothing, instead of the division by what is kept (Eq. 2).
   */
  readonly rescale?: boolean;
  /**
   * DropAttention without `rescale`: whether the denominator is kept from the gradient (Eq. 2);
   * default true.
   */
  readonly nograd?: boolean;
  /** Attention: whether heads draw masks of their own; default true. */
  readonly perHead?: boolean;
  /** Not of attention: whether examples draw masks of their own, or a step has one; default true. */
  readonly perExample?: boolean;
  /** HiddenCut: after the feed-forward module (default) or between its two layers. */
  readonly point?: "output" | "inner";
  /**
   * Columns or a span of the input: whether no token attends to what is dropped, as input cutoff has
   * it; default true.
   */
  readonly hide?: boolean;
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
  /** NEFTune's noise on the word embeddings, times √(real tokens x width); default 0: none. */
  readonly neftuneAlpha?: number;
  /** Draws of all masks that a step's loss is the mean of, as LoRA Dropout has it; default 1. */
  readonly instances?: number;
}

/** Positions inside an adapted layer. */
export const insideLora: readonly Position[] = ["lora", "rank", "update"];

/** Positions that lie outside of the layers. */
export const outside: readonly Position[] = ["input", "output"];

/**
 * How many first layers of a model compute the same whatever is drawn, and without dropout: those before
 * the first in which the plan drops; `undefined` where the embeddings differ too.
 */
export function layersBefore(
  { sites, neftuneAlpha = 0 }: DropoutPlan,
  layers: number,
): number | undefined {
  if (neftuneAlpha !== 0) return undefined;
  if (sites.some(({ position }) => position === "input")) return 0;
  const inside = sites.filter(({ position }) => position !== "output");
  const numbers = Array.from({ length: layers }, (_, layer) => layer);
  return numbers.find((n) => inside.some((site) => activeIn(site, n, layers))) ?? layers;
}

/** Whether a site is active anywhere in a model of so many layers. */
export function activeAnywhere(site: Site, layers: number): boolean {
  return Array.from({ length: layers }, (_, layer) => layer).some((n) => activeIn(site, n, layers));
}

/** Whether a site is active in a layer; what lies outside the layers is always active. */
export function activeIn(site: Site, layer: number | undefined, layers: number): boolean {
  if (layer === undefined || site.layers === "all") return true;
  if (site.layers === "latter-half") return layer >= layers / 2;
  return site.layers.includes(layer);
}
