/**
 * Texts of one's own for causal models: completions of prompts, whole texts, conversations; loss and
 * perplexity of what is learned, and metrics of what is generated where that is asked for.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { OptionError } from "../../core/errors.ts";
import { countTargets, type EncodedExample } from "../../nn/layers/batch.ts";
import { countTokens, type TokenSpan } from "../../nn/layers/target_spans.ts";
import type { Model } from "../../nn/models/model.ts";
import type { OwnExample } from "../data/own_texts.ts";
import { checkIds, checkPadding } from "./check_ids.ts";
import { batchLengths } from "./classification.ts";
import { continueTokens, type PromptSettings, rehearseWriting } from "./continuation.ts";
import { scoreOutputs } from "./generation.ts";
import type { OwnPrompt, OwnTokenizer } from "./own_prompts.ts";
import { type Collect, textPrediction } from "./prediction.ts";
import { progressOf } from "./progress.ts";
import type { EvaluationOptions, Metrics, Task } from "./task.ts";
import { exampleLosses, meanLosses, rehearseLosses, type TokenLosses } from "./token_losses.ts";

/** Settings of {@linkcode ownTextTask}. */
export interface OwnTextSettings extends Omit<PromptSettings, "eosIds"> {
  /** Name of the task. */
  readonly name: string;
  /** Training examples. */
  readonly train: readonly OwnExample[];
  /** Examples that are evaluated. */
  readonly dev: readonly OwnExample[];
  /** Turns texts into tokens. */
  readonly own: OwnTokenizer;
  /** Most tokens in a sequence. */
  readonly maxLength: number;
  /** Examples with a reference to generate for at the end; none where absent. */
  readonly generate?: number | undefined;
}

/** Texts of a split as tokens, those that have something to learn. */
interface EncodedTexts {
  readonly kept: readonly OwnExample[];
  readonly encoded: readonly EncodedExample[];
  /** Sequences that lost tokens. */
  readonly cut: number;
  readonly notes: readonly string[];
}

/** Makes a task of the user's own texts. */
export function ownTextTask(settings: OwnTextSettings): Task {
  const { own, batch, name } = settings;
  const train = encodeTexts(settings.train, settings, "training");
  const dev = encodeTexts(settings.dev, settings, "evaluation");
  checkPadding(own.padId, batchLengths(dev.encoded, batch), settings);
  const prompts = dev.kept.map((example) => own.prompt(example));
  const written = [...prompts.keys()].filter((i) => prompts[i]!.reference !== undefined)
    .slice(0, settings.generate ?? 0);
  for (const i of written) own.continued(dev.kept[i]!); // refused before a run, not at its end
  const writing = { ...settings, eosIds: [...settings.config.eosIds, ...own.endIds] };
  const dated = own.chat?.isDated ? ["the chat template may write the date of today"] : [];
  return {
    name,
    labels: 0,
    classes: [],
    regression: false,
    train: train.encoded,
    dev: dev.encoded,
    cut: train.cut,
    padId: own.padId,
    primary: "loss",
    costly: written.length > 0,
    notes: [...dated, ...train.notes, ...dev.notes],
    async evaluate(model: Model, device: Device, options: EvaluationOptions) {
      const { final, sampling, collect, group } = options;
      const numbers = dev.kept.map(({ index }) => index);
      const onRead = progressOf("evaluating", dev.encoded.length, options);
      const reading = { padId: own.padId, batch, numbers, sampling, onRead, group };
      const totals = await exampleLosses(model, device, dev.encoded, reading);
      const { loss, nll } = meanLosses(totals, dev.encoded);
      const places = sampling === undefined && final ? written : [];
      const onWritten = progressOf("generating", places.length, options);
      const chosen = places.map((i) => prompts[i]!);
      const outputs = await continueTokens(model, device, chosen.map(({ ids }) => ids), {
        ...writing,
        onWritten,
        group,
      });
      if (collect !== undefined) collectTexts({ prompts, totals, places, outputs, dev }, collect);
      if (sampling !== undefined) return { loss, nll, perplexity: Math.exp(nll) };
      const metrics: Metrics = { loss, perplexity: Math.exp(loss) };
      if (places.length === 0) return metrics;
      const groups = chosen.map(({ text, reference }) => ({
        context: text,
        references: [reference!.trim()],
      }));
      return { ...metrics, ...scoreOutputs(outputs, groups) };
    },
    async rehearse(model: Model, device: Device, batch: number) {
      await rehearseLosses(model, device, dev.encoded, { padId: own.padId, batch });
      const asked = written.map((i) => prompts[i]!.ids);
      await rehearseWriting(model, device, asked, { ...writing, batch });
    },
  };
}

/**
 * Turns texts into tokens, of which the first are kept.
 *
 * @throws {OptionError} If none has anything to learn
 */
function encodeTexts(
  examples: readonly OwnExample[],
  { own, maxLength, config, tokenizer }: OwnTextSettings,
  kind: string,
): EncodedTexts {
  const kept: OwnExample[] = [];
  const encoded: EncodedExample[] = [];
  const count = { cut: 0, merged: 0, targets: 0, lost: 0 };
  for (const example of examples) {
    const { ids: all, spans, isMerged } = own.encode(example);
    const ids = all.slice(0, maxLength);
    const name = `example ${example.index}`;
    checkIds({ ids }, { config, tokenizer }, { place: () => placeOf(example), name });
    const predictSpans = cutSpans(spans, maxLength);
    const targets = countTokens(spans);
    count.cut += all.length > maxLength ? 1 : 0;
    count.merged += isMerged ? 1 : 0;
    count.targets += targets;
    count.lost += targets - countTokens(predictSpans);
    if (countTokens(predictSpans) === 0) continue;
    kept.push(example);
    encoded.push({ ids, predictSpans });
  }
  const of = `${examples.length} ${kind} examples`;
  if (examples.length > 0 && kept.length === 0) {
    throw new OptionError(
      `Cannot use the ${of} as one with a token to predict within --max-length ${maxLength} is ` +
        "required: found none",
    );
  }
  const notes: string[] = [];
  if (count.cut > 0) {
    notes.push(
      `${count.cut} of ${of} are cut to ${maxLength} tokens: ${count.lost} of ${count.targets} ` +
        "predicted tokens are lost",
    );
  }
  const dropped = examples.length - kept.length;
  if (dropped > 0) notes.push(`${dropped} of ${of} are left out as no token to predict remains`);
  if (count.merged > 0) {
    notes.push(`${count.merged} of ${of} have a token that is of the prompt and the completion`);
  }
  return { kept, encoded, cut: count.cut, notes };
}

function placeOf({ row }: OwnExample) {
  return row && { path: row.path, row: row.row, line: row.line };
}

/** What of spans is within the first tokens. */
function cutSpans(spans: readonly TokenSpan[], length: number): TokenSpan[] {
  return spans.filter(([start]) => start < length)
    .map(([start, end]) => [start, Math.min(end, length)] as const);
}

/** Hands on what is written for each example, with the mean loss of what is learned of it. */
function collectTexts(
  { prompts, totals, places, outputs, dev }: {
    readonly prompts: readonly OwnPrompt[];
    readonly totals: readonly TokenLosses[];
    readonly places: readonly number[];
    readonly outputs: readonly string[];
    readonly dev: EncodedTexts;
  },
  collect: Collect,
): void {
  for (const [i, { text, reference }] of prompts.entries()) {
    const references = reference === undefined ? [] : [reference];
    const generated = outputs[places.indexOf(i)];
    const loss = totals[i]!.loss / countTargets([dev.encoded[i]!]);
    collect(textPrediction({ context: text, references }, i, { generated, loss }));
  }
}
