/**
 * The unigram model: the division of a text into tokens with the highest sum of scores.
 *
 * @module
 */

import { byteTokens } from "./bytes.ts";
import type { Component } from "./component.ts";
import { Lexicon } from "./lexicon.ts";
import { refuseUnknown, remembering, type WordModel } from "./vocabulary.ts";

/** How much worse than the worst token an unknown character is. */
const unknownPenalty = 10;

/** Reads the key `vocab`: tokens with their scores, in the order of their ids. */
function readScores(part: Component): [string, number][] {
  const list = part.json["vocab"];
  if (!Array.isArray(list) || list.length === 0) {
    return part.fail("vocab", "at least one token with its score");
  }
  return list.map((entry: unknown) => {
    const [token, score, more] = Array.isArray(entry) ? entry : [];
    if (typeof token !== "string" || typeof score !== "number" || more !== undefined) {
      return part.fail("vocab", "tokens with their scores", entry);
    }
    return [token, score];
  });
}

/** Finds the best division of a text: the parts from first to last. */
class Divider {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #scores: readonly number[];
  readonly #unknown: number | undefined;
  readonly #unknownScore: number;
  readonly #lexicon: Lexicon;

  constructor(
    entries: readonly [string, number][],
    ids: ReadonlyMap<string, number>,
    unknown: number | undefined,
  ) {
    this.#ids = ids;
    this.#scores = entries.map(([, score]) => score);
    this.#unknown = unknown;
    let least = Infinity;
    for (const score of this.#scores) least = Math.min(least, score);
    this.#unknownScore = least - unknownPenalty;
    this.#lexicon = new Lexicon(ids.keys());
  }

  divide(text: string): string[] {
    const size = text.length;
    const best = new Float64Array(size + 1);
    const from = new Int32Array(size + 1).fill(-1);
    const token = new Int32Array(size + 1);
    const reach = (end: number, start: number, id: number, score: number) => {
      const sum = score + (best[start] ?? 0);
      if (from[end] !== -1 && !(sum > (best[end] ?? 0))) return;
      best[end] = sum;
      from[end] = start;
      token[end] = id;
    };
    for (let start = 0; start < size;) {
      const width = (text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1;
      let single = false;
      for (const length of this.#lexicon.lengthsAt(text, start)) {
        const id = this.#ids.get(text.slice(start, start + length)) ?? 0;
        reach(start + length, start, id, this.#scores[id] ?? 0);
        single ||= length === width;
      }
      if (!single) {
        reach(start + width, start, this.#unknown ?? refuseUnknown(text), this.#unknownScore);
      }
      start += width;
    }
    return this.#parts(text, from, token);
  }

  /** Goes back along the best way; neighbours that are unknown are one part. */
  #parts(text: string, from: Int32Array, token: Int32Array): string[] {
    const parts: string[] = [];
    let fusedTo = -1;
    for (let end = text.length; end > 0;) {
      const start = from[end] ?? 0;
      const unknown = token[end] === this.#unknown;
      if (unknown && fusedTo < 0) fusedTo = end;
      if (!unknown) {
        if (fusedTo >= 0) parts.push(text.slice(end, fusedTo));
        fusedTo = -1;
        parts.push(text.slice(start, end));
      }
      end = start;
    }
    if (fusedTo >= 0) parts.push(text.slice(0, fusedTo));
    return parts.reverse();
  }
}

/** Reads a unigram model. */
export function readUnigram(part: Component): WordModel {
  part.only("vocab", "unk_id", "byte_fallback");
  const entries = readScores(part);
  const ids = new Map(entries.map(([token], id) => [token, id]));
  const unknown = part.json["unk_id"] == null ? undefined : part.count("unk_id");
  if (unknown !== undefined && unknown >= entries.length) {
    part.fail("unk_id", `an id below ${entries.length}`);
  }
  const bytes = part.flag("byte_fallback", false);
  const divider = new Divider(entries, ids, unknown);
  const idsOf = (piece: string): number[] => {
    const id = ids.get(piece);
    if (id !== undefined) return [id];
    const parts = bytes ? byteTokens(piece).map((name) => ids.get(name)) : [undefined];
    const known = parts.filter((byte) => byte !== undefined);
    return known.length === parts.length ? known : [unknown ?? refuseUnknown(piece)];
  };
  const tokens = entries.map(([token]) => token);
  return { ids, tokens, tokenize: remembering((word) => divider.divide(word).flatMap(idsOf)) };
}
