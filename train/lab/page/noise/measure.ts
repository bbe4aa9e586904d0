/**
 * The study of gradient noise, rate by rate, on the demonstration's model.
 *
 * @module
 */

import type { Device } from "../../../../core/device.ts";
import { loadBase } from "../../../demo/base.ts";
import { demonstrationSubject } from "../../../noise/demonstration.ts";
import { estimatesOf, type FigureName } from "../../../noise/figures.ts";
import type { Estimate } from "../../../noise/statistics.ts";
import { cleanGradients, studyRate } from "../../../noise/study.ts";
import type { Variant } from "../../../noise/variants.ts";

/** What is measured. */
export interface NoiseSettings {
  /** Rates, ascending, in (0, 1). */
  readonly rates: readonly number[];
  /** Masks for each method at rates of 0.1 or more, and more below. */
  readonly masks: number;
  /** Examples in the batch. */
  readonly batch: number;
  /** Seed of batch, head and masks. */
  readonly seed: number;
}

/** Figures of a method at a rate: means over the layers, with intervals over masks. */
export interface NoisePoint {
  /** What is dropped, and how. */
  readonly variant: Variant;
  /** Dropout rate. */
  readonly rate: number;
  /** Masks that were drawn. */
  readonly masks: number;
  /** Figures by name; those of dropped logits where the method drops some. */
  readonly figures: Partial<Record<FigureName, Estimate>>;
}

/**
 * Measures all methods at one rate after the other.
 *
 * @param base Bytes of the demonstration's base model
 */
export async function* measureNoise(
  device: Device,
  base: Uint8Array,
  { rates, masks, batch, seed }: NoiseSettings,
): AsyncGenerator<readonly NoisePoint[]> {
  using _scope = device.scope("noise");
  const subject = await demonstrationSubject((key) => loadBase(device, key, base), { batch, seed });
  const clean = await cleanGradients(device, subject);
  for (const rate of rates) {
    const rows = await studyRate(device, subject, { clean, rate, masks, seed });
    yield rows.map(({ variant, rate, masks, mean }) => {
      return { variant, rate, masks, figures: estimatesOf(mean) };
    });
  }
}
