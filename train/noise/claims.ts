/**
 * The paper's claims on gradient noise, each judged by the rows of a study.
 *
 * @module
 */

import { studentT } from "./statistics.ts";
import { type NoiseRow, titles, type Variant } from "./study.ts";

/** A claim and what the measurements say. */
export interface Claim {
  /** Sentence of the paper, in short. */
  readonly claim: string;
  /** What the measurement says of it. */
  readonly verdict: "holds" | "holds only when" | "does not hold";
  /** Claim, verdict and number in one sentence. */
  readonly sentence: string;
}

/** Judges all claims; intervals of 95 % decide what is more than chance. */
export function judge(rows: readonly NoiseRow[]): Claim[] {
  return [
    sendsNothing(rows, "dropkey"),
    sendsNothing(rows, "dropattention"),
    sendsSomething(rows),
    shareGrows(rows),
    noiseGrowsFaster(rows),
  ];
}

const of = (rows: readonly NoiseRow[], variant: Variant) =>
  rows.filter((row) => row.variant === variant);
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const list = (rates: readonly number[]) => rates.join(", ");

function claim(text: string, rates: readonly number[], holding: readonly number[], number: string) {
  const verdict = holding.length === rates.length
    ? "holds"
    : holding.length > 0
    ? "holds only when"
    : "does not hold";
  const where = verdict === "holds only when" ? ` p is ${list(holding)} (of ${list(rates)})` : "";
  return { claim: text, verdict, sentence: `${text}: ${verdict}${where}; ${number}.` } as const;
}

function sendsNothing(rows: readonly NoiseRow[], variant: Variant): Claim {
  const own = of(rows, variant);
  // Shares are not negative, so a mean of 0 is 0 for every mask.
  const largest = (row: NoiseRow) => Math.max(...row.layers.map(({ share }) => share!.value));
  const holding = own.filter((row) => largest(row) === 0).map(({ rate }) => rate);
  const most = Math.max(...own.map(largest));
  const dropped = own.map(({ mean }) => mean.dropped ?? 0);
  return claim(
    `${titles[variant]} sends no gradient into dropped logits`,
    own.map(({ rate }) => rate),
    holding,
    `the largest share of a layer is ${most === 0 ? "exactly 0" : percent(most)}, with ` +
      `${percent(Math.min(...dropped))} to ${percent(Math.max(...dropped))} of all logits dropped`,
  );
}

function sendsSomething(rows: readonly NoiseRow[]): Claim {
  const own = of(rows, "dropattention-nograd");
  const holding = own.filter(({ mean }) => mean.share!.low > 0).map(({ rate }) => rate);
  const least = own.reduce((a, b) => b.mean.share!.value < a.mean.share!.value ? b : a);
  const share = least.mean.share!;
  return claim(
    `${titles["dropattention-nograd"]} sends gradient into dropped logits`,
    own.map(({ rate }) => rate),
    holding,
    `the smallest share is ${percent(share.value)} (${percent(share.low)} to ` +
      `${percent(share.high)}) at p = ${least.rate}`,
  );
}

function shareGrows(rows: readonly NoiseRow[]): Claim {
  const own = of(rows, "dropattention-nograd");
  const [first, last] = [own[0]!, own.at(-1)!];
  const share = (row: NoiseRow) => row.mean.share!;
  /** 1 or -1 where the share differs by more than chance. */
  const change = (from: NoiseRow, to: NoiseRow) => {
    const difference = share(to).value - share(from).value;
    const half = studentT(to.masks - 1) * Math.hypot(share(from).error, share(to).error);
    return Math.abs(difference) > half ? Math.sign(difference) : 0;
  };
  const later = own.slice(1);
  const steps = later.map((row, i) => change(own[i]!, row));
  const count = (sign: number) => steps.filter((step) => step === sign).length;
  return claim(
    `The share that ${titles["dropattention-nograd"]} sends there grows with p`,
    later.map(({ rate }) => rate),
    later.filter((row, i) => change(first, row) > 0 && steps[i]! >= 0).map(({ rate }) => rate),
    `it is ${percent(share(first).value)} at p = ${first.rate} and ${percent(share(last).value)} ` +
      `at p = ${last.rate}; from one rate to the next it rises beyond chance ${
        count(1)
      } times of ` +
      `${steps.length} and falls ${count(-1)} times`,
  );
}

/** Compares how much noise rises from the lowest rate, in units of the squared mean gradient. */
function noiseGrowsFaster(rows: readonly NoiseRow[]): Claim {
  const [noisy, quiet] = [of(rows, "dropattention-nograd"), of(rows, "dropkey")];
  const noise = (row: NoiseRow) => row.mean.noise;
  const rise = (own: readonly NoiseRow[], i: number) => noise(own[i]!).value - noise(own[0]!).value;
  const half = (i: number) => {
    const ends = [noisy[0]!, noisy[i]!, quiet[0]!, quiet[i]!];
    return Math.hypot(...ends.map((row) => noise(row).error));
  };
  const { masks } = noisy[0]!;
  const excess = (i: number) => rise(noisy, i) - rise(quiet, i);
  const bound = (i: number) => studentT(masks - 1) * half(i);
  const positions = noisy.map((_, i) => i).slice(1);
  const above = noisy.filter((row, i) => noise(row).low > noise(quiet[i]!).high);
  const last = positions.length;
  const show = (x: number) => x.toPrecision(3);
  const risen = (own: readonly NoiseRow[]) =>
    `${show(noise(own[0]!).value)} to ${show(noise(own[last]!).value)}`;
  return claim(
    `Variance grows with p faster for ${titles["dropattention-nograd"]} than for DropKey`,
    positions.map((i) => noisy[i]!.rate),
    positions.filter((i) => excess(i) - bound(i) > 0).map((i) => noisy[i]!.rate),
    `from p = ${noisy[0]!.rate} to ${noisy[last]!.rate} it goes from ${risen(noisy)} against ` +
      `${risen(quiet)} squared mean gradients, a rise larger by ${show(excess(last))} ` +
      `(95 % interval ± ${show(bound(last))}${
        Math.abs(excess(last)) > bound(last) ? "" : ": within chance"
      }), and it is beyond chance the higher of both at ` +
      `${above.length} of ${noisy.length} rates`,
  );
}
