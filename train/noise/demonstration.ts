/**
 * The demonstration's base model and task as what is measured.
 *
 * @module
 */

import { foldKey, type Key, seedKey } from "../../core/random.ts";
import type { Model } from "../../nn/models/model.ts";
import { grammarDataset } from "../data/grammar.ts";
import { baseConfig, baseTokenizer } from "../demo/base.ts";
import { encodeExamples } from "../tasks/encode_examples.ts";
import { paddingOf } from "../tasks/special_tokens.ts";
import { drawExamples, type Subject } from "./subject.ts";

/** Model and data as titles say them. */
export const demonstrationName = "the demonstration's base model and grammar task";

/** Training examples that the demonstration draws from; the same as in training. */
const demonstration = { train: 256, dev: 500, noise: 0.25 } as const;

/** Which examples of the demonstration are measured. */
export interface DemonstrationOptions {
  /** Examples. */
  readonly batch: number;
  /** Seed of the head and of the choice of examples. */
  readonly seed: number;
  /** Most tokens in a sequence; default all that the model takes. */
  readonly maxLength?: number;
}

/**
 * Opens the base model and draws training examples.
 *
 * @param open Opens the base model, of which the key draws the head
 * @throws {OptionError} If there are fewer examples than the batch asks for
 */
export async function demonstrationSubject(
  open: (key: Key) => Promise<Model>,
  { batch, seed, maxLength = baseConfig.maxPositions }: DemonstrationOptions,
): Promise<Subject> {
  const tokenizer = baseTokenizer();
  const { train } = grammarDataset({ ...demonstration, seed });
  const examples = encodeExamples(train, { config: baseConfig, tokenizer, maxLength });
  const drawn = drawExamples(examples, { batch, seed });
  const model = await open(foldKey(seedKey(seed), "initialisation"));
  const padId = paddingOf(tokenizer);
  const name = demonstrationName;
  return { model, config: baseConfig, regression: false, padId, name, ...drawn };
}
