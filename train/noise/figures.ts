/**
 * Figures of one layer for one variant and rate, and their mean over layers.
 *
 * @module
 */

import { fates } from "./gradients.ts";
import { dot, type Moments, momentsOf } from "./moments.ts";
import { combine, type Estimate, estimate, meanOf, ratioOf, type Statistic } from "./statistics.ts";

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

/** Figures of one layer. */
export function figuresOf(layer: LayerGradients): NoiseFigures {
  const { gradients, clean, examples } = layer;
  const norm = dot(clean, clean, 0, clean.length);
  const cosines = gradients.map((g) =>
    dot(g, clean, 0, g.length) / Math.sqrt(dot(g, g, 0, g.length) * norm)
  );
  return {
    ...(layer.fates && { share: meanOf(sharesOf(gradients, layer.fates)) }),
    ...(layer.fates && { dropped: droppedOf(layer, layer.fates) }),
    ...momentsOf(gradients, clean, examples),
    cosine: meanOf(cosines),
  };
}

/** Means over layers, of the same masks. */
export function meanFigures(layers: readonly NoiseFigures[]): NoiseFigures {
  const mean = (name: FigureName) => combine(layers.map((layer) => layer[name]!));
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

/** Share of each mask's squared gradient on the logits that it drops. */
function sharesOf(gradients: readonly Float32Array[], of: readonly Uint8Array[]): number[] {
  return gradients.map((g, n) => {
    const fate = of[n]!;
    let [all, lost] = [0, 0];
    for (let i = 0; i < g.length; i++) {
      const square = g[i]! * g[i]!;
      all += square;
      if (fate[i] === fates.dropped) lost += square;
    }
    return lost / all;
  });
}

function droppedOf(
  { gradients, clean, examples }: LayerGradients,
  of: readonly Uint8Array[],
): Statistic {
  const size = clean.length / examples;
  const lists = () => Array.from({ length: examples }, () => new Float64Array(gradients.length));
  const [sums, counts] = [lists(), lists()];
  gradients.forEach((g, n) => {
    const fate = of[n]!;
    for (let i = 0; i < g.length; i++) {
      if (fate[i] !== fates.dropped) continue;
      const e = Math.floor(i / size);
      sums[e]![n]! += Math.abs(g[i]!);
      counts[e]![n]!++;
    }
  });
  const visible = of[0]!.reduce((count, fate) => count + (fate === fates.hidden ? 0 : 1), 0);
  const usual = clean.reduce((sum, x) => sum + Math.abs(x), 0) / visible;
  return combine([ratioOf(sums, counts)], [1 / usual]);
}
