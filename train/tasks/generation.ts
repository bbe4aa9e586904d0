/**
 * Data-to-text generation (E2E, WebNLG): sequences of context, separator and reference; loss,
 * perplexity and BLEU of what is generated.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { NumericError, OptionError } from "../../core/errors.ts";
import { generate } from "../../nn/generation/generate.ts";
import type { TokenSampling } from "../../nn/generation/sample.ts";
import { countTargets, type EncodedExample } from "../../nn/layers/batch.ts";
import type { Model, ModelConfig } from "../../nn/models/model.ts";
import { targetLosses } from "../../nn/objective/target_chunks.ts";
import type { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import type { BeamConfig } from "../config/beam_options.ts";
import { batchesByLength } from "../data/batches.ts";
import { groupByContext, type TextExample, type TextGroup } from "../data/text_example.ts";
import { shortExcerpt } from "../data/text.ts";
import { sortedMean } from "../metrics/calibration.ts";
import { textMetrics } from "../metrics/metric_table.ts";
import { logMeanExp } from "../metrics/predictive.ts";
import { checkIds, checkPadding } from "./check_ids.ts";
import { batchLengths } from "./classification.ts";
import { whereNonFinite } from "./finite_logits.ts";
import { type Collect, textPrediction } from "./prediction.ts";
import { progressOf } from "./progress.ts";
import { passesOf, readBatch, type Reading } from "./sampling.ts";
import type { SpecialTokens } from "./special_tokens.ts";
import type { EvaluationOptions, Metrics, Task } from "./task.ts";

/** Tokens that a reference is generated from: the context, then bos. */
export function promptOf(
  context: string,
  tokenizer: Tokenizer,
  { bosId }: SpecialTokens,
): number[] {
  return [...tokenizer.encode(context, undefined, { special: false }).ids, bosId];
}

/** Tokenises examples: context, bos, a space and the reference, eos. The loss is on what follows bos. */
function encodeReferences(
  examples: readonly TextExample[],
  { tokenizer, frame, config, maxLength }: TaskSettings,
  path: string | undefined,
): { encoded: EncodedExample[]; cut: number } {
  let cut = 0;
  const encoded = examples.map(({ context, reference, index }): EncodedExample => {
    if (reference === undefined) {
      throw new OptionError(`Cannot train on example ${index} without a reference`);
    }
    const prompt = promptOf(context, tokenizer, frame);
    const answer = tokenizer.encode(` ${reference}`, undefined, { special: false }).ids;
    const ids = [...prompt, ...answer, frame.eosId];
    if (ids.length > maxLength) cut++;
    if (prompt.length >= maxLength) {
      throw new OptionError(
        `Cannot fit example ${index} as its context takes ${prompt.length} of ${maxLength} tokens`,
      );
    }
    const kept = ids.slice(0, maxLength);
    const name = `example ${index}, ${shortExcerpt(context)}`;
    checkIds({ ids: kept }, { config, tokenizer }, { path, name });
    return { ids: kept, predictFrom: prompt.length };
  });
  return { encoded, cut };
}

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

function meanLosses(totals: readonly TokenLosses[], examples: readonly EncodedExample[]) {
  const perToken = examples.length / countTargets(examples);
  return {
    loss: sortedMean(totals.map(({ loss }) => loss)) * perToken,
    nll: sortedMean(totals.map(({ nll }) => nll)) * perToken,
  };
}

/** Losses of each example, in their order, as sums over its target tokens. */
async function exampleLosses(
  model: Model,
  device: Device,
  examples: readonly EncodedExample[],
  reading: Reading,
): Promise<TokenLosses[]> {
  const lengths = examples.map(({ ids }) => ids.length);
  const totals = new Array<TokenLosses>(examples.length);
  let done = 0;
  for (const members of batchesByLength(lengths, reading.batch)) {
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
    for (const [row, text] of texts.entries()) {
      const end = start + countTargets([text]);
      const tokens = passes[0]!.slice(start, end).map((_, t) => passes.map((p) => p[start + t]!));
      totals[members[row]!] = {
        loss: sumOf(tokens.map((losses) => sumOf(losses) / losses.length)),
        nll: sumOf(tokens.map((losses) => -logMeanExp(losses.map((loss) => -loss)))),
      };
      start = end;
    }
    reading.onRead?.(done += members.length);
  }
  return totals;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Continuations of contexts, in their order. */
export async function continueAll(
  model: Model,
  device: Device,
  contexts: readonly string[],
  settings: GenerationSettings,
): Promise<string[]> {
  const { tokenizer, frame, config, newTokens, search, batch } = settings;
  const { beams, lengthPenalty, noRepeatNgram, repetitionPenalty } = search;
  const convention = search.beamConvention;
  const prompts = contexts.map((context) => promptOf(context, tokenizer, frame));
  prompts.forEach((ids, i) => {
    const name = `context ${i}, ${shortExcerpt(contexts[i])}`;
    checkIds({ ids }, settings, { path: settings.path, name });
  });
  const results = new Array<string>(contexts.length);
  const lengths = prompts.map((prompt) => prompt.length);
  const eosIds = [...config.eosIds, frame.eosId];
  // The LoRA recipe also ends texts at a blank line, which is one token of GPT-2.
  const blank = tokenizer.encode("\n\n", undefined, { special: false }).ids;
  let done = 0;
  if (convention === "lora" && blank.length === 1) eosIds.push(blank[0]!);
  for (const members of batchesByLength(lengths, batch)) {
    const made = await generate(model, device, members.map((i) => prompts[i]!), {
      newTokens,
      eosIds,
      positions: config.maxPositions,
      beams,
      lengthPenalty,
      noRepeatNgram,
      repetitionPenalty,
      beamConvention: convention,
      numbers: members,
      ...(settings.sampling && { sampling: settings.sampling }),
    });
    members.forEach((i, row) => {
      const text = tokenizer.decode(made[row]!.ids);
      results[i] = (convention === "lora" ? text.split("\n\n")[0]! : text).trim();
    });
    settings.onWritten?.(done += members.length);
  }
  return results;
}

/** What generation needs beside the model. */
export interface GenerationSettings {
  /** The base model's tokenizer. */
  readonly tokenizer: Tokenizer;
  /** Tokens that separate, end and pad sequences. */
  readonly frame: SpecialTokens;
  /** Sizes of the model, of which the most positions and the end tokens count here. */
  readonly config: ModelConfig;
  /** Most tokens that are added to a context. */
  readonly newTokens: number;
  /** Beams and penalties of the search. */
  readonly search: BeamConfig;
  /** Contexts that are continued together; changes speed and memory alone. */
  readonly batch: number;
  /** Draws tokens, by a number of each context, its place; default none. */
  readonly sampling?: TokenSampling | undefined;
  /** File that the contexts were read from, for messages. */
  readonly path?: string | undefined;
  /** Called after each batch with the number of texts written so far. */
  readonly onWritten?: ((done: number) => void) | undefined;
}

/** Settings of {@linkcode generationTask}. */
export interface TaskSettings extends GenerationSettings {
  /** Name as the benchmark prints it, for logs and the model card. */
  readonly name: string;
  /** Training examples, one a reference. */
  readonly train: readonly TextExample[];
  /** Examples that are evaluated, several a context. */
  readonly dev: readonly TextExample[];
  /** Most tokens in a sequence, context and reference together. */
  readonly maxLength: number;
  /** Where the examples were read, for messages. */
  readonly paths?: { readonly train: string; readonly dev: string };
  /** Contexts to generate for at the end; all where absent. */
  readonly generate?: number | undefined;
}

/** Makes a task of contexts and references. */
export function generationTask(settings: TaskSettings): Task {
  const { frame, maxLength, batch, paths } = settings;
  const train = encodeReferences(settings.train, settings, paths?.train);
  const dev = encodeReferences(settings.dev, settings, paths?.dev);
  checkPadding(frame.padId, batchLengths(dev.encoded, batch), settings);
  const groups = groupByContext(settings.dev).slice(0, settings.generate);
  const cut = train.cut + dev.cut;
  return {
    name: settings.name,
    labels: 0,
    classes: [],
    regression: false,
    train: train.encoded,
    dev: dev.encoded,
    cut: train.cut,
    padId: frame.padId,
    primary: "loss",
    costly: groups.length > 0,
    notes: cut > 0 ? [`${cut} sequences are cut to ${maxLength} tokens`] : [],
    async evaluate(model: Model, device: Device, options: EvaluationOptions) {
      const { final, sampling, collect } = options;
      const numbers = settings.dev.map(({ index }) => index);
      const onRead = progressOf("evaluating", dev.encoded.length, options);
      const reading = { padId: frame.padId, batch, numbers, sampling, onRead };
      const totals = await exampleLosses(model, device, dev.encoded, reading);
      const { loss, nll } = meanLosses(totals, dev.encoded);
      const isWritten = sampling === undefined && final && groups.length > 0;
      const contexts = isWritten ? groups.map(({ context }) => context) : [];
      const onWritten = progressOf("generating", contexts.length, options);
      const named = { ...settings, path: paths?.dev, onWritten };
      const outputs = isWritten ? await continueAll(model, device, contexts, named) : [];
      if (collect !== undefined) collectTexts(settings.dev, { totals, outputs, ...dev }, collect);
      if (sampling !== undefined) return { loss, nll, perplexity: Math.exp(nll) };
      const metrics: Metrics = { loss, perplexity: Math.exp(loss) };
      return isWritten ? { ...metrics, ...scoreOutputs(outputs, groups) } : metrics;
    },
  };
}

/** Hands on what is written for each distinct input, with the mean loss of its references' tokens. */
function collectTexts(
  examples: readonly TextExample[],
  { totals, encoded, outputs }: {
    readonly totals: readonly TokenLosses[];
    readonly encoded: readonly EncodedExample[];
    readonly outputs: readonly string[];
  },
  collect: Collect,
): void {
  const places = Map.groupBy(examples.keys(), (i) => examples[i]!.context);
  for (const [number, group] of groupByContext(examples).entries()) {
    const own = places.get(group.context)!;
    const targets = countTargets(own.map((i) => encoded[i]!));
    const loss = sumOf(own.map((i) => totals[i]!.loss)) / targets;
    collect(textPrediction(group, number, { generated: outputs[number], loss }));
  }
}

/** The text metrics of all outputs and, where the data have several parts, of each part. */
export function scoreOutputs(outputs: readonly string[], groups: readonly TextGroup[]): Metrics {
  const rows = groups.map(({ references, part }, i) => ({ output: outputs[i]!, references, part }));
  const parts = [...Map.groupBy(rows, ({ part }) => part)];
  const own = parts.map(([part, members]) => ({ suffix: `_${part}`, members }));
  const sets = [{ suffix: "", members: rows }, ...(parts.length > 1 ? own : [])];
  const scores = Object.entries(textMetrics).flatMap(([name, { compute }]) =>
    sets.map(({ suffix, members }) => {
      const lists = members.map(({ references }) => references);
      return [`${name}${suffix}`, compute(members.map(({ output }) => output), lists)] as const;
    })
  );
  return Object.fromEntries(scores);
}
