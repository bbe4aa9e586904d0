/**
 * Losses of the tokens that a language model is to predict.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { NumericError } from "../../core/errors.ts";
import { countTargets, type EncodedExample } from "../../nn/layers/batch.ts";
import type { Model } from "../../nn/models/model.ts";
import { targetLosses } from "../../nn/objective/target_chunks.ts";
import { largestBatches } from "../data/batch_sizes.ts";
import { batchesByLength } from "../data/batches.ts";
import { shareOut } from "../distributed/share_out.ts";
import { sortedMean } from "../metrics/calibration.ts";
import { logMeanExp } from "../metrics/predictive.ts";
import { whereNonFinite } from "./finite_logits.ts";
import { passesOf, readBatch, type Reading } from "./sampling.ts";

/** Losses of a language model, each a mean over target tokens, in nats, without smoothing. */
export interface TokenLosses {
  /** Mean cross-entropy of the passes. */
  readonly loss: number;
  /** Cross-entropy of their mean distribution; the same where there is one pass. */
  readonly nll: number;
}

/**
 * Cross-entropy of the target tokens of all examples.
 *
 * @throws {NumericError} If it is NaN or infinite
 */
export async function tokenLosses(
  model: Model,
  device: Device,
  examples: readonly EncodedExample[],
  reading: Reading,
): Promise<TokenLosses> {
  return meanLosses(await exampleLosses(model, device, examples, reading), examples);
}

/** Means over the target tokens of all examples, from the sums of each. */
export function meanLosses(
  totals: readonly TokenLosses[],
  examples: readonly EncodedExample[],
): TokenLosses {
  const perToken = examples.length / countTargets(examples);
  return {
    loss: sortedMean(totals.map(({ loss }) => loss)) * perToken,
    nll: sortedMean(totals.map(({ nll }) => nll)) * perToken,
  };
}

/** Losses of each example, in their order, as sums over its target tokens. */
export async function exampleLosses(
  model: Model,
  device: Device,
  examples: readonly EncodedExample[],
  reading: Reading,
): Promise<TokenLosses[]> {
  const lengths = examples.map(({ ids }) => ids.length);
  const totals = new Array<TokenLosses>(examples.length);
  let done = 0;
  const read = async (members: readonly number[]) => {
    using _scope = device.scope("token loss");
    const texts = members.map((i) => examples[i]!);
    const batch = readBatch(device, texts, members, reading);
    const passes: number[][] = [];
    for (const context of passesOf(batch, reading.sampling)) {
      using _pass = device.scope("pass");
      const losses = targetLosses(model, context);
      passes.push([...await losses.read() as Float32Array]);
      const found = passes.at(-1)!.find((loss) => !Number.isFinite(loss));
      if (found === undefined) continue;
      const where = await whereNonFinite(model, device, context);
      throw new NumericError(
        `Cannot evaluate example ${members[0]!} and those of its batch as their loss must be ` +
          `finite: found ${found}, which begins in ${where}`,
      );
    }
    let start = 0;
    return texts.map((text) => {
      const end = start + countTargets([text]);
      const tokens = passes[0]!.slice(start, end).map((_, t) => passes.map((p) => p[start + t]!));
      start = end;
      return {
        loss: sumOf(tokens.map((losses) => sumOf(losses) / losses.length)),
        nll: sumOf(tokens.map((losses) => -logMeanExp(losses.map((loss) => -loss)))),
      };
    });
  };
  await shareOut(reading.group, batchesByLength(lengths, reading.batch), read, (members, made) => {
    members.forEach((i, row) => totals[i] = made[row]!);
    reading.onRead?.(done += members.length);
  });
  return totals;
}

/** The sum of numbers, in their order. */
export function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Losses of the batches that may take most memory of those that {@linkcode exampleLosses} reads. */
export async function rehearseLosses(
  model: Model,
  device: Device,
  examples: readonly EncodedExample[],
  { padId, batch }: Pick<Reading, "padId" | "batch">,
): Promise<void> {
  const lengths = examples.map(({ ids }) => ids.length);
  const targets = examples.map((example) => countTargets([example]));
  for (const numbers of largestBatches(lengths, batch, targets)) {
    const members = numbers.map((i) => examples[i]!);
    await exampleLosses(model, device, members, { padId, batch, numbers });
  }
}
