/**
 * What is measured: a model and one labelled batch, from disk or from the demonstration.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { OptionError } from "../../core/errors.ts";
import { foldKey, seedKey, threefry } from "../../core/random.ts";
import { type Batch, countTargets, type EncodedExample, toBatch } from "../../nn/layers/batch.ts";
import type { Model, ModelConfig } from "../../nn/models/model.ts";
import { type GivenConfig, resolveConfig, type TrainConfig } from "../config/config.ts";
import { planEpoch } from "../data/batches.ts";
import { grammarDataset } from "../data/grammar.ts";
import { baseConfig, baseTokenizer } from "../demo/base.ts";
import { openBase } from "../demo/base_file.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { openClassifier, openLanguageModel, readConfig } from "../run/load_model.ts";
import { loadTokenizer } from "../run/load_tokenizer.ts";
import { encodeExamples } from "../tasks/classification.ts";
import { maxSequenceLength, openTask } from "../tasks/open.ts";
import { paddingOf } from "../tasks/special_tokens.ts";

/** A model on the device, and the examples that it is measured on. */
export interface Subject {
  /** The model with its base weights, before training. */
  readonly model: Model;
  /** Sizes and kind of the model. */
  readonly config: ModelConfig;
  /** Training examples, drawn by the seed. */
  readonly examples: readonly EncodedExample[];
  /** Token that fills up shorter sequences. */
  readonly padId: number;
  /** Number of losses that these examples sum: their own, or their target tokens. */
  readonly normaliser: number;
  /** Whether labels are scores. */
  readonly regression: boolean;
  /** Model and data as the chart's title says them. */
  readonly name: string;
}

/** Which model is measured, and on how many examples. */
export interface SubjectOptions {
  /** Model, data and task; all or none, which is the demonstration. */
  readonly source?: Pick<TrainConfig, "model" | "data" | "task">;
  /** Examples. */
  readonly batch: number;
  /** Most tokens in a sequence; the task's usual limit where absent. */
  readonly maxLength?: number;
  /** Seed of the head and of the choice of examples. */
  readonly seed: number;
}

/** Training examples that the demonstration draws from; the same as in training. */
const demonstration = { train: 256, dev: 500, noise: 0.25 } as const;

/**
 * Opens a model, which the open scope owns, and draws training examples.
 *
 * @throws {OptionError} If there are fewer examples than the batch asks for
 * @throws {FileError} If a file is missing or malformed
 */
export async function openSubject(device: Device, options: SubjectOptions): Promise<Subject> {
  const { source, batch, maxLength, seed } = options;
  const key = foldKey(seedKey(seed), "initialisation");
  const limit: GivenConfig = maxLength === undefined ? {} : { maxLength };
  if (source === undefined) {
    const name = "the demonstration's base model and grammar task";
    const settings = { task: "rte", data: name, model: name } as const;
    const config = resolveConfig(settings, limit);
    const tokenizer = baseTokenizer();
    const { train } = grammarDataset({ ...demonstration, seed });
    const maxLength = maxSequenceLength(config, baseConfig);
    const examples = encodeExamples(train, { config: baseConfig, tokenizer, maxLength });
    const drawn = drawExamples(examples, { batch, seed });
    const model = await openBase(device, key);
    const padId = paddingOf(tokenizer);
    return { model, config: baseConfig, regression: false, padId, name, ...drawn };
  }
  const config = resolveConfig(source, limit, { devLimit: 1 });
  const { directory } = await resolveModel(source.model, "model");
  const architecture = await readConfig(directory);
  const task = await openTask(config, architecture, await loadTokenizer(directory));
  const { padId, regression } = task;
  const drawn = drawExamples(task.train, { batch, seed });
  const { model } = task.labels === 0
    ? await openLanguageModel(directory, device, key)
    : await openClassifier(directory, device, key, task.labels);
  const folder = source.model.replace(/\/+$/, "").split("/").at(-1);
  const name = `${folder} and ${task.name}`;
  return { model, config: architecture, regression, padId, name, ...drawn };
}

function drawExamples(
  examples: readonly EncodedExample[],
  { batch, seed }: Pick<SubjectOptions, "batch" | "seed">,
): Pick<Subject, "examples" | "normaliser"> {
  if (batch > examples.length) {
    throw new OptionError(
      `Cannot use --batch ${batch} as there are ${examples.length} training examples`,
    );
  }
  const key = foldKey(seedKey(seed), "order");
  let drawn = 0;
  const random = () => threefry(key, 0, drawn++)[0] / 2 ** 32;
  const lengths = examples.map(({ ids }) => ids.length);
  const [members = []] = planEpoch({ lengths, batch, bucket: false, shuffle: true, random });
  const chosen = members.map((i) => examples[i]!);
  return { examples: chosen, normaliser: countTargets(chosen) };
}

/**
 * A batch that holds the examples once for each of `count` masks, from mask `first` on. Masks follow
 * the numbers of examples, of which no two masks share one: what a mask drops depends on nothing else.
 *
 * **Shapes**: rows are mask by mask, example by example
 */
export function masksBatch(device: Device, subject: Subject, first: number, count: number): Batch {
  const { examples, padId, regression } = subject;
  const repeated = Array.from({ length: count }, () => examples).flat();
  const numbers = repeated.map((_, i) => first * examples.length + i);
  return toBatch(device, repeated, { numbers, padId, regression });
}
