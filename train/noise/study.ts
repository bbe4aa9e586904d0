/**
 * Measures, for each method, rate and layer, what masks do to the gradient of the attention logits.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { foldKey, type Key, seedKey } from "../../core/random.ts";
import { figuresOf, meanFigures, type NoiseFigures } from "./figures.ts";
import { type Drawing, fatesOf, probe } from "./gradients.ts";
import { masksBatch, type Subject } from "./subject.ts";
import { type Variant, variantPlan, variants } from "./variants.ts";

/** What was measured for a variant at a rate. */
export interface NoiseRow {
  /** What is dropped, and how. */
  readonly variant: Variant;
  /** Dropout rate, in (0, 1). */
  readonly rate: number;
  /** Number of masks that were drawn. */
  readonly masks: number;
  /** Means over the layers, of the same masks. */
  readonly mean: NoiseFigures;
  /** Figures of each layer, from the first. */
  readonly layers: readonly NoiseFigures[];
  /**
   * DropAttention without NoGrad: the largest distance of a mask's gradient in a layer from DropKey's
   * for the same mask, over the norm of the latter.
   */
  readonly difference?: number;
}

/** Settings of {@linkcode study}. */
export interface StudyOptions {
  /** Rates, ascending, in (0, 1). */
  readonly rates: readonly number[];
  /** Masks for each variant at rates of 0.1 or more, and more below ({@linkcode masksAt}). */
  readonly masks: number;
  /** Seed of the masks, which no other choice depends on. */
  readonly seed: number;
}

/**
 * Masks at a rate: in inverse proportion to rates below 0.1, so that every key is dropped as often.
 * What happens rarely decides the variance, and an interval cannot know of what never happened.
 */
export function masksAt(rate: number, masks: number): number {
  return Math.ceil(masks * Math.max(1, 0.1 / rate) - 1e-9);
}

/** By layer and mask. */
type Collected<T> = readonly (readonly T[])[];

/**
 * Runs the study. All layers drop at once, as in training.
 */
export async function study(
  device: Device,
  subject: Subject,
  { rates, masks, seed }: StudyOptions,
): Promise<NoiseRow[]> {
  const clean = await cleanGradients(device, subject);
  const rows: NoiseRow[] = [];
  for (const rate of rates) {
    rows.push(...await studyRate(device, subject, { clean, rate, masks, seed }));
  }
  return rows.sort((a, b) => variants.indexOf(a.variant) - variants.indexOf(b.variant));
}

/** One rate of a study. */
export interface RateOptions extends Pick<StudyOptions, "masks" | "seed"> {
  /** Gradients of each layer without dropout. */
  readonly clean: readonly Float32Array[];
  /** Dropout rate, in (0, 1). */
  readonly rate: number;
}

/**
 * The rows of one rate, at which all variants that drop keys drop the same ones. DropAttention
 * without NoGrad is measured on the first `masks` of them, as it has DropKey's gradient for each. The
 * gradients of all masks of two variants are held in memory at a time.
 */
export async function studyRate(
  device: Device,
  subject: Subject,
  { clean, rate, masks, seed }: RateOptions,
): Promise<NoiseRow[]> {
  const rows: NoiseRow[] = [];
  const all = masksAt(rate, masks);
  const key = maskKey(seed, rate);
  const drawing = (variant: Variant) => ({ plan: variantPlan(variant, rate), key });
  const fates = await maskFates(device, subject, all, drawing("dropkey"));
  const measure = async (variant: Variant, count: number, other?: Collected<Float32Array>) => {
    const gradients = await maskGradients(device, subject, count, drawing(variant));
    const layers = clean.map((undropped, l) =>
      figuresOf({
        gradients: gradients[l]!,
        fates: variant === "hiddencut" ? undefined : fates[l],
        clean: undropped,
        examples: subject.examples.length,
      })
    );
    const difference = other && largestDifference(gradients, other);
    rows.push({
      ...{ variant, rate, masks: count, layers, mean: meanFigures(layers) },
      ...(difference !== undefined && { difference }),
    });
    return gradients;
  };
  await measure("dropattention", masks, await measure("dropkey", all));
  await measure("dropattention-nograd", all);
  await measure("hiddencut", all);
  return rows;
}

/** Key of the masks at a rate: other rates draw others, independently. */
export function maskKey(seed: number, rate: number): Key {
  return foldKey(foldKey(seedKey(seed), "masks"), `rate ${rate}`);
}

/** Gradients of each layer without dropout. */
export async function cleanGradients(device: Device, subject: Subject): Promise<Float32Array[]> {
  using _scope = device.scope("clean");
  return await probe(device, subject, masksBatch(device, subject, 0, 1));
}

/** Gradients by layer and mask. */
export function maskGradients(
  device: Device,
  subject: Subject,
  masks: number,
  drawing: Drawing,
): Promise<Collected<Float32Array>> {
  return collect(device, subject, masks, (batch) => probe(device, subject, batch, drawing));
}

/** What masks that drop keys do to the logits, by layer and mask. */
export function maskFates(
  device: Device,
  subject: Subject,
  masks: number,
  drawing: Drawing,
): Promise<Collected<Uint8Array>> {
  return collect(device, subject, masks, async (batch) => {
    const layers: Uint8Array[] = [];
    for (let layer = 0; layer < subject.config.layers; layer++) {
      layers.push((await fatesOf(device, subject, batch, drawing, layer))!);
    }
    return layers;
  });
}

/** Most tokens, and most logits of all layers, in one pass. */
const most = { tokens: 4096, logits: 2 ** 24 } as const;

/** Takes as many masks at once as a pass holds, and parts by mask what each layer gives for all. */
async function collect<T extends Float32Array | Uint8Array>(
  device: Device,
  subject: Subject,
  masks: number,
  take: (batch: ReturnType<typeof masksBatch>) => Promise<readonly T[]>,
): Promise<Collected<T>> {
  const { examples, config } = subject;
  const width = Math.max(...examples.map(({ ids }) => ids.length));
  const tokens = examples.length * width;
  const logits = tokens * width * config.heads * config.layers;
  const fit = Math.floor(Math.min(most.tokens / tokens, most.logits / logits));
  const layers = Array.from({ length: config.layers }, (): T[] => []);
  for (let first = 0; first < masks;) {
    const count = Math.min(Math.max(1, fit), masks - first);
    using _scope = device.scope("masks");
    const taken = await take(masksBatch(device, subject, first, count));
    taken.forEach((all, l) => {
      const size = all.length / count;
      for (let n = 0; n < count; n++) {
        layers[l]!.push(all.subarray(n * size, (n + 1) * size) as T);
      }
    });
    first += count;
  }
  return layers;
}

/** Largest distance between gradients of the same layer and mask, over the norm of the second. */
export function largestDifference(
  a: Collected<Float32Array>,
  b: Collected<Float32Array>,
): number {
  let largest = 0;
  a.forEach((masks, l) =>
    masks.forEach((g, n) => {
      const other = b[l]![n]!;
      let [distance, norm] = [0, 0];
      for (let i = 0; i < g.length; i++) {
        distance += (g[i]! - other[i]!) ** 2;
        norm += other[i]! ** 2;
      }
      if (distance > 0) largest = Math.max(largest, Math.sqrt(distance / norm));
    })
  );
  return largest;
}
