import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OptionError, ShapeError } from "../../../core/errors.ts";
import { chrf, type ChrfOptions } from "../../../train/metrics/chrf.ts";
import { shared, sharedTest } from "../../support/shared.ts";

const score = (hypothesis: string, reference: string, options?: ChrfOptions) =>
  chrf([hypothesis], [[reference]], options).score;

Deno.test("chrf() of a hand-computed case", () => {
  const options = { characterOrder: 2, wordOrder: 1, beta: 1 };
  const result = chrf(["ab c"], [["abd c."]], options);
  // Characters a b c and a b d c ., pairs ab bc and ab bd dc c., words ab c and abd c and a full stop.
  assertEquals(result.hypothesisCounts, [3, 2, 2]);
  assertEquals(result.referenceCounts, [5, 4, 3]);
  assertEquals(result.matches, [3, 1, 1]);
  const precision = (3 / 3 + 1 / 2 + 1 / 2) / 3, recall = (3 / 5 + 1 / 4 + 1 / 3) / 3;
  assertAlmostEquals(result.score, 200 * precision * recall / (precision + recall), 1e-12);
  const f = (p: number, r: number) => 2 * p * r / (p + r);
  const mean = (f(1, 3 / 5) + f(1 / 2, 1 / 4) + f(1 / 2, 1 / 3)) / 3;
  const smoothed = chrf(["ab c"], [["abd c."]], { ...options, smoothing: "epsilon" });
  assertAlmostEquals(smoothed.score, 100 * mean, 1e-12);
});

Deno.test("chrf() counts characters as a reader does, white space and case on request", () => {
  assertEquals(chrf(["\u{1F600}a"], [["\u{1F600}"]], { characterOrder: 2 }).hypothesisCounts, [
    2,
    0,
  ]);
  assertAlmostEquals(score("a b\tc", "abc"), 100, 1e-12);
  assertEquals(score("a b", "ab", { whitespace: true }) < 100, true);
  assertEquals(score("AB", "ab"), 0);
  assertAlmostEquals(score("AB", "ab", { lowercase: true }), 100, 1e-12);
});

Deno.test("chrf() parts one mark from a word, the last before the first", () => {
  const words = (text: string) =>
    chrf([text], [["x"]], { characterOrder: 0, wordOrder: 1 }).hypothesisCounts[0];
  assertEquals(["(hi)", "(hi", "hi.", ".", "it's"].map(words), [2, 2, 2, 1, 1]);
});

Deno.test("chrf() takes each segment's best reference and sums counts", () => {
  const best = chrf(["abcd", "x"], [["zzzz", "abcd", ""], ["y"]]);
  assertEquals(best, chrf(["abcd", "x"], [["abcd"], ["y"]]));
  assertEquals(best.matches, [4, 3, 2, 1, 0, 0]);
  assertEquals(best.hypothesisCounts, [5, 3, 2, 1, 0, 0]);
});

Deno.test("chrf() refuses orders and segments that give nothing to compare", () => {
  assertThrows(() => score("a", "a", { characterOrder: 0 }), OptionError, "found 0 and 0");
  assertThrows(() => score("a", "a", { wordOrder: 1.5 }), OptionError, "found 6 and 1.5");
  assertThrows(() => chrf(["a"], [[""]]), ShapeError, "found none in 0");
});

Deno.test("chrf() lies from 0 to 100, and is 100 for a text that is a reference", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c", " ", "."), { minLength: 1, maxLength: 20 })
    .map((characters) => `a${characters.join("")}`);
  const settings = fc.constantFrom<ChrfOptions>({}, { wordOrder: 2 }, { smoothing: "epsilon" });
  fc.assert(fc.property(text, text, settings, (hypothesis, reference, options) => {
    const value = score(hypothesis, reference, options);
    assertEquals(value >= 0 && value <= 100 + 1e-9, true);
    assertAlmostEquals(chrf([hypothesis], [[reference, hypothesis]]).score, 100, 1e-9);
  }));
});

sharedTest(
  "chrf() equals the tests of sacreBLEU, and its chrF++ for several references",
  async () => {
    const oracle = JSON.parse(await Deno.readTextFile(shared("oracles/sacrebleu/cases.json"))).chrf;
    const groups: [name: string, options: ChrfOptions, count: number][] = [
      ["test_cases", { beta: 3, smoothing: "epsilon" }, 13],
      ["test_cases_effective_order", { beta: 3 }, 7],
      ["test_cases_keep_whitespace", { beta: 3, whitespace: true }, 2],
    ];
    for (const [name, options, count] of groups) {
      assertEquals(oracle[name].length, count);
      for (const [hypotheses, references, expected] of oracle[name]) {
        const lists = references.map((reference: string) => [reference]);
        assertAlmostEquals(chrf(hypotheses, lists, options).score, expected, 5e-5, name);
      }
    }
    for (const [hypothesis, references, expected] of oracle.test_sentence_level_chrf) {
      const { score } = chrf([hypothesis], [references], { smoothing: "epsilon" });
      assertAlmostEquals(score, expected, 5e-9);
    }
    const { generation } = JSON.parse(await Deno.readTextFile(shared("fixtures/metrics.json")));
    for (const one of generation) {
      const result = chrf(one.hypotheses, one.references, { wordOrder: 2 });
      assertAlmostEquals(result.score, one.chrfpp, 1e-9);
    }
  },
);
