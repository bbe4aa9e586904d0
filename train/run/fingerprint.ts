/**
 * Fingerprints of data as a model sees them: tokens, segments and labels in their order.
 *
 * @module
 */

import type { EncodedExample } from "../../nn/layers/batch.ts";

/** What tells the data of a run from others; names are those of run.json. */
export interface DataFingerprints {
  /** Of the training examples. */
  readonly trainingData: string;
  /** Of the examples that are evaluated. */
  readonly developmentData: string;
}

/** The fingerprints of a run's data. */
export async function dataFingerprints(
  { train, dev }: {
    readonly train: readonly EncodedExample[];
    readonly dev: readonly EncodedExample[];
  },
): Promise<DataFingerprints> {
  return { trainingData: await fingerprint(train), developmentData: await fingerprint(dev) };
}

/** SHA-256 of examples, in hexadecimal digits behind `sha256-`. */
export async function fingerprint(examples: readonly EncodedExample[]): Promise<string> {
  const numbers: number[] = [];
  for (const { ids, typeIds = [], label, predictFrom, predictSpans = [] } of examples) {
    for (const list of [ids, typeIds]) numbers.push(list.length, ...list);
    numbers.push(label ?? NaN, predictFrom ?? NaN, ...predictSpans.flat());
  }
  const digest = await crypto.subtle.digest("SHA-256", Float64Array.from(numbers));
  return `sha256-${new Uint8Array(digest).toHex()}`;
}
