import type { NoiseFigures } from "../../train/noise/figures.ts";
import type { Statistic } from "../../train/noise/statistics.ts";
import type { NoiseRow } from "../../train/noise/study.ts";
import { variants } from "../../train/noise/variants.ts";
import { numbers } from "./differences.ts";

/** Gradients whose moments are known. */
export interface Known {
  /** Gradient without dropout: every element is 2. */
  readonly clean: Float32Array;
  /** One a mask: what is clean, `bias` more, and a uniform number of variance `variance`. */
  readonly gradients: Float32Array[];
}

/** Gradients of `masks` masks and `size` elements, by the variance and bias of one element. */
export function knownGradients(
  seed: number,
  { masks, size, variance, bias }: {
    readonly masks: number;
    readonly size: number;
    readonly variance: number;
    readonly bias: number;
  },
): Known {
  const half = Math.sqrt(3 * variance);
  const gradients = Array.from(
    { length: masks },
    (_, n) => Float32Array.from(numbers(1000 * seed + n, size, -half, half), (x) => 2 + bias + x),
  );
  return { clean: new Float32Array(size).fill(2), gradients };
}

/** A statistic of this value and standard error, as 100 draws that lie evenly around it give it. */
export function known(value: number, error: number): Statistic {
  const by = error * Math.sqrt(99);
  return { value, influences: [Float64Array.from({ length: 100 }, (_, n) => n % 2 ? by : -by)] };
}

/** Rows of a study by variant and rate, from the figures that differ from the usual ones. */
export function knownRows(
  rates: readonly number[],
  figures: (variant: NoiseRow["variant"], i: number) => Partial<NoiseFigures>,
  difference = 0,
): NoiseRow[] {
  return variants.flatMap((variant) =>
    rates.map((rate, i): NoiseRow => {
      const cut = variant === "hiddencut";
      const sent = variant === "dropattention-nograd" ? known(0.1 * (i + 1), 0.001) : known(0, 0);
      const mean: NoiseFigures = {
        ...(cut ? {} : { share: sent, dropped: sent }),
        variance: known(1, 0.01),
        bias: known(0.1, 0.01),
        mean: known(1, 0.01),
        cosine: known(0.5, 0.01),
        ...figures(variant, i),
      };
      const row = { variant, rate, masks: 100, mean, layers: [mean] };
      return variant === "dropattention" ? { ...row, difference } : row;
    })
  );
}
