import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { classesOf, labelOf, type LabelRule } from "../../../train/data/labels.ts";

const row = { cells: [], path: "a.csv", row: 3, line: 4 };
const binary: LabelRule = { column: "label", classes: ["0", "1"] };
const words: LabelRule = { column: "verdict", classes: ["no", "yes"] };
const score: LabelRule = { column: "score", classes: undefined };

Deno.test("labelOf() reads classes by number and by word", () => {
  for (const cell of [1, 1n, "1", "01"]) assertEquals(labelOf(cell, row, binary), 1);
  for (const cell of ["yes", 1, 1n, "1"]) assertEquals(labelOf(cell, row, words), 1);
  const truth: LabelRule = { column: "label", classes: ["false", "true"] };
  assertEquals([true, false].map((cell) => labelOf(cell, row, truth)), [1, 0]);
});

Deno.test("labelOf() takes nothing and -1 for no label, unless -1 is one", () => {
  for (const cell of [undefined, null, "", -1, -1n, "-1"]) {
    assertEquals(labelOf(cell, row, words), undefined);
  }
  assertEquals(labelOf("-1", row, { column: "label", classes: ["-1", "0", "1"] }), 0);
  assertEquals(labelOf(-1, row, score), -1);
  assertEquals(labelOf(-1, row, { ...score, range: [0, 5] }), undefined);
});

Deno.test("labelOf() reads scores", () => {
  for (const cell of [2.5, "2.5", " 2.50 "]) assertEquals(labelOf(cell, row, score), 2.5);
  assertEquals(labelOf(4n, row, { ...score, range: [0, 5] }), 4);
});

const faults: [unknown, LabelRule, RegExp][] = [
  [2, binary, /^a\.csv:4: .*column "label" as a number from 0 to 1 is required: found 2$/],
  [0.5, binary, /a number from 0 to 1 is required: found 0\.5$/],
  ["maybe", words, /column "verdict" as one of "no", "yes" or a number from 0 to 1 .* "maybe"$/],
  [5.5, { ...score, range: [0, 5] }, /a number from 0 to 5 is required: found 5\.5$/],
  ["0x10", score, /a number is required: found "0x10"$/],
  ["0b1", words, /one of "no", "yes" or a number .* "0b1"$/],
  ["high", score, /column "score" as a number is required: found "high"$/],
  [Infinity, score, /a number is required/],
  [{}, words, /found \{\}$/],
];
for (const [cell, rule, says] of faults) {
  Deno.test(`labelOf() refuses ${JSON.stringify(cell)} as ${rule.column}`, () => {
    const { message } = assertThrows(() => labelOf(cell, row, rule), FileError);
    assertMatch(message, says);
  });
}

Deno.test("labelOf() names the row of a file without lines", () => {
  const { message } = assertThrows(
    () => labelOf("x", { cells: [], path: "a.parquet", row: 3 }, binary),
    FileError,
  );
  assertMatch(message, /^a\.parquet: Cannot read column "label" of row 3 as /);
});

const classes = (cells: readonly unknown[], known: readonly string[] = []) =>
  classesOf(cells.map((cell) => ({ cell, row })), "label", known);

Deno.test("classesOf() takes whole numbers as they are", () => {
  assertEquals(classes([2, 0n, 2, "0"]), ["0", "1", "2"]);
  assertEquals(classes(["0", "0"]), ["0", "1"]);
  assertEquals(classes(["1", "0"], ["no", "yes"]), ["0", "1"]);
});

Deno.test("classesOf() numbers words by the configuration, or else by their order", () => {
  assertEquals(classes(["yes", "no", "yes"]), ["no", "yes"]);
  assertEquals(classes(["yes", "no"], ["yes", "no", "maybe"]), ["yes", "no", "maybe"]);
  assertEquals(classes(["yes", "no"], ["yes", "maybe"]), ["no", "yes"]);
  assertEquals(classes([true, false]), ["false", "true"]);
  assertEquals(classes(["-1", "0", "1"]), ["-1", "0", "1"]);
  assertEquals(classes(["2", "x"]), ["2", "x"]);
});

for (const cell of [undefined, null, "", 0.5, -1, -1n, {}, 7]) {
  const text = typeof cell === "bigint" ? `${cell}n` : JSON.stringify(cell);
  Deno.test(`classesOf() refuses the training label ${text}`, () => {
    const { message } = assertThrows(() => classes([0, 1, cell]), FileError);
    assertMatch(message, /^a\.csv:4: .*column "label" as .*class.* is required: found /);
  });
}

Deno.test("classesOf() refuses a number that would turn whole numbers into words", () => {
  for (const cell of ["1.5", "-5", "1e-3", " .5", "+2", "nan", "-Infinity", "0.0"]) {
    const { message } = assertThrows(() => classes(["0", "1", cell, "0"]), FileError);
    assertMatch(message, /a whole number of at least 0 or the name of a class is required: found /);
  }
  assertEquals(classes(["v1.5", "1.5a", "nano"]), ["1.5a", "nano", "v1.5"]);
  assertEquals(classes(["1.5", "2.5"], ["1.5", "2.5"]), ["1.5", "2.5"]);
});

Deno.test("classesOf() and labelOf() take 40,000 words at once, and refuse a million", () => {
  const started = performance.now();
  const words = Array.from({ length: 40_000 }, (_, i) => `word ${i}`);
  const found = classes(words);
  const rule = { column: "label", classes: found };
  for (const [i, word] of found.entries()) assertEquals(labelOf(word, row, rule), i);
  assert(performance.now() - started < 10_000);
  const many = Array.from({ length: 60_000 }, (_, i) => `word ${i}`);
  assertThrows(() => classes(many), FileError, "at most 50000 classes");
  const numbers = Array.from({ length: 60_000 }, (_, i) => `${i}`);
  assertThrows(() => classes(numbers), FileError, "at most 50000 classes");
});
