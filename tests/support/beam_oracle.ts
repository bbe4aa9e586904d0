// Searches written anew over whole sequences: no cache, no batch, no early end.
import type { Device } from "../../core/device.ts";
import type { LanguageModel } from "../../nn/models/decoder.ts";
import { toBatch } from "../../nn/layers/batch.ts";

/** What a search depends on. */
export interface OracleSettings {
  readonly convention: "hf" | "lora";
  readonly beams: number;
  readonly limit: number;
  readonly lengthPenalty: number;
  readonly noRepeatNgram: number;
  readonly repetitionPenalty: number;
  readonly eosIds: readonly number[];
  readonly earlyStopping?: boolean | "never";
}

/** A text with the token that ended it. */
export interface OracleText {
  readonly ids: number[];
  readonly score: number;
}

/** Log-probabilities of what follows `prompt` and `ids`, with penalties and bans. */
export type Next = (prompt: readonly number[], ids: readonly number[]) => Promise<number[]>;

/** Asks the model for whole sequences. */
export function nextOf(model: LanguageModel, device: Device, settings: OracleSettings): Next {
  const known = new Map<string, number[]>();
  return async (prompt, ids) => {
    const key = `${prompt}|${ids}`;
    let logits = known.get(key);
    if (logits === undefined) {
      using _scope = device.scope("oracle");
      const batch = toBatch(device, [{ ids: [...prompt, ...ids] }]);
      logits = [...await model.forward({ batch: { ...batch, rows: batch.last } }).logits.read()];
      known.set(key, logits);
    }
    return adjusted(logits, prompt, ids, settings);
  };
}

function adjusted(
  logits: readonly number[],
  prompt: readonly number[],
  ids: readonly number[],
  { convention, beams, noRepeatNgram: n, repetitionPenalty }: OracleSettings,
): number[] {
  const history = convention === "hf" ? [...prompt, ...ids] : [...ids];
  const change = (x: number[]) => {
    const out = [...x];
    for (const id of new Set(history)) {
      out[id] = x[id]! > 0 ? x[id]! / repetitionPenalty : x[id]! * repetitionPenalty;
    }
    const runs = new Set<string>();
    for (let i = n; n > 0 && i <= history.length; i++) runs.add(history.slice(i - n, i).join());
    return out.map((value, id) => {
      const run = [...history, id].slice(-n);
      return n > 0 && run.length === n && runs.has(run.join()) ? -Infinity : value;
    });
  };
  // Greedy search of transformers has no normalisation that a penalty could come after.
  return convention === "hf" && beams > 1
    ? change(logSoftmax(logits))
    : logSoftmax(change([...logits]));
}

function logSoftmax(x: readonly number[]): number[] {
  const peak = Math.max(...x);
  const total = Math.log(x.reduce((sum, value) => sum + Math.exp(value - peak), 0));
  return x.map((value) => value - peak - total);
}

/** The best of all texts there are: each ends at an end token or at the limit. */
export async function bestOfAll(
  next: Next,
  prompt: readonly number[],
  { eosIds, limit, lengthPenalty }: OracleSettings,
): Promise<OracleText> {
  let best: OracleText = { ids: [], score: -Infinity };
  const visit = async (ids: number[], sum: number): Promise<void> => {
    if (ids.length === limit || eosIds.includes(ids.at(-1) ?? -1)) {
      const score = sum / ids.length ** lengthPenalty;
      if (score > best.score) best = { ids, score };
      return;
    }
    for (const [id, value] of (await next(prompt, ids)).entries()) {
      if (value > -Infinity) await visit([...ids, id], sum + value);
    }
  };
  await visit([], 0);
  return best;
}

/** Every continuation of some texts by one token, best first. */
async function continued(next: Next, prompt: readonly number[], rows: readonly OracleText[]) {
  const all: OracleText[] = [];
  for (const { ids, score } of rows) {
    for (const [id, value] of (await next(prompt, ids)).entries()) {
      if (value > -Infinity) all.push({ ids: [...ids, id], score: score + value });
    }
  }
  return all.sort((a, b) => b.score - a.score);
}

/** The beam search of transformers, by its rules over all continuations. */
export async function hfSearch(
  next: Next,
  prompt: readonly number[],
  { beams, eosIds, limit, lengthPenalty, earlyStopping = false }: OracleSettings,
): Promise<OracleText> {
  let running: OracleText[] = [{ ids: [], score: 0 }];
  let pool: OracleText[] = [];
  for (let length = 1; running.length > 0; length++) {
    const over = ({ ids }: OracleText) => length === limit || eosIds.includes(ids.at(-1)!);
    const all = await continued(next, prompt, running);
    const ended = all.slice(0, beams).filter(over);
    pool.push(...ended.map(({ ids, score }) => ({ ids, score: score / length ** lengthPenalty })));
    pool = pool.sort((a, b) => b.score - a.score).slice(0, beams);
    running = all.filter((text) => !over(text)).slice(0, beams);
    if (pool.length < beams || running.length === 0) continue;
    if (earlyStopping === true) break;
    const horizon = earlyStopping === "never" && lengthPenalty > 0 ? limit : length;
    if (!(running[0]!.score / horizon ** lengthPenalty > pool.at(-1)!.score)) break;
  }
  return pool[0]!;
}

/** The beam search of microsoft/LoRA, up to the limit. */
export async function loraSearch(
  next: Next,
  prompt: readonly number[],
  { beams, eosIds, limit, lengthPenalty }: OracleSettings,
): Promise<OracleText> {
  let best: OracleText = { ids: [], score: -Infinity };
  let rows: OracleText[] = [{ ids: [], score: 0 }];
  const offer = ({ ids, score }: OracleText) => {
    const final = score / ids.length ** lengthPenalty;
    if (final > best.score) best = { ids, score: final };
  };
  for (let step = 0; step < limit; step++) {
    const all = await continued(next, prompt, rows);
    // A row that has ended takes a place in this step and none in the next.
    rows = all.slice(0, beams).filter((row) => {
      if (!eosIds.includes(row.ids.at(-1)!)) return true;
      offer(row);
      return false;
    });
  }
  rows.forEach(offer);
  return best;
}
