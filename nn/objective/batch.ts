/**
 * From token lists on the host to labelled batches on the device.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { Device } from "../../core/device.ts";
import { tensor } from "../../core/tensor.ts";
import type { Batch } from "./objective.ts";
import { type Sequences, toInputs } from "../layers/forward_context.ts";

/** A tokenised example. */
export interface EncodedExample {
  /** Tokens. */
  readonly ids: readonly number[];
  /** Segment of each token; zeros where absent. */
  readonly typeIds?: readonly number[];
  /** Class or score; absent for language models and test files. */
  readonly label?: number | undefined;
  /** Language models: the first token that is predicted; it and all later ones count. */
  readonly predictFrom?: number;
}

/** Pads sequences on the right to the longest. */
export function pad(examples: readonly EncodedExample[], padId: number): Sequences {
  const width = Math.max(...examples.map(({ ids }) => ids.length));
  const ids = new Uint32Array(examples.length * width).fill(padId);
  const typeIds = new Uint32Array(examples.length * width);
  examples.forEach((example, b) => {
    ids.set(example.ids, b * width);
    if (example.typeIds !== undefined) typeIds.set(example.typeIds, b * width);
  });
  return { ids, typeIds, lengths: examples.map((example) => example.ids.length), width };
}

/** Number of losses a batch sums: examples, or target tokens of language models. */
export function countTargets(examples: readonly EncodedExample[]): number {
  return examples.reduce((sum, { ids, predictFrom }) => {
    return sum + (predictFrom === undefined ? 1 : ids.length - predictFrom);
  }, 0);
}

/**
 * Puts a batch on the device.
 *
 * @param numbers Place of each example in the global batch: masks follow it, not the layout
 * @param regression Whether labels are scores
 * @throws {OptionError} If an example lacks its label, or predicts its first token
 */
export function toBatch(
  device: Device,
  examples: readonly EncodedExample[],
  numbers: readonly number[],
  padId: number,
  regression = false,
): Batch {
  const inputs = toInputs(device, pad(examples, padId));
  const counters = (pass: number) =>
    tensor(device, numbers.map((n) => 2 * n + pass), undefined, "u32");
  const pair = [counters(0), counters(1)] as const;
  if (examples.every(({ predictFrom }) => predictFrom === undefined)) {
    const labels = examples.map(({ label }, b) => {
      if (label === undefined) {
        throw new OptionError(`Cannot train on example ${b} without a label`);
      }
      return label;
    });
    const dtype = regression ? device.float : "u32";
    return { inputs, examples: pair, labels: tensor(device, labels, undefined, dtype) };
  }
  const rows: number[] = [];
  const labels: number[] = [];
  examples.forEach(({ ids, predictFrom = ids.length }, b) => {
    if (predictFrom < 1) throw new OptionError(`Cannot predict the first token of example ${b}`);
    for (let i = predictFrom; i < ids.length; i++) {
      rows.push(b * inputs.width + i - 1);
      labels.push(ids[i]!);
    }
  });
  const words = (data: number[]) => tensor(device, data, undefined, "u32");
  return { inputs, examples: pair, labels: words(labels), rows: words(rows) };
}
