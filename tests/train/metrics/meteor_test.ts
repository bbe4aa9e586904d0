import { assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FileError, ShapeError } from "../../../core/errors.ts";
import { loadMeteor } from "../../../train/metrics/load_meteor.ts";
import { alignWords, countChunks } from "../../../train/metrics/meteor_align.ts";
import { meteor } from "../../../train/metrics/meteor.ts";
import { meteorWords } from "../../../train/metrics/meteor_words.ts";
import {
  type MeteorResources,
  parseFunctionWords,
  parsePrefixes,
  parseSynonyms,
} from "../../../train/metrics/meteor_resources.ts";
import { shared, sharedTest } from "../../support/shared.ts";

const names = { synsets: "synsets", exceptions: "exceptions" };
const sample = {
  functionWords: "the\n.\n",
  prefixes: "# titles\nDr\n\nNo #NUMERIC_ONLY#\n",
  synsets: "cheap\n1 2\ninexpensive\n2\nchild\n7\nkid\n7 8\nride\n9\n",
  exceptions: "child\nchildren\nride\nrode ridden\n",
};

const resources: MeteorResources = {
  functionWords: parseFunctionWords(sample.functionWords),
  prefixes: parsePrefixes(sample.prefixes),
  synonyms: parseSynonyms(sample.synsets, sample.exceptions, names),
};

const segment = (hypothesis: string, ...references: string[]): number =>
  meteor([hypothesis], [references], { resources }).score;

Deno.test("meteorWords() parts marks from words as METEOR does", () => {
  const cases: [string, string][] = [
    ["A family-friendly (cheap) pub.", "a family friendly ( cheap ) pub ."],
    ["a-b-c", "a b-c"],
    ["1,000.50 a,b,c , d", "1,000.50 a , b,c , d"],
    ["It isn't the dogs' 1990's 'end'", "it isn 't the dogs ' 1990 's ' end '"],
    ["\u201CWell\u201D \u2018so\u2019 ``as''", '" well " \' so \' " as "'],
    ["9\u201310 and a--b", "9 - 10 and a b"],
    ["Wait... what.. no", "wait ... what .. no"],
    ["The U.S. and Dr. No. 5 or No. Then", "the us and dr. no. 5 or no . then"],
    ["Ltd. is Ltd. Then 5.", "ltd. is ltd . then 5 ."],
    ["\u00A3 20 \u00E9t\u00E9\u00A0x \u{1F600}", "\u00A3 20 \u00E9t\u00E9 x \u{1F600}"],
    [" ", ""],
  ];
  for (const [text, words] of cases) {
    assertEquals(meteorWords(text, resources.prefixes).join(" "), words, text);
  }
});

Deno.test("parseSynonyms() finds the sets of words in any form", () => {
  const { synonyms } = resources;
  const of = (word: string) => [...synonyms?.(word) ?? []];
  assertEquals([of("cheap"), of("children"), of("ridden"), of("kids")], [[1, 2], [7], [9], [7, 8]]);
  assertEquals([of("riding"), of("cheaper"), of("pass"), of("unknown")], [[9], [1, 2], [], []]);
});

Deno.test("parseSynonyms() names file and line of a fault", () => {
  const faults: [string, string, string][] = [
    ["cheap\n1\nchild\n", "", "synsets:3: Cannot read word as a line must follow it"],
    [
      "cheap\n1\nchild\nx y\n",
      "",
      'synsets:4: Cannot read synonyms as the numbers of their sets are required: found "x y"',
    ],
    ["", "child", "exceptions:1: Cannot read word"],
  ];
  for (const [synsets, exceptions, message] of faults) {
    assertThrows(() => parseSynonyms(synsets, exceptions, names), FileError, message);
  }
});

Deno.test("loadMeteor() reads the files of a folder, synonyms where they exist", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await assertRejects(() => loadMeteor(folder), FileError, "function/english.words");
    for (const part of ["function", "nonbreaking", "synonym"]) {
      await Deno.mkdir(`${folder}/${part}`);
    }
    await Deno.writeTextFile(`${folder}/function/english.words`, sample.functionWords);
    await Deno.writeTextFile(`${folder}/nonbreaking/english.prefixes`, sample.prefixes);
    const plain = await loadMeteor(folder);
    assertEquals(plain, { ...resources, synonyms: undefined });
    assertEquals(meteor(["a"], [["a"]], { resources: plain }).label, "METEOR_exact_stem");
    await Deno.writeTextFile(`${folder}/synonym/english.synsets`, sample.synsets);
    await assertRejects(() => loadMeteor(folder), FileError, "synonym/english.exceptions");
    await Deno.writeTextFile(`${folder}/synonym/english.exceptions`, sample.exceptions);
    const full = await loadMeteor(folder);
    assertEquals([...full.synonyms!("children")], [7]);
    const { label, modules } = meteor(["a"], [["a"]], { resources: full });
    assertEquals([label, modules], ["METEOR_exact_stem_synonym", ["exact", "stem", "synonym"]]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("meteor() of hand-computed cases", () => {
  // All words match, in three chunks of five words.
  const swapped = 1 - 0.6 * (3 / 5) ** 0.2;
  assertAlmostEquals(segment("the dog bites the man", "the man bites the dog"), swapped, 1e-15);
  // One equal word and one synonym of three content words, in one chunk of two words.
  const share = (1 + 0.8) / 3;
  const synonym = share * (1 - 0.6 * (1 / 2) ** 0.2);
  assertAlmostEquals(segment("a cheap pub", "an inexpensive pub"), synonym, 1e-15);
  // Function words weigh 0.25, content words 0.75; a stem counts 0.6.
  const precision = (0.25 + 0.6 * 0.75) / (0.25 + 2 * 0.75);
  const recall = (0.25 + 0.6 * 0.75) / (0.25 + 0.75);
  const mean = 1 / (0.15 / precision + 0.85 / recall);
  const stemmed = mean * (1 - 0.6 * (1 / 2) ** 0.2);
  assertAlmostEquals(segment("the dogs bite", "the dog"), stemmed, 1e-15);
});

Deno.test("meteor() is 1 for a reference, 0 without a match, and takes the best reference", () => {
  assertEquals(segment("The dog bites the man.", "The dog bites the man."), 1);
  assertEquals([segment("x", "y"), segment("", "y"), segment(" ", " ")], [0, 0, 0]);
  const [good, bad] = ["a cheap pub", "a riverside place"];
  assertEquals(segment("a cheap place", bad, good, ""), segment("a cheap place", good));
});

Deno.test("meteor() of a corpus sums statistics, but no chunk of a perfect segment", () => {
  const { score, segments, penalty } = meteor(["the dog", "a b c", "x"], [["the dog"], ["c a b"], [
    "y",
  ]], { resources });
  assertAlmostEquals(segments[1]!, 1 - 0.6 * (2 / 3) ** 0.2, 1e-15);
  assertEquals([segments[0], segments[2]], [1, 0]);
  assertAlmostEquals(penalty, 0.6 * (2 / 5) ** 0.2, 1e-15);
  // Four content words and one function word have a partner, x and y have none.
  assertAlmostEquals(score, (4 * 0.75 + 0.25) / (5 * 0.75 + 0.25) * (1 - penalty), 1e-15);
});

Deno.test("meteor() refuses segments without references and scores empty ones 0", () => {
  const run = (hypotheses: string[], references: string[][]) => () =>
    meteor(hypotheses, references, { resources });
  assertThrows(run(["a"], []), ShapeError, "Cannot compute METEOR");
  assertThrows(run(["a", "b"], [["a"], []]), ShapeError, "found none in 1");
  assertEquals(meteor(["a"], [[""]], { resources }).score, 0);
});

const words = fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 7 });
const equality = (a: string, b: string) => Number(a === b);

Deno.test("alignWords() pairs as many equal words as there are, each once", () => {
  fc.assert(fc.property(words, words, (hypothesis, reference) => {
    const pairs = alignWords(hypothesis, reference, equality, 1);
    for (const { word, partner } of pairs) assertEquals(hypothesis[partner], reference[word]);
    assertEquals(new Set(pairs.map(({ partner }) => partner)).size, pairs.length);
    const count = (list: string[], one: string) => list.filter((word) => word === one).length;
    const most = [...new Set(reference)].reduce(
      (sum, one) => sum + Math.min(count(hypothesis, one), count(reference, one)),
      0,
    );
    assertEquals(pairs.length, most);
    assertEquals(countChunks(pairs) <= pairs.length, true);
  }));
});

Deno.test("meteor() lies from 0 to 1, and another reference never lowers a segment", () => {
  const text = words.map((list) => ["a", ...list].join(" "));
  fc.assert(fc.property(text, text, text, (hypothesis, one, other) => {
    const score = segment(hypothesis, one);
    assertEquals(score >= 0 && score <= 1, true);
    assertEquals(segment(hypothesis, one, other) >= score, true);
    assertEquals(segment(hypothesis, other, hypothesis), 1);
  }));
});

sharedTest("meteor() equals METEOR 1.5 without paraphrases on every WebNLG segment", async () => {
  const lines = async (path: string) =>
    (await Deno.readTextFile(shared(`oracles/${path}`))).replace(/\n$/, "").split("\n");
  const official = await loadMeteor(shared("oracles/meteor15/resources"));
  const gold = await lines("webnlg2017/references/gold-all-cat-reference-3ref.meteor");
  const { scores } = JSON.parse(
    await Deno.readTextFile(shared("oracles/meteor15/noparaphrase/totals.json")),
  );
  for (const team of ["ADAPT_Centre", "GKB_Unimelb", "PKUWriter"]) {
    const hypotheses = await lines(`webnlg2017/teams/${team}_all-cat.txt`);
    const references = hypotheses.map((_, i) => gold.slice(3 * i, 3 * i + 3));
    const result = meteor(hypotheses, references, { resources: official });
    const table = await lines(`meteor15/noparaphrase/webnlg_${team}_all-cat.tsv`);
    const expected = table.slice(1).map((line) => Number(line.split("\t")[2]));
    assertEquals(expected.length, 1862);
    result.segments.forEach((score, i) =>
      assertAlmostEquals(score, expected[i]!, 1e-12, `${team} ${i + 1}`)
    );
    assertAlmostEquals(result.score, scores[`webnlg ${team} all-cat`].no_paraphrase, 1e-12, team);
  }
});
