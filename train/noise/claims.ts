/**
 * The paper's claims on gradient noise, each judged by the rows of a study.
 *
 * @module
 */

import type { FigureName } from "./figures.ts";
import { estimate, independent, logOf, type Statistic, weightedSum } from "./statistics.ts";
import type { NoiseRow } from "./study.ts";
import { shownEstimate, shownNumber } from "./table.ts";
import { titles, type Variant } from "./variants.ts";

/** A claim and what the measurements say. */
export interface Claim {
  /** Sentence of the paper, in short. */
  readonly claim: string;
  /** What the measurement says of it. */
  readonly verdict: "holds" | "holds only when" | "does not hold";
  /** Claim, verdict and number in one sentence. */
  readonly sentence: string;
}

/** Largest relative distance of gradients that single precision may give the same function. */
const sameGradient = 1e-5;

/** Judges all claims on gradients; intervals of 95 % decide what is more than chance. */
export function judge(rows: readonly NoiseRow[]): Claim[] {
  return [
    sendsNothing(rows, "dropkey"),
    sendsNothing(rows, "dropattention"),
    agrees(rows),
    sendsSomething(rows),
    grows(
      rows,
      "dropattention-nograd",
      "share",
      `The share that ${noisy} sends there grows with p`,
    ),
    grows(rows, "dropattention-nograd", "dropped", `E|dL/dg_m| of ${noisy} grows with p`),
    grows(rows, "dropattention-nograd", "variance", `The variance of ${noisy} grows with p`),
    grows(rows, "dropkey", "variance", "The variance of DropKey grows with p"),
    risesFaster(rows),
    growsByMore(rows),
  ];
}

const noisy = titles["dropattention-nograd"];
const of = (rows: readonly NoiseRow[], variant: Variant) =>
  rows.filter((row) => row.variant === variant);
const list = (rates: readonly number[]) => rates.join(", ");
const shown = (statistic: Statistic) => shownEstimate(estimate(statistic));

/**
 * A claim that holds in some of several cases.
 *
 * @param holding Those in which it does
 * @param when These in words, as they follow "holds only when"
 * @param rest What the sentence ends in
 */
export function claimOf(
  claim: string,
  cases: readonly unknown[],
  holding: readonly unknown[],
  when: string,
  rest: string,
): Claim {
  const verdict = holding.length === cases.length
    ? "holds"
    : holding.length > 0
    ? "holds only when"
    : "does not hold";
  const where = verdict === "holds only when" ? ` ${when}` : "";
  return { claim, verdict, sentence: `${claim}: ${verdict}${where}${rest}.` };
}

/** A claim that holds at some of the rates. */
export function verdictOf(
  text: string,
  rates: readonly number[],
  holding: readonly number[],
  number: string,
): Claim {
  const when = `p is ${list(holding)} (of ${list(rates)})`;
  return claimOf(text, rates, holding, when, `; ${number}`);
}

function sendsNothing(rows: readonly NoiseRow[], variant: Variant): Claim {
  const own = of(rows, variant);
  // Shares are not negative, so a mean of 0 is 0 for every mask.
  const largest = (row: NoiseRow) => Math.max(...row.layers.map(({ share }) => share!.value));
  const holding = own.filter((row) => largest(row) === 0).map(({ rate }) => rate);
  const most = Math.max(...own.map(largest));
  return verdictOf(
    `${titles[variant]} sends no gradient into dropped logits`,
    own.map(({ rate }) => rate),
    holding,
    `the largest share of a layer is ${most === 0 ? "exactly 0" : shownNumber(most)}, for ` +
      `${own.map(({ masks }) => masks).join(", ")} masks`,
  );
}

function agrees(rows: readonly NoiseRow[]): Claim {
  const own = of(rows, "dropattention");
  const most = Math.max(...own.map(({ difference }) => difference!));
  return verdictOf(
    `${titles.dropattention} has DropKey's gradient, mask by mask`,
    own.map(({ rate }) => rate),
    own.filter(({ difference }) => difference! <= sameGradient).map(({ rate }) => rate),
    `the largest distance of a layer's gradients is ${most === 0 ? "0" : shownNumber(most)} of ` +
      `their norm, at most ${sameGradient} is rounding`,
  );
}

function sendsSomething(rows: readonly NoiseRow[]): Claim {
  const own = of(rows, "dropattention-nograd");
  const share = (row: NoiseRow) => estimate(row.mean.share!);
  const least = own.reduce((a, b) => share(b).value < share(a).value ? b : a);
  return verdictOf(
    `${noisy} sends gradient into dropped logits`,
    own.map(({ rate }) => rate),
    own.filter((row) => share(row).low > 0).map(({ rate }) => rate),
    `the smallest share is ${shownEstimate(share(least), 100)} % at p = ${least.rate}`,
  );
}

/** A figure that is higher than at the lowest rate, and nowhere falls from one rate to the next. */
function grows(
  rows: readonly NoiseRow[],
  variant: Variant,
  name: FigureName,
  text: string,
): Claim {
  const own = of(rows, variant);
  const figure = (row: NoiseRow) => row.mean[name]!;
  /** 1 or -1 where the figure differs by more than chance. */
  const change = (from: NoiseRow, to: NoiseRow) => {
    const { low, high } = estimate(independent(figure(to), figure(from)));
    return low > 0 ? 1 : high < 0 ? -1 : 0;
  };
  const later = own.slice(1);
  const steps = later.map((row, i) => change(own[i]!, row));
  const count = (sign: number) => steps.filter((step) => step === sign).length;
  const [first, last] = [own[0]!, own.at(-1)!];
  const written = (row: NoiseRow) =>
    name === "share"
      ? `${shownEstimate(estimate(figure(row)), 100)} %`
      : shownEstimate(estimate(figure(row)));
  return verdictOf(
    text,
    later.map(({ rate }) => rate),
    later.filter((row, i) => change(first, row) > 0 && steps[i]! >= 0).map(({ rate }) => rate),
    `it is ${written(first)} at p = ${first.rate} and ${written(last)} at p = ${last.rate}; ` +
      `from one rate to the next it rises beyond chance ${count(1)} times of ` +
      `${steps.length} and falls ${count(-1)} times`,
  );
}

/** Variances of both methods at one rate, from the same masks. */
function pairs(rows: readonly NoiseRow[]) {
  const quiet = of(rows, "dropkey");
  return of(rows, "dropattention-nograd").map((row, i) => ({
    rate: row.rate,
    noisy: row.mean.variance,
    quiet: quiet[i]!.mean.variance,
  }));
}

/** Compares by how many clean squared norms the variances rise from the lowest rate. */
function risesFaster(rows: readonly NoiseRow[]): Claim {
  const all = pairs(rows);
  const excess = all.map(({ noisy, quiet }) => weightedSum([noisy, quiet], [1, -1]));
  const rise = excess.map((here) => estimate(independent(here, excess[0]!)));
  const [first, last] = [all[0]!, all.at(-1)!];
  const later = all.slice(1);
  const higher = excess.filter((here) => estimate(here).low > 0).length;
  return verdictOf(
    `Variance rises faster with p for ${noisy} than for DropKey`,
    later.map(({ rate }) => rate),
    later.filter((_, i) => rise[i + 1]!.low > 0).map(({ rate }) => rate),
    `from p = ${first.rate} to ${last.rate} it goes from ${shown(first.noisy)} to ` +
      `${shown(last.noisy)} against ${shown(first.quiet)} to ${shown(last.quiet)} clean squared ` +
      `norms, a rise larger by ${
        shownEstimate(rise.at(-1)!)
      }, and for the same masks it is beyond ` +
      `chance the higher of both at ${higher} of ${all.length} rates`,
  );
}

/** Compares the factors by which the variances grow from the lowest rate. */
function growsByMore(rows: readonly NoiseRow[]): Claim {
  const all = pairs(rows);
  const logs = all.map(({ noisy, quiet }) => weightedSum([logOf(noisy), logOf(quiet)], [1, -1]));
  const growth = logs.map((here) => estimate(independent(here, logs[0]!)));
  const later = all.slice(1);
  const { value, low, high } = growth.at(-1)!;
  const [factor, from, to] = [value, low, high].map((x) => shownNumber(Math.exp(x)));
  const [first, last] = [all[0]!, all.at(-1)!];
  const grown = (name: "noisy" | "quiet") => shownNumber(last[name].value / first[name].value);
  return verdictOf(
    `Variance grows by a larger factor for ${noisy} than for DropKey`,
    later.map(({ rate }) => rate),
    later.filter((_, i) => growth[i + 1]!.low > 0).map(({ rate }) => rate),
    `from p = ${first.rate} to ${last.rate} it grows by ${grown("noisy")} against ` +
      `${grown("quiet")}, ${factor} (${from} to ${to}) times as much`,
  );
}
