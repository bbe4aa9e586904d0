import { assertAlmostEquals, assertEquals } from "@std/assert";
import { bleuConventions, corpusBleu } from "../../../train/metrics/bleu.ts";
import { scoreTexts } from "../../../train/metrics/score.ts";

type Pair = readonly [bleu: number, nist: number];
type Row = readonly [
  name: string,
  hypotheses: string[],
  references: string[][],
  mteval: Pair,
  pymteval: Pair,
];

/** What mteval-v13a.pl, to 8 digits, and pymteval.py, in full, give at the edges of BLEU and NIST. */
// deno-fmt-ignore
const rows: readonly Row[] = [
  ["one segment", ["the cat sat on the mat today"], [["the cat sat on the red mat"]], [0.64345888, 2.2872566], [0.6434588841607617, 2.2872565998588987]],
  ["two segments", ["the cat sat on the mat today", "a dog runs"], [["the cat sat on the red mat", "a cat is on a mat"], ["the dog runs fast"]], [0.53801955, 2.90288911], [0.5380195477245272, 3.0701295285074486]],
  ["one hypothesis empty", ["the cat sat on the mat today", ""], [["the cat sat on the red mat"], ["the dog runs fast"]], [0.36337289, 1.17337182], [0.5378329261427206, 0.0]],
  ["all hypotheses empty", ["", ""], [["the cat sat"], ["the dog runs fast"]], [0.0, 0.0], [3.8815599336794766e-10, 0.0]],
  ["all shorter than four words", ["a dog", "two cats here"], [["a dog", "the dog"], ["two cats there"]], [0.71860822, 2.04588394], [4.8056228282695085e-06, 2.0458839376460833]],
  ["one word each", ["dog", "cat"], [["dog"], ["dog"]], [0.84089642, 0.0], [2.659147948472494e-05, 0.0]],
  ["no match", ["x y z w v", "q r s t u"], [["a b c d e"], ["f g h i j"]], [0.02670544, 0.0], [1.5106876986783861e-16, 0.0]],
  ["much too short", ["the", "a"], [["the cat sat on the red mat and went away"], ["a dog runs fast through the wood"]], [0.00055308, 1e-08], [1.7490063479067935e-08, 0.0]],
  ["longer than all references", ["the cat sat on the mat and then it went away again to the house"], [["the cat sat"]], [0.09782376, 0.3169925], [2.0687206010259382e-05, 0.31699250014423125]],
  ["equal length references, ties", ["a b c d e"], [["a b c d", "a b c d e f"]], [1.0, 4.60526143], [1.0, 4.605261428220696]],
  ["repeated words", ["the the the the the the"], [["the cat is on the mat", "there is a cat on the mat"]], [0.09652435, 0.68636605], [1.5352597838656363e-12, 0.6863660480557153]],
  ["numbers and marks", ["It costs 1,000.50 pounds - really ?", "at 5.30 p.m. it's \"open\""], [["It costs 1,000.50 pounds, really?"], ["At 5.30 p.m., it is \"open\"."]], [0.50009353, 3.30071434], [0.5000935309914625, 3.3007143351973722]],
  ["pound and accents", ["café £20-25 naïve"], [["Café £20-25 for the naïve", "cafe 20"]], [0.47398785, 3.169925], [0.4739878501170792, 3.1699250014423126]],
  ["upper case accents", ["École NORMALE supÉrieure ici"], [["école normale supérieure ici"]], [0.18995892, 1.0], [1.0, 0.0]],
  ["entities", ["Tom &amp; Jerry &lt;3 cats"], [["Tom & Jerry <3 cats"]], [1.0, 2.5849625], [1.0, 2.584962500721156]],
  ["white space", ["  a   b\tc  d "], [["a b c d"]], [1.0, 2.0], [1.0, 0.0]],
  ["different numbers of references", ["a b c d e", "f g h i j"], [["a b c d x", "a b c"], ["f g h i j"]], [0.83759224, 3.57206241], [0.837592239708627, 3.57206241299365]],
  ["identical", ["a b c d e f", "g h i j k l"], [["a b c d e f"], ["g h i j k l"]], [1.0, 3.5849625], [1.0, 3.5849625007211565]],
  ["prefix 0", ["0 b c", "a 0 b"], [["0 b d", "0 b"], ["a 0 c"]], [0.53728497, 1.8050125], [3.5930411196308442e-06, 0.0]],
  ["line break", ["a-\nb c d e"], [["a- b c d e"]], [1.0, 2.32192809], [9.792901396972318e-05, 0.0]],
  ["white space reference", ["a b", "c d e"], [["a b c", "  "], ["c d e f", ""]], [0.67032005, 1.82451757], [0.0316227766016838, 3.3032583347756463]],
  ["Greek capitals", ["ΣΩΣ the ΟΔΟΣ. b"], [["σως The οδος. b"]], [0.2364354, 1.39315686], [1.0, 2.321928094887362]],
  ["marks alone", ["? !", "a b"], [["!"], ["a b c"]], [0.78254229, 1.5], [0.0007825422900366437, 0.0]],
];

for (const [name, hypotheses, references, mteval, pymteval] of rows) {
  Deno.test(`BLEU and NIST equal both programs of E2E: ${name}`, () => {
    const challenge = scoreTexts("e2e", hypotheses, references);
    assertAlmostEquals(challenge.BLEU, mteval[0], 1e-8);
    assertAlmostEquals(challenge.NIST, mteval[1], 1e-8);
    const paper = scoreTexts("e2e", hypotheses, references, { convention: "paper" });
    assertAlmostEquals(paper.BLEU, pymteval[0], 1e-9);
    assertAlmostEquals(paper.NIST, pymteval[1], 1e-9);
  });
}

Deno.test("corpusBleu() of a corpus without matches differs by smoothing", () => {
  const texts = [["x y z w v"], [["a b c d e"]]] as const;
  const score = (smoothing: "exp" | "mteval") => corpusBleu(...texts, { smoothing }).score;
  assertEquals(score("exp"), 0);
  // 1/2 of 5, 1/4 of 4, 1/8 of 3, 1/16 of 2.
  assertAlmostEquals(score("mteval"), 100 * (1 / 10 / 16 / 24 / 32) ** (1 / 4), 1e-9);
});

Deno.test("the convention mteval lower-cases ASCII letters alone", () => {
  const { score, matches } = corpusBleu(["École ICI"], [["école ici"]], bleuConventions.mteval);
  assertEquals(matches, [1, 0, 0, 0]);
  assertEquals(score < 100, true);
});

Deno.test("texts of which the tokenizer of coco-caption leaves nothing have a score", () => {
  const { ROUGE_L, METEOR } = scoreTexts("e2e", ["?", "a b"], [["!"], ["a b"]]);
  assertEquals(ROUGE_L, 1);
  assertEquals(METEOR > 0, true);
  assertEquals(scoreTexts("e2e", ["a"], [["!"]]).METEOR, 0);
});
