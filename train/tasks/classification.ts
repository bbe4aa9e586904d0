/**
 * Classification and regression tasks: encoding of texts, logits of many examples, GLUE metrics.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { OptionError } from "../../core/errors.ts";
import type { EncodedExample } from "../../nn/layers/batch.ts";
import type { Model, ModelConfig } from "../../nn/models/model.ts";
import type { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import { largestBatches } from "../data/batch_sizes.ts";
import { batchesByLength } from "../data/batches.ts";
import type { Example } from "../data/example.ts";
import { shareOut } from "../distributed/share_out.ts";
import { classDistribution, scoreDistribution } from "../metrics/predictive.ts";
import { checkPadding } from "./check_ids.ts";
import { encodeExamples, type EncodingRules } from "./encode_examples.ts";
import { finiteLogits } from "./finite_logits.ts";
import { classificationMetrics, regressionMetrics } from "./label_metrics.ts";
import type { LabelledData, LabelledKind } from "./labelled.ts";
import { classPrediction, scorePrediction } from "./prediction.ts";
import { progressOf } from "./progress.ts";
import { passesOf, readBatch, type Reading } from "./sampling.ts";
import { paddingOf } from "./special_tokens.ts";
import type { EvaluationOptions, Task } from "./task.ts";

/** Examples that lost tokens: of the longest ones, those that are longer without a limit. */
function countCut(
  examples: readonly Example[],
  encoded: readonly EncodedExample[],
  { tokenizer, maxLength }: Pick<EncodingRules, "tokenizer" | "maxLength">,
): number {
  return examples.filter(({ textA, textB }, i) =>
    encoded[i]!.ids.length === maxLength && tokenizer.encode(textA, textB).ids.length > maxLength
  ).length;
}

/**
 * What is made of the logits of each example, in their order, computed in batches of similar length.
 *
 * @param summarise From the logits of one example, `[passes][classes]`
 * @throws {NumericError} If one is NaN or infinite
 */
export async function classifyAll<T>(
  model: Model,
  device: Device,
  examples: readonly EncodedExample[],
  reading: Reading,
  summarise: (passes: readonly (readonly number[])[]) => T,
): Promise<T[]> {
  const results = new Array<T>(examples.length);
  const lengths = examples.map(({ ids }) => ids.length);
  let done = 0;
  const read = async (members: readonly number[]) => {
    using _scope = device.scope("classify");
    // Without labels, which no logits depend on.
    const texts = members.map((i) => ({ ...examples[i]!, label: undefined }));
    const batch = readBatch(device, texts, members, reading);
    const passes: Awaited<ReturnType<typeof finiteLogits>>[] = [];
    for (const context of passesOf(batch, reading.sampling)) {
      using _pass = device.scope("pass");
      passes.push(
        await finiteLogits(model, device, context, (row) => `example ${members[row]!}`),
      );
    }
    const width = passes[0]!.length / members.length;
    return members.map((_, row) => passes.map((p) => [...p.slice(row * width, (row + 1) * width)]));
  };
  await shareOut(reading.group, batchesByLength(lengths, reading.batch), read, (members, made) => {
    members.forEach((i, row) => results[i] = summarise(made[row]!));
    reading.onRead?.(done += members.length);
  });
  return results;
}

/** Lengths of the sequences that {@linkcode classifyAll} reads together. */
export function batchLengths(examples: readonly EncodedExample[], batch: number): number[][] {
  const lengths = examples.map(({ ids }) => ids.length);
  return batchesByLength(lengths, batch).map((members) => members.map((i) => lengths[i]!));
}

/** Settings of {@linkcode classificationTask}. */
export interface ClassificationSettings {
  /** Name, classes and metrics of the task. */
  readonly kind: LabelledKind;
  /** Training examples, before tokenisation. */
  readonly train: readonly Example[];
  /** Examples that are evaluated; all must have labels. */
  readonly dev: readonly Example[];
  /** The base model's tokenizer. */
  readonly tokenizer: Tokenizer;
  /** Most tokens in a sequence, special tokens included. */
  readonly maxLength: number;
  /** Sizes of the model that reads the texts. */
  readonly config: ModelConfig;
  /** Where the examples were read, for messages. */
  readonly places?: LabelledData["places"];
  /** Examples in an evaluation batch; changes speed and memory alone. */
  readonly batch: number;
}

/**
 * Makes a task of labelled examples.
 *
 * @throws {FileError} If a token or segment has no row in the model's table
 */
export function classificationTask(settings: ClassificationSettings): Task {
  const { kind, train, dev, tokenizer, config, batch, places } = settings;
  const regression = kind.labels.length === 0;
  const padId = paddingOf(tokenizer);
  const encoded = encodeExamples(dev, { ...settings, places: places?.dev });
  checkPadding(padId, batchLengths(encoded, batch), { config, tokenizer });
  const encodedTrain = encodeExamples(train, { ...settings, places: places?.train });
  return {
    name: kind.title,
    labels: regression ? 1 : kind.labels.length,
    classes: kind.labels,
    regression,
    train: encodedTrain,
    dev: encoded,
    cut: countCut(train, encodedTrain, settings),
    padId,
    primary: kind.primaryMetric,
    costly: false,
    notes: overlap(train, dev),
    async evaluate(model: Model, device: Device, options: EvaluationOptions) {
      const { sampling, collect, group } = options;
      const numbers = dev.map(({ index }) => index);
      const onRead = progressOf("evaluating", dev.length, options);
      const reading = { padId, batch, numbers, sampling, onRead, group };
      const read = <T>(summarise: (passes: readonly (readonly number[])[]) => T) =>
        classifyAll(model, device, encoded, reading, summarise);
      const labels = labelsOf(dev);
      const isSampled = sampling !== undefined;
      if (regression) {
        const scores = await read(scoreDistribution);
        scores.forEach((score, i) => collect?.(scorePrediction(dev[i]!, score)));
        return regressionMetrics(kind.metrics, scores, labels, isSampled);
      }
      const found = await read(classDistribution);
      found.forEach((one, i) => collect?.(classPrediction(dev[i]!, one, kind.labels)));
      return classificationMetrics(kind.metrics, found, labels, isSampled);
    },
    async rehearse(model: Model, device: Device, batch: number) {
      for (const numbers of largestBatches(encoded.map(({ ids }) => ids.length), batch)) {
        const examples = numbers.map((i) => encoded[i]!);
        await classifyAll(model, device, examples, { padId, batch, numbers }, () => {});
      }
    },
  };
}

/**
 * The labels of examples.
 *
 * @throws {OptionError} If an example has no label
 */
export function labelsOf(examples: readonly Example[]): number[] {
  return examples.map(({ label, index }) => {
    if (label !== undefined) return label;
    throw new OptionError(`Cannot score example ${index} as it has no label`);
  });
}

/** What published data repeat: duplicates are kept, as published scores include them. */
function overlap(train: readonly Example[], dev: readonly Example[]): string[] {
  const key = ({ textA, textB }: Example) => `${textA}\t${textB ?? ""}`;
  const seen = new Set(train.map(key));
  const duplicates = train.length - seen.size;
  const shared = dev.filter((example) => seen.has(key(example))).length;
  const notes: string[] = [];
  if (duplicates > 0) notes.push(`${duplicates} training examples are duplicates, kept`);
  if (shared > 0) notes.push(`${shared} development examples also occur in the training data`);
  return notes;
}
