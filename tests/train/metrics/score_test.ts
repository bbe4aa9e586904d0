import { assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import { ShapeError } from "../../../core/errors.ts";
import { lineBlocks, readReferences } from "../../../train/data/references.ts";
import { loadMeteor } from "../../../train/metrics/load_meteor.ts";
import { challengeText, recipeText } from "../../../train/metrics/webnlg_text.ts";
import { scoreTexts } from "../../../train/metrics/score.ts";
import { shared, sharedTest } from "../../support/shared.ts";

Deno.test("challengeText() writes ASCII in lower case and parts every sign", () => {
  assertEquals(
    challengeText("Lars Løkke’s “Café” – 20-25."),
    'lars lokke \' s " cafe " - 20 - 25 .',
  );
  assertEquals(challengeText("a_b  (c.d)\t1,000"), "a_b ( c . d ) 1 , 000");
  const text = "the runway is 18l / 36r .";
  assertEquals(challengeText(text), text);
});

Deno.test("recipeText() keeps the letters of the text", () => {
  assertEquals(recipeText("Lars Løkke’s Café – 25."), "lars løkke ’ s café – 25 .");
});

const outputs = ["Aromi is a cheap pub.", "Clowns serves French food."];
const references = [["Aromi is a cheap pub.", "The Aromi pub is cheap!"], ["It is French."]];

Deno.test("score() of E2E has the five metrics, and METEOR by words without punctuation", () => {
  const { METEOR_modules: modules, ...figures } = scoreTexts("e2e", outputs, references);
  assertEquals(Object.keys(figures), [
    "convention",
    "segments",
    "BLEU",
    "NIST",
    "METEOR",
    "ROUGE_L",
    "CIDEr",
  ]);
  assertEquals([figures.convention, figures.segments], ["challenge", 2]);
  assertEquals(modules, ["exact", "stem"]);
  const marks = scoreTexts("e2e", ["A pub, (cheap)."], [["A pub (cheap)!"]]);
  assertEquals(marks.METEOR, 1);
  assertLess(marks.BLEU, 1);
});

Deno.test("score() of E2E takes BLEU's smoothing and NIST's lengths from the convention", () => {
  const texts = ["a b c x y z", "d"];
  const lists = [["a b c v w"], ["d", "d e f"]];
  const [challenge, paper] = (["challenge", "paper"] as const).map((convention) =>
    scoreTexts("e2e", texts, lists, { convention })
  );
  // Matches of 1-grams to 4-grams; mteval takes half a match of the longest.
  const precisions = 4 / 7 * 2 / 5 * 1 / 4 * 0.5 / 3;
  assertAlmostEquals(challenge!.BLEU, precisions ** 0.25, 1e-12);
  // pymteval takes 1e-15 matches, and "d" lowers the number of longer n-grams below 0.
  const signed = 4 / 7 * 2 / 5 * 1 / (4 - 1) * 1e-15 / (3 - 2);
  assertAlmostEquals(paper!.BLEU, signed ** 0.25, 1e-12);
  // Only words tell anything here: behind each of them the next one is certain.
  const bits = (count: number) => Math.log2(9 / count);
  const words = 3 * bits(1) + bits(2);
  assertAlmostEquals(challenge!.NIST, words / 7, 1e-12);
  assertAlmostEquals(paper!.NIST, words / 7, 1e-12);
  // 5 words of outputs against 9 / 1.5 words of references by mteval, against 5 + 2 by pymteval.
  const short = (convention: "challenge" | "paper") =>
    scoreTexts("e2e", ["a b c x", "d"], lists, { convention }).NIST;
  const penalty = (length: number) => 0.5 ** ((Math.log(5 / length) / Math.log(2 / 3)) ** 2);
  assertAlmostEquals(short("challenge"), penalty(9 / 1.5) * words / 5, 1e-12);
  assertAlmostEquals(short("paper"), penalty(5 + 2) * words / 5, 1e-12);
});

Deno.test("score() of WebNLG compares texts in ASCII under the challenge's convention alone", () => {
  const figures = (convention: "challenge" | "paper") =>
    scoreTexts("webnlg", ["Café Ångström ran here"], [["cafe angstrom ran here"]], { convention });
  const [challenge, paper] = [figures("challenge"), figures("paper")];
  assertAlmostEquals(challenge.BLEU, 1, 1e-12);
  assertEquals([challenge.TER, challenge.chrF], [0, 1]);
  assertLess(paper.BLEU, 0.5);
  // Two of four words differ, and the empty segment adds a rate of 1.
  assertAlmostEquals(paper.TER!, (2 / 4 + 1) / 2, 1e-12);
});

Deno.test("score() of WebNLG takes three references, six by the paper", () => {
  const own = "a fourth text of five words";
  const texts = [["one", "two", "three", own]];
  const bleu = (convention: "challenge" | "paper") =>
    scoreTexts("webnlg", [own], texts, { convention }).BLEU;
  assertEquals(bleu("challenge"), 0);
  assertAlmostEquals(bleu("paper"), 1, 1e-12);
  const seventh = [["one", "two", "three", "four", "five", "six", own]];
  assertEquals(scoreTexts("webnlg", [own], seventh, { convention: "paper" }).BLEU, 0);
});

Deno.test("score() counts a missing reference of WebNLG as multi-bleu does", () => {
  const texts = [["a b c d e f g h i"], ["a b c d e f", "x"]];
  const bleu = (hypothesis: string) =>
    scoreTexts("webnlg", [hypothesis, "a b c d e f"], texts).BLEU;
  // The nearest length to 4 words is the empty line's: 10 words against 0 + 6, no brevity penalty.
  assertAlmostEquals(bleu("a b c d"), 1, 1e-12);
  // The nearest to 5 words is 9: 11 words against 9 + 6.
  assertAlmostEquals(bleu("a b c d e"), Math.exp(1 - 15 / 11), 1e-12);
});

Deno.test("score() refuses outputs and references of different number", () => {
  assertThrows(() => scoreTexts("e2e", ["a"], []), ShapeError, "found 1 hypotheses and 0 lists");
});

sharedTest("challengeText() of WebNLG's XML gives the challenge's reference files", async () => {
  const folder = shared("oracles/webnlg2017/references");
  const corpus = shared("data/webnlg/webnlg_challenge_2017/test/testdata_with_lex.xml");
  const segments = await readReferences(corpus);
  assertEquals(segments.filter(({ part }) => part === "unseen").length, 891);
  for (const column of [0, 1, 2]) {
    const lines = lineBlocks(
      await Deno.readTextFile(`${folder}/gold-all-cat-reference${column}.lex`),
    );
    const texts = segments.map(({ references }) => challengeText(references[column] ?? ""));
    assertEquals(texts, lines.map((line) => line.replace(/ +/g, " ")));
  }
});

sharedTest("score() equals the official figures of a team of the WebNLG challenge", async () => {
  const folder = shared("oracles/webnlg2017");
  const { scores } = JSON.parse(await Deno.readTextFile(`${folder}/expected.json`));
  const totals = JSON.parse(
    await Deno.readTextFile(shared("oracles/meteor15/noparaphrase/totals.json")),
  );
  const meteor = await loadMeteor(shared("oracles/meteor15/resources"));
  const [team, track] = ["GKB_Unimelb", "new-cat"];
  const path = `${folder}/references/gold-${track}-reference0.lex`;
  const lists = (await readReferences(path)).map((segment) => segment.references);
  const outputs = lineBlocks(await Deno.readTextFile(`${folder}/teams/${team}_${track}.txt`));
  const { BLEU, TER, METEOR } = scoreTexts("webnlg", outputs, lists, { meteor });
  const expected = scores[team][track];
  assertAlmostEquals(BLEU, expected.BLEU / 100, 5.001e-5);
  assertAlmostEquals(TER!, expected.TER, 1e-12);
  assertAlmostEquals(METEOR, totals.scores[`webnlg ${team} ${track}`].no_paraphrase, 1e-12);
});
