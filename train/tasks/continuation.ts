/**
 * What a language model writes behind contexts.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { generate } from "../../nn/generation/generate.ts";
import type { TokenSampling } from "../../nn/generation/sample.ts";
import type { Model, ModelConfig } from "../../nn/models/model.ts";
import type { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import type { BeamConfig } from "../config/beam_options.ts";
import { largestBatches } from "../data/batch_sizes.ts";
import { batchesByLength } from "../data/batches.ts";
import { shortExcerpt } from "../data/text.ts";
import type { Group } from "../distributed/group.ts";
import { shareOut } from "../distributed/share_out.ts";
import { checkIds } from "./check_ids.ts";
import type { SpecialTokens } from "./special_tokens.ts";

/** Tokens that a reference is generated from: the context, then bos. */
export function promptOf(
  context: string,
  tokenizer: Tokenizer,
  { bosId }: SpecialTokens,
): number[] {
  return [...tokenizer.encode(context, undefined, { special: false }).ids, bosId];
}

/** Continuations of contexts, in their order. */
export async function continueAll(
  model: Model,
  device: Device,
  contexts: readonly string[],
  settings: GenerationSettings,
): Promise<string[]> {
  const { prompts, ...rest } = promptsOf(contexts, settings);
  return await continueTokens(model, device, prompts, rest);
}

/** Prompts of contexts, and how they are continued. */
export function promptsOf(
  contexts: readonly string[],
  settings: GenerationSettings,
): PromptSettings & { readonly prompts: readonly (readonly number[])[] } {
  const { tokenizer, frame, config, search } = settings;
  const prompts = contexts.map((context) => promptOf(context, tokenizer, frame));
  prompts.forEach((ids, i) => {
    const name = `context ${i}, ${shortExcerpt(contexts[i])}`;
    checkIds({ ids }, settings, { path: settings.path, name });
  });
  // The LoRA recipe also ends texts at a blank line.
  const ending = search.beamConvention === "lora" ? "\n\n" : undefined;
  const eosIds = [...config.eosIds, frame.eosId];
  return { ...settings, eosIds, ending, prompts };
}

/** Continuations of prompts, in their order, without spaces around them. */
export async function continueTokens(
  model: Model,
  device: Device,
  prompts: readonly (readonly number[])[],
  settings: PromptSettings,
): Promise<string[]> {
  const { tokenizer, config, newTokens, search, batch, ending } = settings;
  const { beams, lengthPenalty, noRepeatNgram, repetitionPenalty, beamConvention } = search;
  const results = new Array<string>(prompts.length);
  const lengths = prompts.map((prompt) => prompt.length);
  // A blank line is one token of GPT-2.
  const last = ending === undefined
    ? []
    : tokenizer.encode(ending, undefined, { special: false }).ids;
  const eosIds = [...settings.eosIds, ...(last.length === 1 ? last : [])];
  let done = 0;
  const write = async (members: readonly number[]) => {
    const made = await generate(model, device, members.map((i) => prompts[i]!), {
      newTokens,
      eosIds,
      positions: config.maxPositions,
      beams,
      lengthPenalty,
      noRepeatNgram,
      repetitionPenalty,
      beamConvention,
      numbers: members,
      ...(settings.sampling && { sampling: settings.sampling }),
    });
    return made.map(({ ids }) => {
      const text = tokenizer.decode(ids);
      return (ending === undefined ? text : text.split(ending)[0]!).trim();
    });
  };
  await shareOut(settings.group, batchesByLength(lengths, batch), write, (members, made) => {
    members.forEach((i, row) => results[i] = made[row]!);
    settings.onWritten?.(done += members.length);
  });
  return results;
}

/**
 * Continues the prompts that may take most memory of those that {@linkcode continueTokens} is given, as far
 * as they may go.
 */
export async function rehearseWriting(
  model: Model,
  device: Device,
  prompts: readonly (readonly number[])[],
  settings: PromptSettings,
): Promise<void> {
  // As many candidates are looked at for as many ends, none of which comes.
  const eosIds = settings.eosIds.map((_, i) => settings.config.vocabularySize + i);
  for (const members of largestBatches(prompts.map(({ length }) => length), settings.batch)) {
    const chosen = members.map((i) => prompts[i]!);
    await continueTokens(model, device, chosen, { ...settings, eosIds, ending: undefined });
  }
}

/** What writing texts needs beside the model. */
export interface WritingSettings {
  /** The base model's tokenizer. */
  readonly tokenizer: Tokenizer;
  /** Sizes of the model, of which the most positions and the end tokens count here. */
  readonly config: ModelConfig;
  /** Most tokens that are added to a prompt. */
  readonly newTokens: number;
  /** Beams and penalties of the search. */
  readonly search: BeamConfig;
  /** Prompts that are continued together; changes speed and memory alone. */
  readonly batch: number;
  /** Draws tokens, by a number of each prompt, its place; default none. */
  readonly sampling?: TokenSampling | undefined;
  /** Called after each batch with the number of texts written so far. */
  readonly onWritten?: ((done: number) => void) | undefined;
  /** The processes that share the prompts; default this one alone. */
  readonly group?: Group | undefined;
}

/** What the continuation of contexts needs beside the model. */
export interface GenerationSettings extends WritingSettings {
  /** Tokens that separate, end and pad sequences. */
  readonly frame: SpecialTokens;
  /** File that the contexts were read from, for messages. */
  readonly path?: string | undefined;
}

/** What the continuation of prompts needs beside the model. */
export interface PromptSettings extends WritingSettings {
  /** Tokens that end a continuation. */
  readonly eosIds: readonly number[];
  /** Text that ends a continuation too. */
  readonly ending?: string | undefined;
}
