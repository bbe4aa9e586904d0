import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { foldKey, seedKey, uniform } from "../../../core/random.ts";
import { type Search, startSearch } from "../../../nn/generation/beam_search.ts";
import { hfSearch, loraSearch, type Next, type OracleSettings } from "../../support/beam_oracle.ts";

const vocabulary = 12;

/** A model made of random numbers: log-probabilities depend on the whole text. */
function randomNext(seed: number, spread: number): Next {
  return (_, ids) => {
    const drawn = uniform(foldKey(seedKey(seed), ids.join()), vocabulary);
    const values = [...drawn].map((u) => spread * Math.log(u));
    const total = Math.log(values.reduce((sum, x) => sum + Math.exp(x), 0));
    return Promise.resolve(values.map((x) => x - total));
  };
}

/** Feeds a search with the best tokens of each beam until it is over. */
async function finish(search: Search, next: Next): Promise<number> {
  let steps = 0;
  for (; search.beams.length > 0; steps++) {
    const found = await Promise.all(search.beams.map(async ({ ids }) => {
      const all = (await next([], ids)).map((logProbability, id) => ({ id, logProbability }));
      return all.sort((a, b) => b.logProbability - a.logProbability).slice(0, search.width);
    }));
    search.advance(found);
  }
  return steps;
}

const drawn = fc.record({
  beams: fc.integer({ min: 2, max: 4 }),
  limit: fc.integer({ min: 1, max: 9 }),
  lengthPenalty: fc.constantFrom(-1, 0, 0.8, 1, 3),
  eosIds: fc.uniqueArray(fc.integer({ min: 0, max: vocabulary - 1 }), { maxLength: 5 }),
  earlyStopping: fc.constantFrom<boolean | "never">(false, true, "never"),
  seed: fc.integer({ min: 0, max: 1e6 }),
  spread: fc.constantFrom(0.3, 1, 3, 10),
});

for (const convention of ["hf", "lora"] as const) {
  Deno.test(`a search by ${convention} finds what its rules find over all continuations`, async () => {
    const lengths = new Set<number>();
    let sooner = 0;
    await fc.assert(
      fc.asyncProperty(drawn, async ({ seed, spread, ...some }) => {
        const settings: OracleSettings = {
          ...some,
          convention,
          noRepeatNgram: 0,
          repetitionPenalty: 1,
        };
        const next = randomNext(seed, spread);
        const search = startSearch(convention, { ...some, eosIds: new Set(some.eosIds) });
        const steps = await finish(search, next);
        const { ids, end, score } = search.best!;
        const oracle = convention === "hf" ? hfSearch : loraSearch;
        const expected = await oracle(next, [], settings);
        assertEquals(end === undefined ? ids : [...ids, end], expected.ids);
        assertAlmostEquals(score, expected.score, 1e-12);
        lengths.add(expected.ids.length);
        if (steps < some.limit) sooner++;
      }),
      { numRuns: 2000, seed: 6 },
    );
    // The property would say little if all searches went to their limits, or none.
    assert(lengths.size === 9 && sooner > 200 && sooner < 1800, `${lengths.size}, ${sooner}`);
  });
}

Deno.test("a search that nothing may follow gives the text it has", () => {
  for (const convention of ["hf", "lora"] as const) {
    const settings = { beams: 2, limit: 5, lengthPenalty: 1, earlyStopping: false } as const;
    const search = startSearch(convention, { ...settings, eosIds: new Set([9]) });
    search.advance([[{ id: 4, logProbability: -1 }, { id: 3, logProbability: -2 }]]);
    search.advance([[], []]);
    assertEquals([search.beams, search.best], [[], { ids: [4], score: -1 }]);
  }
});

Deno.test("of equal continuations that of the first beam comes first, and of a beam the first", () => {
  for (const convention of ["hf", "lora"] as const) {
    const settings = { beams: 2, limit: 3, lengthPenalty: 1, earlyStopping: false } as const;
    const search = startSearch(convention, { ...settings, eosIds: new Set() });
    const row = (...ids: number[]) => ids.map((id) => ({ id, logProbability: -1 }));
    search.advance([row(4, 7, 1, 2)]);
    assertEquals(search.beams.map(({ ids }) => ids), [[4], [7]]);
    search.advance([row(3, 5, 6, 8), row(2, 1, 9, 0)]);
    assertEquals(search.beams.map(({ ids, parent }) => [ids, parent]), [[[4, 3], 0], [[4, 5], 0]]);
  }
});

Deno.test("a search that never stops early hopes for no longer text where a longer one scores less", async () => {
  const settings = { beams: 2, limit: 50, lengthPenalty: -1, earlyStopping: "never" } as const;
  // Two hypotheses end at the first steps; the best one ends at the third, long before the limit.
  const likely = [{ 0: -2.4, 1: -0.1 }, { 0: -3, 1: -0.05 }, { 0: -0.01, 1: -5 }] as const;
  const next: Next = (_, ids) => {
    const own: Readonly<Record<number, number>> = ids.includes(2) ? {} : likely[ids.length] ?? {};
    return Promise.resolve(Array.from({ length: 3 }, (_, id) => own[id] ?? -100));
  };
  const search = startSearch("hf", { ...settings, eosIds: new Set([0]) });
  await finish(search, next);
  assertEquals(search.best!.ids, [1, 1]);
  const oracle: OracleSettings = {
    ...settings,
    convention: "hf",
    eosIds: [0],
    noRepeatNgram: 0,
    repetitionPenalty: 1,
  };
  const expected = await hfSearch(next, [], oracle);
  assertEquals([...search.best!.ids, search.best!.end], expected.ids);
  assertAlmostEquals(search.best!.score, expected.score, 1e-12);
});
