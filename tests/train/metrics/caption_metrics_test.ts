import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OptionError, ShapeError } from "../../../core/errors.ts";
import { cider } from "../../../train/metrics/cider.ts";
import { rougeL } from "../../../train/metrics/rouge.ts";
import type { Tokenization } from "../../../train/metrics/tokenization.ts";

/** The F-measure in which recall weighs 1.2 times as much as precision. */
function measure(precision: number, recall: number): number {
  return (1 + 1.44) * precision * recall / (recall + 1.44 * precision);
}

Deno.test("rougeL() of hand-computed cases", () => {
  // a c d is common to both, in that order.
  assertAlmostEquals(rougeL(["a b c d"], [["a c x d y"]]), measure(3 / 4, 3 / 5), 1e-15);
  assertAlmostEquals(rougeL(["b a"], [["a b"]]), measure(1 / 2, 1 / 2), 1e-15);
  assertEquals(rougeL(["a b"], [["c"]]), 0);
  const mean = rougeL(["a b", "c"], [["a b"], ["d"]]);
  assertAlmostEquals(mean, 1 / 2, 1e-15);
});

Deno.test("rougeL() takes precision and recall from the reference that is best for each", () => {
  // 2 of 4 words and all of 2; 3 of 4 words and 3 of 6.
  const references = ["a b", "a b c x y z"];
  assertAlmostEquals(rougeL(["a b c d"], [references]), measure(3 / 4, 1), 1e-15);
});

Deno.test("rougeL() compares words without punctuation and case", () => {
  assertAlmostEquals(rougeL(["The pub, it is CHEAP!"], [["the pub it is cheap"]]), 1, 1e-15);
  const tokenization = "none";
  assertEquals(rougeL(["A b!"], [["a b"]], { tokenization }), 0);
});

Deno.test("cider() of a hand-computed case", () => {
  // One of two segments holds each word but a, so all weigh log 2 and a weighs 0.
  const hypotheses = ["a b c", "a d"];
  const references = [["a b e", "a b c f"], ["a d"]];
  // Words b c against b e, pairs ab bc against ab be.
  const shorter = 1 / 2 + 1 / 2;
  // Words b c against b c f, pairs ab bc against ab bc cf, abc against abc bcf; one pair more.
  const longer = (2 / Math.sqrt(6) + 2 / Math.sqrt(6) + 1 / Math.SQRT2) * Math.exp(-1 / 72);
  const first = (shorter + longer) / 2, second = 1 + 1;
  assertAlmostEquals(cider(hypotheses, references), 10 * (first + second) / 4 / 2, 1e-12);
});

Deno.test("cider() counts a repeated word no more often than the reference", () => {
  const score = (text: string) => cider([text, "x"], [["a b"], ["y"]]);
  // a a a weighs 3, clipped to 1, against a norm of 3 and √2; 2-grams differ by one.
  const expected = 10 * Math.exp(-1 / 72) / (3 * Math.SQRT2) / 4 / 2;
  assertAlmostEquals(score("a a a"), expected, 1e-12);
});

Deno.test("cider() of one segment, or of texts without words, is 0", () => {
  assertEquals(cider(["a b c d"], [["a b c d"]]), 0);
  assertEquals(cider(["", "..."], [["a"], ["!?", "."]]), 0);
});

Deno.test("rougeL() and cider() refuse segments without references and unknown tokenizations", () => {
  const tokenization = "words" as Tokenization;
  for (const metric of [rougeL, cider]) {
    assertThrows(() => metric(["a"], [[""]]), ShapeError, "every hypothesis requires a reference");
    assertThrows(() => metric(["a"], []), ShapeError, "found 1 hypotheses and 0 lists");
    assertThrows(() => metric(["a"], [["a"]], { tokenization }), OptionError, "found words");
  }
});

Deno.test("rougeL() is 1 and cider() 10 for own references of at least four words", () => {
  const words = fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 4, maxLength: 9 });
  fc.assert(fc.property(fc.array(words, { minLength: 2, maxLength: 5 }), (texts) => {
    // A word of its own makes every n-gram of a text rare.
    const own = texts.map((text, i) => text.map((word) => `${word}${i}`).join(" "));
    assertAlmostEquals(rougeL(own, own.map((text) => [text])), 1, 1e-12);
    assertAlmostEquals(cider(own, own.map((text) => [text])), 10, 1e-9);
    const mixed = own.map((text, i) => [text, own[(i + 1) % own.length]!]);
    assertEquals(rougeL(own, mixed) <= 1 + 1e-12, true);
    assertEquals(cider(own, mixed) <= 10 + 1e-9, true);
  }));
});
