/**
 * Byte-pair encoding: neighbours are merged in the order of a list.
 *
 * @module
 */

import { byteTokens } from "./bytes.ts";
import type { Component } from "./component.ts";
import { readVocabulary, refuseUnknown, remembering, type WordModel } from "./vocabulary.ts";

/** Which neighbours merge: their rank by both ids, and what each rank makes. */
interface Merges {
  readonly ranks: ReadonlyMap<number, ReadonlyMap<number, number>>;
  readonly made: readonly number[];
}

function readPair(part: Component, merge: unknown): [string, string] {
  const pair: unknown = typeof merge === "string" ? merge.split(" ") : merge;
  if (
    !Array.isArray(pair) || pair.length !== 2 || pair.some((token) => typeof token !== "string")
  ) {
    return part.fail("merges", "pairs of tokens", merge);
  }
  return [pair[0], pair[1]];
}

function readMerges(part: Component, ids: ReadonlyMap<string, number>, prefix: string): Merges {
  const list = part.json["merges"];
  if (!Array.isArray(list)) return part.fail("merges", "a list");
  const ranks = new Map<number, Map<number, number>>();
  const made: number[] = [];
  const idOf = (token: string): number =>
    ids.get(token) ?? part.fail("merges", "tokens of model.vocab", token);
  for (const merge of list) {
    if (typeof merge === "string" && merge.startsWith("#version")) continue;
    const [left, right] = readPair(part, merge);
    const rest = right.startsWith(prefix)
      ? right.slice(prefix.length)
      : part.fail("merges", "tokens on the right that begin with continuing_subword_prefix", right);
    const [a, b] = [idOf(left), idOf(right)];
    const row = ranks.get(a) ?? new Map<number, number>();
    ranks.set(a, row.set(b, made.length));
    made.push(idOf(left + rest));
  }
  return { ranks, made };
}

/** Numbers of which the least comes out first. */
class Heap {
  readonly #items: number[] = [];

  push(item: number): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = at - 1 >> 1;
      const above = items[parent] ?? 0;
      if (above <= item) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const [least] = items;
    const last = items.pop();
    if (last === undefined || items.length === 0) return least;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if ((items[child + 1] ?? Infinity) < (items[child] ?? 0)) child++;
      const below = items[child] ?? 0;
      if (below >= last) break;
      items[at] = below;
      at = child;
    }
    items[at] = last;
    return least;
  }
}

/** Ranks times this, plus the place in the word, are numbers that a heap keeps in order. */
const places = 2 ** 26;

/** Merges neighbours, the lowest rank first and from left to right. */
function mergeAll(symbols: number[], { ranks, made }: Merges): number[] {
  const { length } = symbols;
  if (length < 2) return symbols;
  const next = Array.from(symbols, (_, place) => place + 1);
  const previous = Array.from(symbols, (_, place) => place - 1);
  const gone = new Uint8Array(length);
  const heap = new Heap();
  const rankAt = (left: number, right: number) =>
    ranks.get(symbols[left] ?? -1)?.get(symbols[right] ?? -1);
  const offer = (left: number, right: number) => {
    const rank = rankAt(left, right);
    if (rank !== undefined) heap.push(rank * places + left);
  };
  for (let place = 0; place + 1 < length; place++) offer(place, place + 1);
  for (let item = heap.pop(); item !== undefined; item = heap.pop()) {
    const place = item % places;
    const right = next[place] ?? length;
    if (gone[place] === 1 || right >= length) continue;
    const token = made[Math.floor(item / places)];
    const now = rankAt(place, right);
    // Neighbours may have merged with others since.
    if (token === undefined || now === undefined || made[now] !== token) continue;
    symbols[place] = token;
    gone[right] = 1;
    const after = next[right] ?? length;
    next[place] = after;
    if (after < length) previous[after] = place;
    const before = previous[place] ?? -1;
    if (before >= 0) offer(before, place);
    if (after < length) offer(place, after);
  }
  return symbols.filter((_, place) => gone[place] === 0);
}

/** What characters that the vocabulary lacks become. */
interface Unknown {
  readonly token: string | undefined;
  readonly fused: boolean;
  readonly bytes: boolean;
}

function symbolReader(
  ids: ReadonlyMap<string, number>,
  { token, fused, bytes }: Unknown,
  prefix: string,
  suffix: string,
): (word: string) => number[] {
  const unknown = token === undefined ? undefined : ids.get(token);
  return (word) => {
    const symbols: number[] = [];
    let pending = false;
    const flush = () => {
      if (pending) symbols.push(unknown ?? refuseUnknown(word));
      pending = false;
    };
    for (let start = 0; start < word.length;) {
      const end = start + ((word.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
      const symbol = (start > 0 ? prefix : "") + word.slice(start, end) +
        (end === word.length ? suffix : "");
      start = end;
      const id = ids.get(symbol);
      if (id !== undefined) {
        flush();
        symbols.push(id);
        continue;
      }
      const parts = bytes ? byteTokens(symbol).map((part) => ids.get(part)) : [undefined];
      // An unknown character before bytes stands behind them, as in the library.
      if (parts.every((part) => part !== undefined)) symbols.push(...parts);
      else if (token !== undefined) {
        if (!fused) flush();
        if (unknown === undefined) refuseUnknown(word);
        pending = true;
      }
    }
    flush();
    return symbols;
  };
}

/** Reads a model of byte-pair encoding. */
export function readBytePair(part: Component): WordModel {
  part.only(
    "vocab",
    "merges",
    "dropout",
    "unk_token",
    "continuing_subword_prefix",
    "end_of_word_suffix",
    "fuse_unk",
    "byte_fallback",
    "ignore_merges",
  );
  const dropout = part.json["dropout"] ?? 0;
  if (dropout !== 0) part.fail("dropout", "null or 0");
  const ids = readVocabulary(part);
  const prefix = part.optionalText("continuing_subword_prefix") ?? "";
  const merges = readMerges(part, ids, prefix);
  const unknown = {
    token: part.optionalText("unk_token"),
    fused: part.flag("fuse_unk", false),
    bytes: part.flag("byte_fallback", false),
  };
  const suffix = part.optionalText("end_of_word_suffix") ?? "";
  const read = symbolReader(ids, unknown, prefix, suffix);
  const whole = part.flag("ignore_merges", false);
  const tokenize = (word: string): readonly number[] => {
    const id = whole ? ids.get(word) : undefined;
    return id === undefined ? mergeAll(read(word), merges) : [id];
  };
  return { ids, tokenize: remembering(tokenize) };
}
