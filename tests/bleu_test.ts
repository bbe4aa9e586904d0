import { assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OptionError, ShapeError } from "../core/errors.ts";
import { readE2e } from "../train/data/e2e.ts";
import { groupByContext } from "../train/data/text_example.ts";
import { type BleuSmoothing, corpusBleu } from "../train/metrics/bleu.ts";
import { tokenize13a } from "../train/metrics/tokenize_13a.ts";
import { shared, sharedTest } from "./shared.ts";

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
  const smoothing = "floor" as BleuSmoothing;
  assertThrows(() => corpusBleu(["a"], [["a"]], { smoothing }), OptionError, "found floor");
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

interface GenerationCase {
  hypotheses: string[];
  references: string[][];
  bleu_13a: number;
  bleu_13a_lower: number;
  bleu_precisions: number[];
  bp: number;
}

sharedTest("corpusBleu() equals sacreBLEU on segments with one to five references", async () => {
  const text = await Deno.readTextFile(shared("fixtures/metrics.json"));
  const cases: GenerationCase[] = JSON.parse(text).generation;
  assertEquals(cases.length, 6);
  for (const one of cases) {
    const result = corpusBleu(one.hypotheses, one.references);
    assertAlmostEquals(result.score, one.bleu_13a, 1e-9);
    assertAlmostEquals(result.brevityPenalty, one.bp, 1e-9);
    one.bleu_precisions.forEach((precision, order) =>
      assertAlmostEquals(result.precisions[order] ?? NaN, precision, 1e-9)
    );
    const lower = corpusBleu(one.hypotheses, one.references, { lowercase: true });
    assertAlmostEquals(lower.score, one.bleu_13a_lower, 1e-9);
  }
});

type CorpusCase = [
  hypotheses: string[],
  references: string[][],
  options: { tokenize?: string; smooth_method?: BleuSmoothing },
  score: number,
];

sharedTest("corpusBleu() equals the tests of sacreBLEU, to the digits they print", async () => {
  const oracle = JSON.parse(await Deno.readTextFile(shared("oracles/sacrebleu/cases.json")));
  const columns = (lists: string[][]) =>
    (lists[0] ?? []).map((_, segment) => lists.map((list) => list[segment] ?? ""));
  const cases: CorpusCase[] = oracle.bleu.test_corpus_bleu_cases;
  const ours = cases.filter(([, , { tokenize }]) => (tokenize ?? "13a") === "13a");
  assertEquals(ours.length, 4);
  for (const [hypotheses, references, { smooth_method: smoothing }, score] of ours) {
    const options = smoothing === undefined ? {} : { smoothing };
    assertAlmostEquals(corpusBleu(hypotheses, columns(references), options).score, score, 5e-7);
  }
  const [[hypotheses, references, [matches, totals]]] = oracle.bleu.test_case_statistics;
  const statistics = corpusBleu(hypotheses, columns(references));
  assertEquals([statistics.matches, statistics.totals], [matches, totals]);
  const { REF, SYS, REF_0, SYS_0, test_cases, test_cases_zero_bleu } = oracle.sentence_bleu;
  let checked = 0;
  for (
    const [hypothesis, reference, rows] of [[SYS, REF, test_cases], [
      SYS_0,
      REF_0,
      test_cases_zero_bleu,
    ]]
  ) {
    for (const [smoothing, , , tokenize, score] of rows) {
      if (tokenize !== "13a" || (smoothing !== "exp" && smoothing !== "none")) continue;
      const result = corpusBleu([hypothesis], [[reference]], { smoothing });
      assertAlmostEquals(result.score, score, 5e-4);
      checked++;
    }
  }
  assertEquals(checked, 4);
});

sharedTest("corpusBleu() in lower case gives the official BLEU of the E2E systems", async () => {
  const groups = groupByContext(await readE2e(shared("data/e2e"), "dev"));
  const references = groups.map((group) => group.references);
  const { scores } = JSON.parse(
    await Deno.readTextFile(shared("oracles/e2e_ukp_dev/expected.json")),
  );
  for (const file of Object.keys(scores)) {
    const text = await Deno.readTextFile(shared(`oracles/e2e_ukp_dev/${file}`));
    const hypotheses = text.trimEnd().split("\n");
    const options = { lowercase: true, smoothing: "none" } as const;
    const { score } = corpusBleu(hypotheses, references, options);
    assertAlmostEquals(score / 100, scores[file].BLEU, 5e-5, file);
  }
});
