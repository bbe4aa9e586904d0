import { assertEquals, assertThrows } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { parseResults } from "../../../train/tables/read_results.ts";
import { linesOf, madeHead, sweepOf, wholeSweep } from "../../support/sweep_results.ts";

Deno.test("results are read as they were written", () => {
  const sweep = wholeSweep();
  assertEquals(parseResults(linesOf(sweep), "results.jsonl"), JSON.parse(JSON.stringify(sweep)));
});

Deno.test("what JSON has no number for is NaN again", () => {
  const sweep = sweepOf([{ method: "lora", figures: [NaN, 0.5] }]);
  const { results } = parseResults(linesOf(sweep), "results.jsonl");
  assertEquals(results.map(({ last }) => last), [{ accuracy: NaN }, { accuracy: 0.5 }]);
});

const sweep = sweepOf([{ method: "lora", figures: [0.5, 0.6] }]);
const [head, first, second] = linesOf(sweep).split("\n") as [string, string, string];
const changed = (change: object) => JSON.stringify({ ...JSON.parse(first), ...change });

const faults: readonly (readonly [what: string, lines: readonly string[], says: string])[] = [
  ["an empty file", [], "results.jsonl:1: Cannot read results as a head in the first line"],
  ["a file without a head", [first, second], "results.jsonl:1: Cannot read results as a head with"],
  [
    "a head with words to tune",
    [JSON.stringify({ ...madeHead, tuned: { lr: ["a"] } })],
    "lists of numbers in tuned",
  ],
  ["a torn line in the middle", [head, first.slice(0, 40), second], "results.jsonl:2: "],
  ["an empty line", [head, first, "", second], "results.jsonl:3: "],
  ["a list", [head, "[1]"], 'a JSON object in each line is required: found "[1]"'],
  ["a run twice", [head, first, second, first], "results.jsonl:4: "],
  ["a stage of its own", [head, changed({ stage: "test" })], "stage tune or report"],
  ["an arm without a method", [head, changed({ arm: { task: "rte", varied: {} } })], "an arm with"],
  [
    "a list among what is varied",
    [head, changed({ arm: { task: "rte", method: "lora", varied: { rate: [1] } } })],
    "numbers and texts in varied",
  ],
  ["half a seed", [head, changed({ seed: 1.5 })], "an integer seed"],
  ["an unknown status", [head, changed({ status: "lost" })], "status done, failed, running"],
  ["no settings", [head, changed({ settings: [] })], "an object of settings"],
  ["no metric", [head, changed({ metric: "" })], "the name of a metric"],
  ["no direction", [head, changed({ isHigherBetter: 1 })], "isHigherBetter"],
  ["a word for a figure", [head, changed({ last: { accuracy: "0.5" } })], "numbers in last"],
  ["negative seconds", [head, changed({ seconds: -1 })], "a number from 0 in seconds"],
  ["a course of words", [head, changed({ course: [{ step: "1" }] })], "numbers in course"],
  ["no id", [head, changed({ id: "" })], "an id is required"],
];

for (const [what, lines, says] of faults) {
  Deno.test(`${what} is refused by file and line`, () => {
    const text = lines.map((line) => `${line}\n`).join("");
    const error = assertThrows(() => parseResults(text, "results.jsonl"), FileError, says);
    assertEquals(error.message.split("\n").length, 1);
  });
}

Deno.test("a file whose end is torn off is refused", () => {
  const text = linesOf(sweep).trimEnd();
  assertThrows(
    () => parseResults(text, "results.jsonl"),
    FileError,
    "results.jsonl:3: Cannot read results as a line break at the end of the file is required",
  );
});
