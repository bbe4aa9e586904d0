import { assert, assertEquals, assertLess, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OptionError } from "../../../core/errors.ts";
import type { Example } from "../../../train/data/example.ts";
import { grammarDataset } from "../../../train/data/grammar.ts";
import { type Clause, entails, grammarWords, render } from "../../../train/data/grammar_clauses.ts";
import { accuracy } from "../../../train/metrics/classification.ts";

const sizes = { train: 400, dev: 100, seed: 3, noise: 0 };
const texts = (examples: Example[]) => examples.map(({ textA, textB }) => `${textA} ${textB}`);

Deno.test("grammarDataset() keeps to its words and lengths", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const { train, dev } = grammarDataset({ ...sizes, seed });
      for (const { textA, textB = "" } of [...train, ...dev]) {
        const premise = textA.split(" "), hypothesis = textB.split(" ");
        assert(premise.length <= 18 && hypothesis.length <= 8, `${textA} | ${textB}`);
        for (const word of [...premise, ...hypothesis]) assert(grammarWords.includes(word), word);
        const clauses = premise.filter((word) => word === ".").length;
        assert(clauses === 2 || clauses === 3);
        assertEquals([hypothesis.indexOf("."), premise.at(-1)], [hypothesis.length - 1, "."]);
      }
    }),
    { numRuns: 10 },
  );
});

Deno.test("grammarWords holds at most 120 words, each once and each in use", () => {
  assertLess(grammarWords.length, 121);
  assertEquals(new Set(grammarWords).size, grammarWords.length);
  const { train } = grammarDataset({ ...sizes, train: 6000 });
  assertEquals(new Set(texts(train).join(" ").split(" ")), new Set(grammarWords));
});

Deno.test("grammarDataset() is balanced and has no pair twice", () => {
  const { train, dev } = grammarDataset(sizes);
  for (const [examples, size] of [[train, 400], [dev, 100]] as const) {
    assertEquals(examples.length, size);
    assertEquals(examples.filter(({ label }) => label === 1).length, size / 2);
    assertEquals(examples.map(({ index }) => index), [...examples.keys()]);
  }
  assertEquals(new Set(texts([...train, ...dev])).size, 500);
});

Deno.test("grammarDataset() is a function of its seed", () => {
  assertEquals(grammarDataset(sizes), grammarDataset(sizes));
  assertNotEquals(grammarDataset(sizes), grammarDataset({ ...sizes, seed: 4 }));
});

Deno.test("grammarDataset() flips the share of train labels that noise asks for, and no other", () => {
  const clean = grammarDataset(sizes);
  const noisy = grammarDataset({ ...sizes, noise: 0.25 });
  assertEquals(texts(noisy.train), texts(clean.train));
  assertEquals(noisy.dev, clean.dev);
  for (const label of [0, 1]) {
    const rows = clean.train.filter((example) => example.label === label);
    const flipped = rows.filter(({ index }) => noisy.train[index]?.label !== label);
    assertEquals(flipped.length, 50);
  }
});

Deno.test("grammarDataset() refuses unusable sizes and noise", () => {
  for (const train of [0, 3, -2, 2.5, NaN, 1e9]) {
    assertThrows(() => grammarDataset({ ...sizes, train }), OptionError, `found ${train}`);
  }
  for (const noise of [-0.1, 0.6, NaN]) {
    assertThrows(() => grammarDataset({ ...sizes, noise }), OptionError, `found ${noise}`);
  }
});

Deno.test("entails() follows the kinds, colours and denials", () => {
  const act = (object: string, more: Partial<Clause> = {}): Clause => (
    { subject: "anna", verb: "sees", object, negated: false, ...more }
  );
  const red = { colour: "red" }, denied = { negated: true };
  const cases: [Clause, Clause, boolean][] = [
    [act("dog"), act("dog"), true],
    [act("dog"), act("animal"), true],
    [act("dog"), act("fruit"), false],
    [act("dog", red), act("dog"), true],
    [act("dog", red), act("animal"), true],
    [act("dog"), act("dog", red), false],
    [act("dog"), act("dog", denied), false],
    [act("dog", denied), act("dog"), false],
    [act("dog", denied), act("animal", denied), false],
    [act("dog", { ...red, ...denied }), act("dog", denied), false],
    [act("dog", denied), act("dog", { ...red, ...denied }), true],
    [act("dog"), act("dog", { subject: "ben" }), false],
    [act("dog"), act("dog", { verb: "likes" }), false],
    [act("park", { verb: "is" }), act("outside", { verb: "is" }), true],
    [act("two", { verb: "is" }), act("outside", { verb: "is" }), false],
  ];
  for (const [premise, hypothesis, expected] of cases) {
    const message = `${render(premise)} | ${render(hypothesis)}`;
    assertEquals(entails(premise, hypothesis), expected, message);
  }
});

Deno.test("render() writes every sort of clause", () => {
  const subject = "anna";
  const written: [Clause, string][] = [
    [{ subject, verb: "sees", object: "animal", negated: false }, "anna sees an animal ."],
    [
      { subject, verb: "sees", object: "apple", colour: "red", negated: true },
      "anna never sees a red apple .",
    ],
    [{ subject, verb: "helps", object: "ben", negated: false }, "anna helps ben ."],
    [{ subject, verb: "is", object: "park", negated: true }, "anna is not in the park ."],
    [{ subject, verb: "is", object: "two", negated: false }, "anna is in room two ."],
    [{ subject, verb: "is", object: "outside", negated: false }, "anna is outside ."],
  ];
  for (const [clause, text] of written) assertEquals(render(clause), text);
});

/** Trains logistic regression on word counts, premise and hypothesis apart; its dev accuracy. */
function bagOfWords(train: Example[], dev: Example[]): number {
  const features = ({ textA, textB = "" }: Example) =>
    [textA, textB].flatMap((text, part) =>
      text.split(" ").map((word) => part * grammarWords.length + grammarWords.indexOf(word))
    );
  const weights = new Float64Array(2 * grammarWords.length);
  const logit = (used: number[]) => used.reduce((sum, at) => sum + (weights[at] ?? NaN), 0);
  const rows = train.map((example) => ({ used: features(example), label: example.label ?? NaN }));
  for (let epoch = 0; epoch < 40; epoch++) {
    for (const { used, label } of rows) {
      const error = label - 1 / (1 + Math.exp(-logit(used)));
      for (const at of used) weights[at] = (weights[at] ?? NaN) + 0.3 / (epoch + 10) * error;
    }
  }
  const predictions = dev.map((example) => logit(features(example)) > 0 ? 1 : 0);
  return accuracy(predictions, dev.map(({ label }) => label ?? NaN));
}

Deno.test("grammarDataset() cannot be solved by the words alone", () => {
  const { train, dev } = grammarDataset({ train: 4000, dev: 2000, seed: 7, noise: 0 });
  const score = bagOfWords(train, dev);
  assert(score > 0.45 && score < 0.6, `bag of words reaches ${score}`);
});
