/**
 * Figures of one layer for one variant and rate, and their mean over layers.
 *
 * @module
 */

import { fates } from "./gradients.ts";
import { dot, type MaskProducts, type Moments, momentsOf, productsOf } from "./moments.ts";
import {
  type Estimate,
  estimate,
  meanOf,
  ratioOf,
  type Statistic,
  weightedSum,
} from "./statistics.ts";

/** Figures of one layer, or means over layers; all are dimensionless. */
export interface NoiseFigures extends Moments {
  /** Share of the squared gradient on dropped logits; absent where no logit is dropped. */
  readonly share?: Statistic;
  /**
   * Mean of the absolute gradient on dropped logits, E|dL/dg_m|, over that of all logits without
   * dropout; absent where no logit is dropped.
   */
  readonly dropped?: Statistic;
  /** Cosine with the gradient without dropout. */
  readonly cosine: Statistic;
}

/** Names of the figures, in the order of tables. */
export const figureNames = ["share", "dropped", "variance", "bias", "mean", "cosine"] as const;
/** A figure of the study. */
export type FigureName = typeof figureNames[number];

/** What was measured of a layer. */
export interface LayerGradients {
  /** One gradient a mask. */
  readonly gradients: readonly Float32Array[];
  /** What each mask did to each logit; absent where none is dropped. */
  readonly fates: readonly Uint8Array[] | undefined;
  /** The gradient without dropout. */
  readonly clean: Float32Array;
  /** Number of examples, each with an equal part of the logits. */
  readonly examples: number;
}

/** What one mask gave in a layer. */
export interface MaskSummary extends MaskProducts {
  /** Share of the squared gradient on dropped logits. */
  readonly share: number;
  /** Cosine with the gradient without dropout. */
  readonly cosine: number;
  /** Sum of the absolute gradient on dropped logits, by example. */
  readonly sent: Float64Array;
  /** Number of dropped logits, by example. */
  readonly count: Float64Array;
}

/** Summaries of all masks of a layer. */
export function summariesOf(layer: LayerGradients): MaskSummary[] {
  const { clean, examples } = layer;
  const norm = dot(clean, clean, 0, clean.length);
  return layer.gradients.map((g, n) => {
    const total = dot(g, g, 0, g.length);
    return {
      ...productsOf(g, clean, examples),
      ...sentBy(g, layer.fates?.[n], examples, total),
      cosine: dot(g, clean, 0, g.length) / Math.sqrt(total * norm),
    };
  });
}

/** What a mask sends into the logits that it drops. */
function sentBy(
  g: Float32Array,
  fate: Uint8Array | undefined,
  examples: number,
  total: number,
): Pick<MaskSummary, "share" | "sent" | "count"> {
  const [sent, count] = [new Float64Array(examples), new Float64Array(examples)];
  const size = g.length / examples;
  let lost = 0;
  for (let i = 0; fate !== undefined && i < g.length; i++) {
    if (fate[i] !== fates.dropped) continue;
    const e = Math.floor(i / size);
    lost += g[i]! * g[i]!;
    sent[e]! += Math.abs(g[i]!);
    count[e]!++;
  }
  return { share: lost / total, sent, count };
}

/**
 * Figures of one layer.
 *
 * @param summaries Those of its masks, where they are known
 */
export function figuresOf(
  layer: LayerGradients,
  summaries: readonly MaskSummary[] = summariesOf(layer),
): NoiseFigures {
  const { gradients, clean, examples } = layer;
  const list = (of: (summary: MaskSummary) => Float64Array) =>
    Array.from({ length: examples }, (_, e) => Float64Array.from(summaries, (s) => of(s)[e]!));
  return {
    ...(layer.fates && {
      share: meanOf(summaries.map(({ share }) => share)),
      dropped: weightedSum([ratioOf(list((s) => s.sent), list((s) => s.count))], [
        1 / usualSize(clean, layer.fates[0]!),
      ]),
    }),
    ...momentsOf(gradients, clean, examples, summaries),
    cosine: meanOf(summaries.map(({ cosine }) => cosine)),
  };
}

/** Mean absolute gradient of the logits that padding and causality leave. */
function usualSize(clean: Float32Array, fate: Uint8Array): number {
  const visible = fate.reduce((count, each) => count + (each === fates.hidden ? 0 : 1), 0);
  return clean.reduce((sum, x) => sum + Math.abs(x), 0) / visible;
}

/** Means over layers, of the same masks. */
export function meanFigures(layers: readonly NoiseFigures[]): NoiseFigures {
  const mean = (name: FigureName) => weightedSum(layers.map((layer) => layer[name]!));
  return Object.fromEntries(
    figureNames.filter((name) => layers[0]![name] !== undefined).map((name) => [name, mean(name)]),
  ) as unknown as NoiseFigures;
}

/** The figures with their intervals, for a file. */
export function estimatesOf(figures: NoiseFigures): Partial<Record<FigureName, Estimate>> {
  return Object.fromEntries(
    figureNames.flatMap((name) => {
      const figure = figures[name];
      return figure === undefined ? [] : [[name, estimate(figure)]];
    }),
  );
}
