import { assertAlmostEquals, assertEquals } from "@std/assert";
import { lineBlocks, readReferences } from "../../../train/data/references.ts";
import {
  bleuConventions,
  type BleuCounts,
  bleuFromCounts,
  type BleuOptions,
  type BleuSmoothing,
  corpusBleu,
} from "../../../train/metrics/bleu.ts";
import { cider } from "../../../train/metrics/cider.ts";
import { rougeL } from "../../../train/metrics/rouge.ts";
import type { Tokenization } from "../../../train/metrics/tokenization.ts";
import { shared, sharedTest } from "../../support/shared.ts";

const readShared = async (path: string) => JSON.parse(await Deno.readTextFile(shared(path)));
const readLines = async (path: string) => lineBlocks(await Deno.readTextFile(shared(path)), path);

interface GenerationCase {
  hypotheses: string[];
  references: string[][];
  bleu_13a: number;
  bleu_13a_lower: number;
  bleu_precisions: number[];
  bp: number;
}

sharedTest("corpusBleu() equals sacreBLEU on segments with one to five references", async () => {
  const cases: GenerationCase[] = (await readShared("fixtures/metrics.json")).generation;
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

const tokenizations: Readonly<Record<string, Tokenization>> = {
  "13a": "13a",
  intl: "international",
  char: "characters",
  none: "none",
};

/** References by segment; sacreBLEU's tests list them by number. */
const columns = (lists: string[][]) =>
  lists[0]!.map((_, segment) => lists.map((list) => list[segment]!));

sharedTest("corpusBleu() equals the tests of sacreBLEU, to the digits they print", async () => {
  type CorpusCase = [
    string[],
    string[][],
    { tokenize?: string; smooth_method?: BleuSmoothing },
    number,
  ];
  const { bleu } = await readShared("oracles/sacrebleu/cases.json");
  const cases: CorpusCase[] = bleu.test_corpus_bleu_cases;
  assertEquals(cases.length, 6);
  for (
    const [hypotheses, references, { tokenize = "13a", smooth_method = "exp" }, score] of cases
  ) {
    const options = { tokenization: tokenizations[tokenize]!, smoothing: smooth_method };
    assertAlmostEquals(corpusBleu(hypotheses, columns(references), options).score, score, 5e-7);
  }
  const [[hypotheses, references, [matches, totals]]] = bleu.test_case_statistics;
  const counts = corpusBleu(hypotheses, columns(references));
  assertEquals([counts.matches, counts.totals], [matches, totals]);

  type RawCase = [string[], string[][], number];
  const raw = (rows: RawCase[], options: BleuOptions) => {
    assertEquals(rows.length > 0, true);
    for (const [hypotheses, references, score] of rows) {
      const result = corpusBleu(hypotheses, columns(references), {
        tokenization: "none",
        ...options,
      });
      assertAlmostEquals(result.score / 100, score, 1e-9);
    }
  };
  const little = { smoothing: "floor", smoothingValue: 0.01 } as const;
  raw(bleu.test_raw_bleu_cases, little);
  raw(bleu.test_case_offset, { smoothing: "floor" });
  raw(bleu.test_case_effective_order, { ...little, effectiveOrder: true });
});

sharedTest("bleuFromCounts() equals the test of sacreBLEU", async () => {
  const { bleu } = await readShared("oracles/sacrebleu/cases.json");
  const [[[[matches, totals], hypothesisLength, referenceLength], score]] = bleu.test_case_scoring;
  const counts: BleuCounts = { matches, totals, hypothesisLength, referenceLength };
  assertAlmostEquals(bleuFromCounts(counts).score / 100, score, 1e-9);
});

sharedTest("corpusBleu() of a sentence equals the tests of sacreBLEU", async () => {
  type SentenceCase = [BleuSmoothing, number | null, boolean, string, number];
  const { sentence_bleu: oracle } = await readShared("oracles/sacrebleu/cases.json");
  let checked = 0;
  const check = (hypothesis: string, reference: string, rows: SentenceCase[]) => {
    for (const [smoothing, value, lowercase, tokenize, score] of rows) {
      const tokenization = tokenizations[tokenize]!;
      const options = { smoothing, lowercase, tokenization, effectiveOrder: true };
      const valued = value === null ? options : { ...options, smoothingValue: value };
      const result = corpusBleu([hypothesis], [[reference]], valued);
      assertAlmostEquals(result.score, score, 1e-3, JSON.stringify([smoothing, value, tokenize]));
      checked++;
    }
  };
  check(oracle.SYS, oracle.REF, oracle.test_cases);
  check(oracle.SYS_0, oracle.REF_0, oracle.test_cases_zero_bleu);
  assertEquals(checked, 18);
});

sharedTest("corpusBleu() clips as NLTK does", async () => {
  const { bleu_modified_precision: [one] } = await readShared("oracles/nltk/cases.json");
  const { precisions } = corpusBleu([one.hyp], [one.refs], { smoothing: "none" });
  assertAlmostEquals(precisions[0]! / 100, one.p1, 1e-8);
  assertEquals(precisions[1], one.p2);
});

sharedTest("corpusBleu() equals multi-bleu on the teams of the WebNLG challenge", async () => {
  const { scores } = await readShared("oracles/webnlg2017/expected.json");
  for (const team of Object.keys(scores)) {
    // Together they are the third track, all-cat.
    for (const track of ["old-cat", "new-cat"]) {
      const folder = "oracles/webnlg2017";
      const hypotheses = await readLines(`${folder}/teams/${team}_${track}.txt`);
      const path = shared(`${folder}/references/gold-${track}-reference0.lex`);
      const lists = (await readReferences(path)).map(({ references }) => references.slice(0, 3));
      for (const list of lists) while (list.length < 3) list.push("");
      const result = corpusBleu(hypotheses, lists, bleuConventions.multiBleu);
      assertAlmostEquals(result.score, scores[team][track].BLEU, 5e-3, `${team} ${track}`);
      const printed = await readLines(`${folder}/eval/bleu3ref-${team}_${track}.txt`);
      const lengths = /hyp_len=(\d+), ref_len=(\d+)/.exec(printed[0]!)?.slice(1).map(Number);
      assertEquals([result.hypothesisLength, result.referenceLength], lengths);
    }
  }
});

sharedTest("BLEU, ROUGE-L and CIDEr equal coco-caption's on a thousand captions", async () => {
  const folder = "oracles/coco_fakecap";
  const captions: { image_id: number; caption: string }[] = await readShared(
    `${folder}/hypotheses.json`,
  );
  const texts: Record<string, string[]> = await readShared(`${folder}/references.json`);
  const expected = await readShared(`${folder}/expected.json`);
  const hypotheses = captions.map(({ caption }) => caption);
  const references = captions.map(({ image_id }) => texts[image_id]!);
  const { coco } = bleuConventions;
  const { matches, totals, hypothesisLength, referenceLength, score } = corpusBleu(
    hypotheses,
    references,
    coco,
  );
  const { reflen, testlen, guess, correct } = expected.bleu_stats;
  assertEquals([matches, totals], [correct, guess]);
  assertEquals([hypothesisLength, referenceLength], [testlen, reflen]);
  assertAlmostEquals(score / 100, expected.Bleu_4, 5e-4);
  assertAlmostEquals(rougeL(hypotheses, references), expected.ROUGE_L, 5e-4);
  assertAlmostEquals(cider(hypotheses, references), expected.CIDEr, 5e-4);
});

sharedTest("BLEU, ROUGE-L and CIDEr equal nlg-eval's, which splits at white space", async () => {
  const tokenization = "none", folder = "oracles/nlg_eval";
  const expected = await readShared(`${folder}/expected.json`);
  const [hypotheses = [], ...files] = await Promise.all(
    ["hyp", "ref1", "ref2"].map((name) => readLines(`${folder}/${name}.txt`)),
  );
  const whole = expected["corpus (hyp.txt, ref1.txt, ref2.txt)"];
  const check = (hypotheses: string[], references: string[][], figures: Record<string, number>) => {
    for (const order of [1, 2, 3, 4]) {
      const { score } = corpusBleu(hypotheses, references, {
        tokenization,
        smoothing: "none",
        order,
      });
      // Its floor of 1e-15 matches gives orders without a match up to 1e-4.
      const tolerance = score === 0 ? 1e-4 : 2e-6;
      assertAlmostEquals(score / 100, figures[`Bleu_${order}`]!, tolerance);
    }
    assertAlmostEquals(rougeL(hypotheses, references, { tokenization }), figures["ROUGE_L"]!, 5e-7);
    assertAlmostEquals(cider(hypotheses, references, { tokenization }), figures["CIDEr"]!, 5e-7);
  };
  check(hypotheses, columns(files), whole);
  for (const { hyp, refs, ...figures } of expected.single) check([hyp], [refs], figures);
});
