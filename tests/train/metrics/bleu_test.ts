import { assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OptionError, ShapeError } from "../../../core/errors.ts";
import {
  bleuConventions,
  bleuFromCounts,
  type BleuSmoothing,
  corpusBleu,
} from "../../../train/metrics/bleu.ts";
import { tokenize13a, tokenizeInternational } from "../../../train/metrics/tokenize_13a.ts";

Deno.test("tokenize13a() splits punctuation, but not inside numbers or words", () => {
  const cases: [string, string][] = [
    ["It wasn't (very) good, was it?", "It wasn't ( very ) good , was it ?"],
    ["1,000.50 and .5 and 3.", "1,000.50 and . 5 and 3 ."],
    ["20-25 family-friendly", "20 - 25 family-friendly"],
    ["a&quot;b &amp;lt; &apos;", 'a " b < & apos ;'],
    ["soft-\nware <skipped>here\nthere", "software here there"],
    ["£20 café's\u00A0x\u0085y", "£20 café's x y"],
    ["😀.5 x,😀", "😀 . 5 x , 😀"],
    ["well-\n\u0085", "well-"],
    ["  ", ""],
  ];
  for (const [text, tokens] of cases) assertEquals(tokenize13a(text).join(" "), tokens, text);
});

Deno.test("tokenizeInternational() splits symbols, and punctuation but between numbers", () => {
  const cases: [string, string][] = [
    ["It wasn't (very) good, was it?", "It wasn ' t ( very ) good , was it ?"],
    ["1,000.50 20-25 a-b", "1,000.50 20-25 a - b"],
    ["£20+ «é»…", "£ 20 + « é » …"],
  ];
  for (const [text, tokens] of cases) {
    assertEquals(tokenizeInternational(text).join(" "), tokens, text);
  }
});

Deno.test("corpusBleu() of a hand-computed case", () => {
  const result = corpusBleu(["a b c d e f"], [["a b c d x y z w"]], { smoothing: "none" });
  assertEquals(result.matches, [4, 3, 2, 1]);
  assertEquals(result.totals, [6, 5, 4, 3]);
  assertEquals([result.hypothesisLength, result.referenceLength], [6, 8]);
  assertAlmostEquals(result.brevityPenalty, Math.exp(1 - 8 / 6), 1e-15);
  const precision = (4 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25;
  assertAlmostEquals(result.score, 100 * Math.exp(1 - 8 / 6) * precision, 1e-12);
});

Deno.test("corpusBleu() clips matches at the greatest count in one reference", () => {
  const result = corpusBleu(["the the the the"], [["the cat the", "the dog"]]);
  assertEquals(result.matches, [2, 0, 0, 0]);
});

Deno.test("corpusBleu() takes the shorter of two references that are equally close", () => {
  const length = (references: string[]) => corpusBleu(["a b c"], [references]).referenceLength;
  assertEquals(length(["a b c d", "a b"]), 2);
  assertEquals(length(["a b", "a b c d"]), 2);
  assertEquals(length(["a b c d", "a"]), 4);
});

Deno.test("corpusBleu() smooths only if asked and only if anything matches", () => {
  const score = (text: string, smoothing: BleuSmoothing) =>
    corpusBleu([text], [["a b c d e"]], { smoothing }).score;
  assertEquals(score("a b c x y", "none"), 0);
  // Precisions 3/5, 2/4, 1/3 and, for no match among 2, half of 1/2.
  const expected = 100 * (3 / 5 * 2 / 4 * 1 / 3 * 1 / 4) ** 0.25;
  assertAlmostEquals(score("a b c x y", "exp"), expected, 1e-12);
  assertEquals(score("v w x y z", "exp"), 0);
  assertEquals(score("", "exp"), 0);
  assertEquals(score("a b", "exp"), 0);
});

Deno.test("corpusBleu() can take a fixed share, or add to matches and totals", () => {
  const score = (smoothing: BleuSmoothing, smoothingValue?: number) =>
    corpusBleu(["a b c x y"], [["a b c d e"]], {
      smoothing,
      ...(smoothingValue === undefined ? {} : { smoothingValue }),
    }).score;
  const expected = (product: number) => 100 * product ** 0.25;
  assertAlmostEquals(score("floor"), expected(3 / 5 * 2 / 4 * 1 / 3 * 0.1 / 2), 1e-12);
  assertAlmostEquals(score("floor", 0.5), expected(3 / 5 * 2 / 4 * 1 / 3 * 0.5 / 2), 1e-12);
  assertAlmostEquals(score("add-k"), expected(3 / 5 * 3 / 5 * 2 / 4 * 1 / 3), 1e-12);
  assertAlmostEquals(score("add-k", 2), expected(3 / 5 * 4 / 6 * 3 / 5 * 2 / 4), 1e-12);
});

Deno.test("corpusBleu() counts up to the order that is asked for, or that texts reach", () => {
  assertAlmostEquals(corpusBleu(["a b"], [["a b"]], { order: 2 }).score, 100, 1e-12);
  assertAlmostEquals(corpusBleu(["a b"], [["a b"]], { effectiveOrder: true }).score, 100, 1e-12);
  assertEquals(corpusBleu(["a b"], [["a b"]]).score, 0);
  assertEquals(corpusBleu([""], [["a b"]], { effectiveOrder: true }).score, 0);
});

Deno.test("corpusBleu() takes the shortest reference's length on request", () => {
  const lengths = (texts: string[], referenceLength: "closest" | "shortest") =>
    corpusBleu(["a b c d"], [texts], { referenceLength }).referenceLength;
  assertEquals(lengths(["a b c d e", "a"], "closest"), 5);
  assertEquals(lengths(["a b c d e", "a"], "shortest"), 1);
});

Deno.test("corpusBleu() counts a missing reference as one of length 0 as multi-bleu does", () => {
  const length = (options = {}) =>
    corpusBleu(["a b"], [["a b c d e", ""]], options).referenceLength;
  assertEquals(length(), 5);
  assertEquals(length(bleuConventions.multiBleu), 0);
});

Deno.test("corpusBleu() splits words in the ways of the programs", () => {
  const count = (options = {}) => corpusBleu(["It's 5-star!"], [["x"]], options).hypothesisLength;
  assertEquals(count(), 5);
  assertEquals(count(bleuConventions.multiBleu), 2);
  assertEquals(count(bleuConventions.coco), 3);
  assertEquals(count({ tokenization: "characters" }), 11);
});

Deno.test("bleuFromCounts() scores counts", () => {
  const counts = { matches: [2, 1], totals: [4, 2], hypothesisLength: 4, referenceLength: 5 };
  const { score, brevityPenalty, precisions } = bleuFromCounts(counts);
  assertEquals(precisions, [50, 50]);
  assertAlmostEquals(brevityPenalty, Math.exp(-1 / 4), 1e-15);
  assertAlmostEquals(score, 50 * Math.exp(-1 / 4), 1e-12);
});

Deno.test("corpusBleu() compares in lower case on request", () => {
  const score = (lowercase: boolean) =>
    corpusBleu(["THE Dog ran home"], [["the dog ran home"]], { lowercase }).score;
  assertAlmostEquals(score(true), 100, 1e-12);
  assertLess(score(false), 60);
});

Deno.test("corpusBleu() leaves out empty references and refuses segments without any", () => {
  const full = corpusBleu(["a b c d"], [["a b c d e", ""]]);
  assertEquals(full, corpusBleu(["a b c d"], [["a b c d e"]]));
  for (const references of [[], [""]]) {
    assertThrows(() => corpusBleu(["a"], [references]), ShapeError, "found none in 0");
  }
  assertThrows(() => corpusBleu(["a"], []), ShapeError, "found 1 hypotheses and 0 lists");
  assertThrows(() => corpusBleu([], []), ShapeError, "found 0 hypotheses and 0 lists");
});

Deno.test("corpusBleu() refuses an unknown smoothing", () => {
  const smoothing = "half" as BleuSmoothing;
  assertThrows(() => corpusBleu(["a"], [["a"]], { smoothing }), OptionError, "found half");
});

Deno.test("corpusBleu() is at most 100, and 100 for texts of four words that are a reference", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 4, maxLength: 12 })
    .map((words) => words.join(" "));
  const segment = fc.tuple(text, fc.array(text, { minLength: 1, maxLength: 3 }));
  fc.assert(fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
    const hypotheses = segments.map(([hypothesis]) => hypothesis);
    const references = segments.map(([, list]) => list);
    const { score } = corpusBleu(hypotheses, references);
    assertEquals(score >= 0 && score <= 100 + 1e-9, true);
    const own = segments.map(([hypothesis, list]) => [...list, hypothesis]);
    assertAlmostEquals(corpusBleu(hypotheses, own).score, 100, 1e-9);
  }));
});
