import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Component } from "../../../nn/tokenizer/component.ts";
import { readUnigram } from "../../../nn/tokenizer/unigram.ts";

type Entries = readonly (readonly [string, number])[];

function idsOf(vocab: Entries, text: string): readonly number[] {
  const json = { type: "Unigram", vocab, unk_id: 0, byte_fallback: false };
  return readUnigram(new Component(json, "model", "file")).tokenize(text);
}

/** The division with the highest sum over all divisions; of equal ones none is preferred. */
function best(vocab: Entries, text: string): { score: number; parts: string[] }[] {
  const least = Math.min(...vocab.map(([, score]) => score));
  const scores = new Map(vocab);
  let found: { score: number; parts: string[] }[] = [];
  const visit = (at: number, score: number, parts: string[]): void => {
    if (at === text.length) {
      if (found.length === 0 || score > found[0]!.score + 1e-9) found = [];
      if (found.length === 0 || Math.abs(score - found[0]!.score) <= 1e-9) {
        found.push({ score, parts });
      }
      return;
    }
    for (let end = at + 1; end <= text.length; end++) {
      const part = text.slice(at, end);
      const own = scores.get(part);
      // A character that no token is costs ten more than the worst token.
      if (own !== undefined) visit(end, score + own, [...parts, part]);
      else if (end === at + 1) visit(end, score + least - 10, [...parts, part]);
    }
  };
  visit(0, 0, []);
  return found;
}

/** Numbers of parts; neighbours that are unknown are one. */
function numbered(vocab: Entries, parts: readonly string[]): number[] {
  const ids = new Map(vocab.map(([token], id) => [token, id]));
  const all = parts.map((part) => ids.get(part) ?? 0);
  return all.filter((id, i) => id !== 0 || all[i - 1] !== 0);
}

Deno.test("unigram divides a text with the highest sum, unknown characters last", () => {
  const token = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 3 });
  const vocabularies = fc.uniqueArray(token, { minLength: 1, maxLength: 8 }).chain((tokens) =>
    fc.array(fc.integer({ min: -40, max: -1 }), {
      minLength: tokens.length,
      maxLength: tokens.length,
    }).map((scores): Entries => {
      return [["<unk>", -50], ...tokens.map((token, i) => [token, scores[i]!] as const)];
    })
  );
  const texts = fc.string({
    unit: fc.constantFrom("a", "b", "c", "z"),
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(vocabularies, texts, (vocab, text) => {
      const ids = idsOf(vocab, text);
      const ways = best(vocab, text).map(({ parts }) => numbered(vocab, parts).join());
      assertEquals(ways.includes(ids.join()), true, `${ids} of ${text}, not ${ways}`);
    }),
    { numRuns: 500 },
  );
});

Deno.test("an unknown character counts less than any token", () => {
  // 10 less than the least: -1 - 60 is below -45, as -1 - 40 would not be.
  assertEquals(idsOf([["<unk>", -50], ["a", -1], ["ab", -45]], "ab"), [2]);
});

Deno.test("of equal divisions the one counts whose last token begins first", () => {
  // The library keeps the first way that it finds to a place: longer tokens begin earlier.
  const vocab: Entries = [["<unk>", -50], ["a", -1], ["b", -1], ["ab", -2], ["c", -1], ["bc", -2]];
  assertEquals(idsOf(vocab, "ab"), [3]);
  assertEquals(idsOf(vocab, "abc"), [1, 5]);
});

Deno.test("neighbours that are unknown are one token", () => {
  const vocab: Entries = [["<unk>", -50], ["a", -1]];
  assertEquals(idsOf(vocab, "zza"), [0, 1]);
  assertEquals(idsOf(vocab, "azzaz"), [1, 0, 1, 0]);
});
