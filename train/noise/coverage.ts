/**
 * How often the study's intervals hold the truth: a population of masks stands for all masks, and
 * many studies are drawn from it.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { seedKey, threefry } from "../../core/random.ts";
import {
  type FigureName,
  figureNames,
  figuresOf,
  type LayerGradients,
  type MaskSummary,
  meanFigures,
  type NoiseFigures,
  summariesOf,
} from "./figures.ts";
import { estimate, type Statistic, weightedSum } from "./statistics.ts";
import {
  cleanGradients,
  maskFates,
  maskGradients,
  maskKey,
  masksAt,
  type StudyOptions,
} from "./study.ts";
import { aligned, shownNumber } from "./table.ts";
import type { Subject } from "./subject.ts";
import { titles, type Variant, variantPlan } from "./variants.ts";

/** How the intervals of one figure did, by layer and for the mean over layers, which is last. */
export interface CoverageRow {
  /** A variant, or the difference of DropAttention with NoGrad and DropKey. */
  readonly of: string;
  /** The figure. */
  readonly figure: FigureName;
  /** Its value in the population. */
  readonly truth: readonly number[];
  /** Share of the intervals that hold it. */
  readonly coverage: readonly number[];
  /** Median width of the intervals, over the size of the truth. */
  readonly width: readonly number[];
}

/** Settings of {@linkcode measureCoverage}. */
export interface CoverageOptions extends StudyOptions {
  /** Masks of the population. */
  readonly population: number;
  /** Studies that are drawn from it. */
  readonly studies: number;
}

const compared = ["dropkey", "dropattention-nograd", "hiddencut"] as const;
const difference = "difference";
/** A layer with the summaries of all its masks. */
type Population = LayerGradients & { readonly summaries: readonly MaskSummary[] };
type Subjects = Readonly<Record<string, readonly NoiseFigures[]>>;

/**
 * Tries the intervals at the first rate. A study draws as many masks as {@linkcode study} takes at
 * that rate, with replacement, the same for all variants.
 */
export async function measureCoverage(
  device: Device,
  subject: Subject,
  options: CoverageOptions,
): Promise<CoverageRow[]> {
  const { rates: [rate], masks, seed, population, studies } = options;
  const key = maskKey(seed, rate!);
  const drawing = (variant: Variant) => ({ plan: variantPlan(variant, rate!), key });
  const clean = await cleanGradients(device, subject);
  const fates = await maskFates(device, subject, population, drawing("dropkey"));
  const layers: Record<string, Population[]> = {};
  for (const variant of compared) {
    const gradients = await maskGradients(device, subject, population, drawing(variant));
    layers[variant] = clean.map((undropped, l) => {
      const layer = {
        gradients: gradients[l]!,
        fates: variant === "hiddencut" ? undefined : fates[l],
        clean: undropped,
        examples: subject.examples.length,
      };
      return { ...layer, summaries: summariesOf(layer) };
    });
  }
  const truth = figuresAt(layers, Array.from({ length: population }, (_, n) => n));
  const count = masksAt(rate!, masks);
  const found: Subjects[] = [];
  for (let s = 0; s < studies; s++) {
    const draw = (n: number) => threefry(seedKey(s), n, 0)[0] % population;
    found.push(figuresAt(layers, Array.from({ length: count }, (_, n) => draw(n))));
  }
  return Object.keys(truth).flatMap((of) =>
    figureNames.filter((name) => truth[of]![0]![name] !== undefined).map((name) =>
      coverageOf(of, name, truth[of]!, found.map((figures) => figures[of]!), population)
    )
  );
}

/** Figures of all variants for some masks, by layer, then the mean over layers. */
function figuresAt(
  layers: Readonly<Record<string, readonly Population[]>>,
  masks: readonly number[],
): Subjects {
  const figures: Record<string, NoiseFigures[]> = {};
  for (const [variant, own] of Object.entries(layers)) {
    const some = own.map((layer) => {
      const pick = <T>(list: readonly T[]) => masks.map((n) => list[n]!);
      const drawn = {
        ...layer,
        gradients: pick(layer.gradients),
        fates: layer.fates && pick(layer.fates),
      };
      return figuresOf(drawn, pick(layer.summaries));
    });
    figures[variant] = [...some, meanFigures(some)];
  }
  const [quiet, noisy] = [figures["dropkey"]!, figures["dropattention-nograd"]!];
  figures[difference] = noisy.map((layer, l) =>
    Object.fromEntries(
      figureNames.map((name) => [name, weightedSum([layer[name]!, quiet[l]![name]!], [1, -1])]),
    ) as unknown as NoiseFigures
  );
  return figures;
}

function coverageOf(
  of: string,
  figure: FigureName,
  whole: readonly NoiseFigures[],
  studies: readonly (readonly NoiseFigures[])[],
  population: number,
): CoverageRow {
  const truth = whole.map((figures) => exact(figures, figure, population));
  const all = studies.map((layers) => layers.map((figures) => estimate(figures[figure]!)));
  const coverage = truth.map((value, l) =>
    all.filter((layers) => layers[l]!.low <= value && value <= layers[l]!.high).length / all.length
  );
  const width = truth.map((value, l) => {
    const widths = all.map((layers) => layers[l]!.high - layers[l]!.low).sort((a, b) => a - b);
    return widths[Math.floor(widths.length / 2)]! / Math.abs(value);
  });
  return { of, figure, truth, coverage, width };
}

/** What a study of a finite population, drawn with replacement, expects: its own moments. */
function exact(figures: NoiseFigures, name: FigureName, population: number): number {
  const { value } = figures[name] as Statistic;
  const share = figures.variance.value / population;
  return name === "variance"
    ? value - share
    : name === "bias" || name === "mean"
    ? value + share
    : value;
}

/** One line for each figure: what is true, the coverage and the width, by layer and for the mean. */
export function coverageTable(rows: readonly CoverageRow[]): string {
  const layers = rows[0]!.truth.map((_, l, all) => l + 1 < all.length ? `layer ${l}` : "mean");
  const lines = [["of", "figure", "truth", ...layers, "width"]];
  for (const { of, figure, truth, coverage, width } of rows) {
    lines.push([
      of === difference ? "NoGrad minus DropKey" : titles[of as Variant],
      figure,
      shownNumber(truth.at(-1)!),
      ...coverage.map((share) => share.toFixed(3)),
      Number.isFinite(width.at(-1)) ? shownNumber(width.at(-1)!) : "-",
    ]);
  }
  return aligned(lines);
}
