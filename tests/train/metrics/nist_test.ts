import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { OptionError, ShapeError } from "../../../core/errors.ts";
import { nist, type NistConvention } from "../../../train/metrics/nist.ts";

Deno.test("nist() of a hand-computed case", () => {
  // Words of the references: a twice, b and c once, so log2(4/2), log2(4/1) twice.
  // Behind a stands b half of the time; before c stands only a.
  const references = [["a b"], ["a c"]];
  const unigrams = (1 + 2 + 1 + 2) / 4, bigrams = (1 + 1) / 2;
  assertAlmostEquals(nist(["a b", "a c"], references), unigrams + bigrams, 1e-12);
  assertAlmostEquals(nist(["A b", "c a"], references), unigrams + 1 / 2, 1e-12);
});

Deno.test("nist() clips matches at the greatest count in one reference", () => {
  // Of five words b tells log2(5/1) bits and counts once.
  const score = nist(["b b b"], [["a a b", "a a"]]);
  assertAlmostEquals(score, Math.log2(5) / 3, 1e-12);
});

Deno.test("nist() halves the score of hypotheses with two thirds of the words", () => {
  const [whole, part] = [nist(["a b c"], [["a b c"]]), nist(["a b"], [["a b c"]])];
  assertAlmostEquals(part, whole / 2, 1e-12);
});

Deno.test("nist() has two ways to take the length of references of different number", () => {
  // mteval: 20 words by 1.5 references a segment; pymteval: means of 5 and 10.
  const hypotheses = ["a b c d e", "f g h i j"];
  const references = [["a b c d e", "a b c d e"], ["f g h i j k l m n o"]];
  const ratio = (convention: NistConvention) => {
    const score = nist(hypotheses, references, { convention });
    const words = 5 * Math.log2(20 / 2) + 5 * Math.log2(20 / 1);
    const precision = words / 10;
    return Math.exp(-Math.sqrt(Math.log(precision / score) / (Math.log(2) / Math.log(1.5) ** 2)));
  };
  assertAlmostEquals(ratio("mteval"), 10 / (20 / 1.5), 1e-12);
  assertAlmostEquals(ratio("pymteval"), 10 / 15, 1e-12);
});

Deno.test("nist() of hypotheses without words or matches is 0", () => {
  assertEquals(nist(["", "x"], [["a b"], ["c"]]), 0);
  assertEquals(nist(["", ""], [["a b"], ["c"]], { convention: "pymteval" }), 0);
});

Deno.test("nist() refuses segments without references and unknown conventions", () => {
  assertThrows(() => nist(["a"], [[""]]), ShapeError, "Cannot compute NIST");
  const convention = "perl" as NistConvention;
  assertThrows(() => nist(["a"], [["a"]], { convention }), OptionError, "found perl");
});
