/**
 * Data-to-text generation (E2E, WebNLG): sequences of context, separator and reference; loss,
 * perplexity and BLEU of what is generated.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { OptionError } from "../../core/errors.ts";
import { countTargets, type EncodedExample } from "../../nn/layers/batch.ts";
import type { Model } from "../../nn/models/model.ts";
import { groupByContext, type TextExample, type TextGroup } from "../data/text_example.ts";
import { shortExcerpt } from "../data/text.ts";
import { textMetrics } from "../metrics/metric_table.ts";
import { checkIds, checkPadding } from "./check_ids.ts";
import { batchLengths } from "./classification.ts";
import {
  continueAll,
  type GenerationSettings,
  promptOf,
  promptsOf,
  rehearseWriting,
} from "./continuation.ts";
import { type Collect, textPrediction } from "./prediction.ts";
import { progressOf } from "./progress.ts";
import type { EvaluationOptions, Metrics, Task } from "./task.ts";
import {
  exampleLosses,
  meanLosses,
  rehearseLosses,
  sumOf,
  type TokenLosses,
} from "./token_losses.ts";

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
      const { final, sampling, collect, group } = options;
      const numbers = settings.dev.map(({ index }) => index);
      const onRead = progressOf("evaluating", dev.encoded.length, options);
      const reading = { padId: frame.padId, batch, numbers, sampling, onRead, group };
      const totals = await exampleLosses(model, device, dev.encoded, reading);
      const { loss, nll } = meanLosses(totals, dev.encoded);
      const isWritten = sampling === undefined && final && groups.length > 0;
      const contexts = isWritten ? groups.map(({ context }) => context) : [];
      const onWritten = progressOf("generating", contexts.length, options);
      const named = { ...settings, path: paths?.dev, onWritten, group };
      const outputs = isWritten ? await continueAll(model, device, contexts, named) : [];
      if (collect !== undefined) collectTexts(settings.dev, { totals, outputs, ...dev }, collect);
      if (sampling !== undefined) return { loss, nll, perplexity: Math.exp(nll) };
      const metrics: Metrics = { loss, perplexity: Math.exp(loss) };
      return isWritten ? { ...metrics, ...scoreOutputs(outputs, groups) } : metrics;
    },
    async rehearse(model: Model, device: Device, batch: number) {
      await rehearseLosses(model, device, dev.encoded, { padId: frame.padId, batch });
      if (groups.length === 0) return;
      const { prompts, ...rest } = promptsOf(groups.map(({ context }) => context), settings);
      await rehearseWriting(model, device, prompts, { ...rest, batch });
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
