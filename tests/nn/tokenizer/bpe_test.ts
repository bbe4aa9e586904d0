import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { readBytePair } from "../../../nn/tokenizer/bpe.ts";
import { Component } from "../../../nn/tokenizer/component.ts";

const letters = ["a", "b", "c"];

/** Merges that make each token from two of those before it; some come twice. */
const lists = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 9 }).map(
  (drawn) => {
    const tokens = [...letters];
    const merges: [string, string][] = [];
    for (const [a, b] of drawn) {
      const pair: [string, string] = [tokens[a % tokens.length]!, tokens[b % tokens.length]!];
      merges.push(pair);
      if (!tokens.includes(pair.join(""))) tokens.push(pair.join(""));
    }
    return { tokens, merges };
  },
);

/** Merges the leftmost pair of the lowest rank until there is none; of a pair twice the last counts. */
function merged(word: string, merges: readonly [string, string][]): string[] {
  const parts = [...word];
  for (;;) {
    const rankAt = (i: number) =>
      merges.findLastIndex(([left, right]) => left === parts[i] && right === parts[i + 1]);
    const ranks = parts.map((_, i) => rankAt(i)).map((rank) => rank < 0 ? Infinity : rank);
    const least = Math.min(...ranks);
    if (least === Infinity) return parts;
    const at = ranks.indexOf(least);
    parts.splice(at, 2, parts[at]! + parts[at + 1]!);
  }
}

Deno.test("byte-pair encoding merges the leftmost pair of the lowest rank, again and again", () => {
  const words = fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 14 });
  fc.assert(
    fc.property(lists, words, ({ tokens, merges }, word) => {
      const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
      const part = new Component({ type: "BPE", vocab, merges }, "model", "file");
      const ids = readBytePair(part).tokenize(word);
      assertEquals(ids.map((id) => tokens[id]), merged(word, merges), word);
    }),
    { numRuns: 1500 },
  );
});
