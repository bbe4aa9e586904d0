import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { stem } from "../../../train/metrics/porter2.ts";

/** Words as `word:stem`; the stems are those of Snowball's own program, release 1.2.1. */
const groups: Readonly<Record<string, string>> = {
  "exceptional words": "skies:sky dying:die idly:idl news:news innings:inning succeeded:succeed",
  "short words": "as:as 's:'s 'll:ll ied:ie",
  "apostrophes": "'tis:tis dog's:dog dogs':dog dogs's:dog",
  "plurals": "glasses:glass ties:tie cries:cri gas:gas this:this gaps:gap bus:bus kiwis:kiwi",
  "past and progressive forms":
    "agreed:agre feed:feed hopping:hop hoping:hope luxuriated:luxuri sized:size bled:bled " +
    "reedly:reed fallingly:fall",
  "the letter y": "cry:cri by:by say:say youth:youth enjoyment:enjoy ayyy:ayyy",
  "derived words":
    "relational:relat conditional:condit generously:generous generate:generat community:communiti " +
    "arsenal:arsenal apology:apolog biology:biolog analogi:analog hopefulness:hope greatly:great " +
    "fly:fli formative:format connective:connect electricity:electr",
  "what remains":
    "revival:reviv adoption:adopt bowling:bowl controll:control rate:rate cave:cave " +
    "restaurant:restaur replacement:replac",
};

for (const [name, words] of Object.entries(groups)) {
  Deno.test(`stem() of ${name}`, () => {
    for (const pair of words.split(" ")) {
      const [word = "", expected] = pair.split(":");
      assertEquals(stem(word), expected, word);
    }
  });
}

Deno.test("stem() never makes a word longer than by one letter, nor leaves a marked y", () => {
  const part = fc.constantFrom(..."a e y s ing ed ies ational ment ' b t l gener ly".split(" "));
  fc.assert(fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
    const word = parts.join("");
    const result = stem(word);
    assertEquals(result.length <= word.length + 1 && !result.includes("Y"), true, word);
  }));
});
