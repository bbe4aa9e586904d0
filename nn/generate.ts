/**
 * Greedy generation with a cache of keys and values, batched over prompts.
 *
 * @module
 */

import { OptionError } from "../core/errors.ts";
import type { Device } from "../core/storage.ts";
import { type Tensor, tensor } from "../core/tensor.ts";
import type { LanguageModel } from "./decoder.ts";
import type { Cache, Inputs } from "./pass.ts";

/** When generation ends. */
export interface GenerateOptions {
  /** Most tokens to add. */
  readonly maxNewTokens: number;
  /** Tokens that end a text; they are not part of the result. */
  readonly eosIds?: readonly number[];
  /** Longest sequence of the model; generation ends there. */
  readonly positions: number;
}

/**
 * Continues each prompt by its most likely tokens.
 *
 * @returns The new tokens of each prompt
 * @throws {OptionError} If a prompt is empty or leaves no room
 */
export async function generate(
  model: LanguageModel,
  device: Device,
  prompts: readonly (readonly number[])[],
  { maxNewTokens, eosIds = [], positions }: GenerateOptions,
): Promise<number[][]> {
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  if (prompts.some((prompt) => prompt.length === 0) || longest >= positions) {
    throw new OptionError(`Cannot continue prompts as 1 to ${positions - 1} tokens are required`);
  }
  const batch = prompts.length;
  const lengths = prompts.map((prompt) => prompt.length);
  const results: number[][] = prompts.map(() => []);
  const running = prompts.map(() => true);
  const cache: Cache = { layers: [] };
  using _owner = device.scope("generate");
  let tokens = prompts.map((p) => [...new Array<number>(longest - p.length).fill(p[0]!), ...p]);
  for (let added = 0; added < maxNewTokens && longest + added < positions; added++) {
    const next = await step(model, device, tokens, lengths, longest + added, cache);
    for (let b = 0; b < batch; b++) {
      if (eosIds.includes(next[b]!)) running[b] = false;
      if (running[b]) results[b]!.push(next[b]!);
      lengths[b]!++;
    }
    if (!running.includes(true)) break;
    tokens = next.map((id) => [id]);
  }
  for (const { key, value } of cache.layers) {
    key[Symbol.dispose]();
    value[Symbol.dispose]();
  }
  return results;
}

/** Feeds the new tokens and returns the most likely successors. */
async function step(
  model: LanguageModel,
  device: Device,
  tokens: readonly (readonly number[])[],
  lengths: readonly number[],
  total: number,
  cache: Cache,
): Promise<number[]> {
  const before = cache.layers.map((layer) => ({ ...layer }));
  using scope = device.scope("generate a token");
  const inputs = leftPadded(device, tokens, lengths, total);
  const rows = tensor(device, tokens.map((t, b) => (b + 1) * t.length - 1), undefined, "u32");
  const logits = model.logits({ inputs, cache }, rows);
  for (const { key, value } of cache.layers) {
    scope.keep(key);
    scope.keep(value);
  }
  for (const { key, value } of before) {
    key[Symbol.dispose]();
    value[Symbol.dispose]();
  }
  return await largest(logits, tokens.length);
}

/** Inputs whose last `width` of `total` tokens are fed; pads stand on the left. */
function leftPadded(
  device: Device,
  tokens: readonly (readonly number[])[],
  lengths: readonly number[],
  total: number,
): Inputs {
  const batch = tokens.length;
  const width = tokens[0]!.length;
  const words = (data: number[], shape: number[]) => tensor(device, data, shape, "u32");
  const each = (count: number, value: (b: number, i: number) => number) =>
    Array.from({ length: batch * count }, (_, at) => value(Math.floor(at / count), at % count));
  const full = lengths.every((length) => length === total);
  return {
    ids: words(tokens.flat(), [batch, width]),
    typeIds: words(each(width, () => 0), [batch, width]),
    positions: words(each(width, (b, i) => Math.max(0, lengths[b]! - width + i)), [batch, width]),
    mask: full
      ? undefined
      : words(each(total, (b, i) => i >= total - lengths[b]! ? 1 : 0), [batch, total]),
    lengths: words([...lengths], [batch]),
    last: words(each(1, (b) => (b + 1) * width - 1), [batch]),
    batch,
    width,
  };
}

async function largest(logits: Tensor, batch: number): Promise<number[]> {
  const data = await logits.read();
  const width = data.length / batch;
  return Array.from({ length: batch }, (_, b) => {
    let best = 0;
    for (let i = 1; i < width; i++) {
      if (data[b * width + i]! > data[b * width + best]!) best = i;
    }
    return best;
  });
}
