import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ShapeError } from "../../../core/errors.ts";
import { EditTable, moveRun } from "../../../train/metrics/edit_table.ts";
import { meanTer } from "../../../train/metrics/ter_mean.ts";
import { ter, type TerOptions } from "../../../train/metrics/ter.ts";
import { shared, sharedTest } from "../../support/shared.ts";

const edits = (hypothesis: string, reference: string, options?: TerOptions) =>
  ter([hypothesis], [[reference]], options).edits;

Deno.test("ter() counts insertions, deletions, substitutions and shifts", () => {
  const cases: [hypothesis: string, reference: string, edits: number][] = [
    ["a b c", "a b c", 0],
    ["a b", "a b c", 1],
    ["a b c d", "a b c", 1],
    ["a x c", "a b c", 1],
    ["d e f g h a b c", "a b c d e f g h", 1],
    ["c a b", "a b c", 1],
    ["b a d c", "a b c d", 2],
    ["x y", "a b c", 3],
    ["", "a b", 2],
    ["a b", "", 2],
  ];
  for (const [hypothesis, reference, count] of cases) {
    assertEquals(edits(hypothesis, reference), count, `${hypothesis} | ${reference}`);
  }
});

Deno.test("ter() divides the fewest edits by the mean length of the references", () => {
  const { score, words } = ter(["a b c d"], [["a b c d e f", "a b", ""]]);
  assertEquals([score, words], [2 / 4, 4]);
  assertEquals(ter(["a", "x"], [["a b c"], ["y"]]).score, 3 / 4);
  assertEquals([ter(["a"], [[""]]).score, ter([""], [[""]]).score], [1, 0]);
});

Deno.test("ter() compares as its options say", () => {
  assertEquals(edits("The Dog", "the dog"), 0);
  assertEquals(edits("The Dog", "the dog", { caseSensitive: true }), 2);
  const reference = "The dog 's ( 5 - 6 ) cats , 1,000 . &";
  assertEquals(edits("The dog's (5-6) cats, 1,000. &amp;", reference, { normalize: true }), 0);
  assertEquals(edits("The dog's (5-6) cats, 1,000. &amp;", reference), 12);
});

Deno.test("ter() and meanTer() refuse segments without a list of references", () => {
  for (const metric of [ter, meanTer]) {
    assertThrows(() => metric(["a"], []), ShapeError, "found 1 hypotheses and 0 lists");
    assertThrows(() => metric(["a", "b"], [["a"], []]), ShapeError, "found none in 1");
  }
});

Deno.test("meanTer() takes any shift of a longest run, and the mean over segments", () => {
  assertEquals(meanTer(["c a b"], [["a b c"]]).segments, [1 / 3]);
  assertEquals(meanTer(["A"], [["a"]]).score, 1);
  assertEquals(meanTer(["a b", "", "a"], [["a b", "c"], ["a b"], ["", ""]]), {
    score: 2 / 3,
    segments: [0, 1, 1],
  });
  // Figures of pyter 0.3; the first pair is that of its documentation.
  const cases: [string, string, number][] = [
    [
      "THIS WEEK THE SAUDIS denied information published in the new york times",
      "SAUDI ARABIA denied THIS WEEK information published in the AMERICAN new york times",
      4 / 13,
    ],
    ["e d a b", "d b a e c a d", 5 / 7],
    // Here it matters which of equally good shifts is made: the last in the order of the words.
    ["d a e c d c b b", "d b d d c e b d a c", 6 / 10],
    ["c d a e a c e d", "b c c d d e a c", 4 / 8],
  ];
  for (const [hypothesis, reference, rate] of cases) {
    assertAlmostEquals(meanTer([hypothesis], [[reference]]).score, rate, 1e-15, hypothesis);
  }
});

const words = fc.array(fc.nat({ max: 4 }), { maxLength: 9 }).map((list) => Int32Array.from(list));

/** Levenshtein's distance by its definition. */
function distance(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) return a.length + b.length;
  const [first, ...rest] = a, [other, ...others] = b;
  if (first === other) return distance(rest, others);
  return 1 + Math.min(distance(rest, others), distance(rest, b), distance(a, others));
}

Deno.test("EditTable finds the distance of hypotheses one after the other, and a way through it", () => {
  const short = fc.array(fc.nat({ max: 2 }), { maxLength: 5 });
  const sameLength = fc.nat({ max: 5 }).chain((length) =>
    fc.array(fc.array(fc.nat({ max: 2 }), { minLength: length, maxLength: length }), {
      minLength: 1,
      maxLength: 4,
    })
  );
  fc.assert(fc.property(short, sameLength, (reference, hypotheses) => {
    const table = new EditTable(Int32Array.from(reference), hypotheses[0]!.length);
    for (const hypothesis of hypotheses) {
      const expected = distance(hypothesis, reference);
      assertEquals(table.distance(Int32Array.from(hypothesis)), expected);
      const path = table.path();
      assertEquals(path.filter((edit) => edit !== "keep").length, expected);
      assertEquals(path.filter((edit) => edit !== "delete").length, hypothesis.length);
      assertEquals(path.filter((edit) => edit !== "insert").length, reference.length);
    }
  }));
});

Deno.test("moveRun() is taking out and putting in", () => {
  fc.assert(fc.property(words, fc.nat(), fc.nat(), fc.nat({ max: 10 }), (list, from, size, to) => {
    const start = from % (list.length + 1), length = size % (list.length - start + 1);
    const rest = [...list];
    const run = rest.splice(start, length);
    rest.splice(to, 0, ...run);
    assertEquals([...moveRun(list, start, length, to)], rest);
  }));
});

Deno.test("ter() and meanTer() need no more edits than without shifts, and none for a reference", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 8 });
  fc.assert(fc.property(text, text, (hypothesis, reference) => {
    const [one, other] = [hypothesis.join(" "), reference.join(" ")];
    const table = new EditTable(
      Int32Array.from(reference, (word) => word.charCodeAt(0)),
      hypothesis.length,
    );
    const most = table.distance(Int32Array.from(hypothesis, (word) => word.charCodeAt(0)));
    assertEquals(edits(one, other) <= most, true);
    assertEquals(meanTer([one], [[other]]).score <= most / reference.length, true);
    assertEquals([edits(one, one), meanTer([one], [[one]]).score], [0, 0]);
  }));
});

sharedTest(
  "ter() equals the tests of sacreBLEU, and its figures for several references",
  async () => {
    const oracle = JSON.parse(await Deno.readTextFile(shared("oracles/sacrebleu/cases.json")));
    const cases: [string[], string[], number][] = oracle.ter.test_cases;
    assertEquals(cases.length, 7);
    for (const [hypotheses, references, score] of cases) {
      const result = ter(hypotheses, references.map((reference) => [reference]));
      assertAlmostEquals(result.score, score, 1e-12);
    }
    const { generation } = JSON.parse(await Deno.readTextFile(shared("fixtures/metrics.json")));
    assertEquals(generation.length, 6);
    for (const one of generation) {
      assertAlmostEquals(100 * ter(one.hypotheses, one.references).score, one.ter, 1e-9);
    }
  },
);

sharedTest("ter() equals tercom on the unseen categories of WebNLG 2017", async () => {
  const folder = "oracles/webnlg2017";
  const lines = async (path: string) =>
    (await Deno.readTextFile(shared(`${folder}/${path}`))).replace(/\n$/, "").split("\n");
  const { scores } = JSON.parse(await Deno.readTextFile(shared(`${folder}/expected.json`)));
  for (const team of ["ADAPT_Centre", "GKB_Unimelb", "PKUWriter", "Baseline"]) {
    const hypotheses = await lines(`teams/${team}_new-cat.txt`);
    const references = hypotheses.map((): string[] => []);
    for (const line of await lines("references/gold-new-cat-reference-3ref.ter")) {
      const [, text = "", id] = /^(.*)\(id([0-9]+)\)$/.exec(line) ?? [];
      references[Number(id) - 1]!.push(text.trim());
    }
    const { score } = ter(hypotheses, references);
    assertAlmostEquals(score, scores[team]["new-cat"].TER, 1e-12, team);
  }
});
