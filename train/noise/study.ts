/**
 * Measures, for each method, rate and layer, what masks do to the gradient of the attention logits.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { foldKey, type Key, seedKey } from "../../core/random.ts";
import { dropoutPlan, type Method, type PlanOptions } from "../../nn/dropout/methods.ts";
import type { DropoutPlan } from "../../nn/dropout/plan.ts";
import { type DroppedLogits, droppedLogits, probe } from "./gradients.ts";
import {
  average,
  cosine,
  type Estimate,
  jackknife,
  meanOf,
  type Resampled,
  spreadOf,
} from "./statistics.ts";
import type { Subject } from "./subject.ts";

/** Names of the variants, in the order of tables and charts. */
export const variants = [
  "dropkey",
  "dropattention-nograd",
  "dropattention",
  "hiddencut",
] as const;
/** A dropout method as it is measured here. */
export type Variant = typeof variants[number];

/** How variants are written for readers. */
export const titles: Readonly<Record<Variant, string>> = {
  "dropkey": "DropKey",
  "dropattention-nograd": "DropAttention with NoGrad",
  "dropattention": "DropAttention without NoGrad",
  "hiddencut": "HiddenCut",
};

const layout: Readonly<Record<Variant, readonly [Method, PlanOptions]>> = {
  "dropkey": ["dropkey", { structure: "column" }],
  "dropattention-nograd": ["dropattention", { structure: "column", nograd: true }],
  "dropattention": ["dropattention", { structure: "column", nograd: false }],
  "hiddencut": ["hiddencut", { structure: "element" }],
};

/** Metrics of one layer, or means over layers. */
export interface NoiseMetrics {
  /** Share of the squared gradient on dropped logits; absent where no logit is dropped. */
  readonly share?: Estimate;
  /** Share of the visible logits that is dropped; absent where none is. */
  readonly dropped?: number;
  /** Variance over masks, over the squared norm of the mean gradient. */
  readonly noise: Estimate;
  /** Norm of the mean gradient over the standard deviation. */
  readonly signal: Estimate;
  /** Cosine with the gradient without dropout. */
  readonly cosine: Estimate;
}

/** What was measured for a variant at a rate. */
export interface NoiseRow {
  /** What is dropped, and how. */
  readonly variant: Variant;
  /** Dropout rate, in (0, 1). */
  readonly rate: number;
  /** Number of masks that were drawn. */
  readonly masks: number;
  /** Means over the layers, mask by mask. */
  readonly mean: NoiseMetrics;
  /** Metrics of each layer, from the first. */
  readonly layers: readonly NoiseMetrics[];
}

/** Settings of {@linkcode study}. */
export interface StudyOptions {
  /** Rates, ascending, in (0, 1). */
  readonly rates: readonly number[];
  /** Masks for each variant and rate; at least 4. */
  readonly masks: number;
  /** Seed of the masks, which no other choice depends on. */
  readonly seed: number;
  /** Told after each variant and rate. */
  onRow?(row: NoiseRow): void;
}

/**
 * Runs the study. All layers drop at once, as in training; the gradients of all masks of one variant
 * and rate are held in memory at a time.
 */
export async function study(
  device: Device,
  subject: Subject,
  { rates, masks, seed, onRow }: StudyOptions,
): Promise<NoiseRow[]> {
  const { layers: clean } = await probe(device, subject);
  const root = foldKey(seedKey(seed), "masks");
  const rows: NoiseRow[] = [];
  for (const variant of variants) {
    for (const rate of rates) {
      const [method, options] = layout[variant];
      const dropout = dropoutPlan(method, false, { ...options, rate, layers: "all" });
      const keys = Array.from(
        { length: masks },
        (_, n) => foldKey(foldKey(root, `rate ${rate}`), n),
      );
      const row = { variant, rate, masks, ...await measure(device, subject, dropout, keys, clean) };
      rows.push(row);
      onRow?.(row);
    }
  }
  return rows;
}

/** What one layer gave, mask by mask. */
interface Measured {
  readonly landed: readonly (Landed | undefined)[];
  readonly cosines: number[];
  readonly noise: Resampled;
  readonly signal: Resampled;
}

async function measure(
  device: Device,
  subject: Subject,
  dropout: DropoutPlan,
  keys: readonly Key[],
  clean: readonly Float32Array[],
): Promise<Pick<NoiseRow, "mean" | "layers">> {
  const gradients = clean.map((): Float32Array[] => []);
  const landed = clean.map((): (Landed | undefined)[] => []);
  for (const key of keys) {
    const { layers } = await probe(device, subject, dropout, key);
    for (const [layer, g] of layers.entries()) {
      gradients[layer]!.push(g);
      const logits = await droppedLogits(device, subject, dropout, key, layer);
      landed[layer]!.push(logits && shareOf(g, logits));
    }
  }
  const measured = clean.map((undropped, layer): Measured => ({
    landed: landed[layer]!,
    cosines: gradients[layer]!.map((g) => cosine(g, undropped)),
    ...spreadOf(gradients[layer]!),
  }));
  return { mean: metricsOf(measured), layers: measured.map((layer) => metricsOf([layer])) };
}

/** Metrics averaged over layers, mask by mask, so that intervals respect what layers share. */
function metricsOf(layers: readonly Measured[]): NoiseMetrics {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const masks = layers[0]!.cosines.map((_, n) => n);
  const landed = (pick: (of: Landed) => number) =>
    masks.map((n) => mean(layers.map(({ landed }) => landed[n] ? pick(landed[n]) : NaN)));
  const noise = average(layers.map((layer) => layer.noise));
  const signal = average(layers.map((layer) => layer.signal));
  return {
    ...(layers[0]!.landed[0] === undefined ? {} : {
      share: meanOf(landed(({ share }) => share)),
      dropped: mean(landed(({ dropped }) => dropped)),
    }),
    noise: jackknife(noise.all, noise.without),
    signal: jackknife(signal.all, signal.without),
    cosine: meanOf(masks.map((n) => mean(layers.map((layer) => layer.cosines[n]!)))),
  };
}

/** What one mask did in one layer. */
interface Landed {
  /** Share of the squared gradient on dropped logits. */
  readonly share: number;
  /** Share of the visible logits that is dropped. */
  readonly dropped: number;
}

function shareOf(g: Float32Array, { dropped, visible }: DroppedLogits): Landed {
  let [total, lost, logits, gone] = [0, 0, 0, 0];
  for (let i = 0; i < g.length; i++) {
    const square = g[i]! * g[i]!;
    total += square;
    logits += visible[i]!;
    gone += dropped[i]!;
    if (dropped[i] === 1) lost += square;
  }
  return { share: lost / total, dropped: gone / logits };
}
