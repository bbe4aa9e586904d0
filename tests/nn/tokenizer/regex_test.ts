import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OptionError } from "../../../core/errors.ts";
import { doublesWork } from "../../../nn/formats/safe_pattern.ts";
import { regexPattern, splitBounds } from "../../../nn/tokenizer/pattern.ts";
import { machineOf } from "../../../nn/tokenizer/regex_machine.ts";
import { nativeRegex } from "../../../nn/tokenizer/regex_native.ts";
import { readRegex } from "../../../nn/tokenizer/regex_syntax.ts";
import { PatternError } from "../../../nn/tokenizer/regex_tree.ts";

/** Patterns of published tokenizers: GPT-2, LLaMA 3, Qwen 2 and GPT-4o. */
const published = [
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  String
    .raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  String
    .raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  String
    .raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
];

/** Patterns that a backtracking engine does not get through a long text with. */
const endless = [
  "([^!]+)+!",
  "([a-z_.0-9]+)+!",
  "(a|a)*b",
  "(a|ab|b)*c",
  "(x+x+)+y",
  String.raw`(\w|\d)+!`,
  String.raw`(\w*)(\w*)(\w*)(\w*)!`,
  "(?:a?){30}a{30}!",
  "(?:(?:a+)+)+!",
  "(?=(a+)+!)a",
  "(?:a{1,9}){1,20}!",
  "[ab]*a?a?a?a?a?a?!",
  String.raw`\w+\s*\w+\s*\w+!`,
];

function boundsOf(pattern: string, text: string): number[][] {
  const tree = readRegex(pattern);
  const native = Array.from(
    text.matchAll(nativeRegex(tree)),
    (match) => [match.index, match.index + match[0].length],
  );
  const find = machineOf(tree)(text);
  const own: number[][] = [];
  for (let from = 0; from <= text.length;) {
    const found = find(from);
    if (!found) break;
    own.push([...found]);
    const [start, end] = found;
    from = end > start ? end : end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
  }
  assertEquals(own, native, `${pattern} on ${JSON.stringify(text)}`);
  return own;
}

Deno.test("readRegex() means the same to JavaScript's engine and to the one in linear time", () => {
  const letters = [..."aab b!xy 1\n\r'sSKé漢", "\u{1f600}", "\u0301"];
  const texts = fc.array(fc.constantFrom(...letters), { maxLength: 16 }).map((parts) =>
    parts.join("")
  );
  const more = ["(?<=a)b|(?<!b)x", "a+?b??|x{2,3}?", "(?>a|ab)b|a++.", "^a|b$", String.raw`\b|\B.`];
  const patterns = [...published, ...endless, ...more, "(?:a{0,2}b){2,}!|[a-x&&[^b]]+"];
  for (const pattern of patterns) {
    fc.assert(fc.property(texts, (text) => void boundsOf(pattern, text)), { numRuns: 60 });
  }
});

/** Whether JavaScript's engine matches each choice of a pattern without long detours. */
function isDirect(pattern: string): boolean {
  const tree = readRegex(pattern);
  const choices = tree.kind === "choice" ? tree.items : [tree];
  return choices.every((choice) => !doublesWork(choice, "v", true));
}

Deno.test("doublesWork() leaves the patterns of published tokenizers to JavaScript's engine", () => {
  for (const pattern of published) assert(isDirect(pattern), pattern);
  for (const pattern of endless) assert(!isDirect(pattern), pattern);
});

Deno.test("regexPattern() gets through long texts with every pattern", () => {
  const text = "a".repeat(20_000) + "b".repeat(2000);
  const start = performance.now();
  for (const pattern of endless) {
    try {
      regexPattern(pattern)(text);
      regexPattern(pattern)(text.slice(0, 5000));
    } catch (error) {
      assert(error instanceof OptionError, pattern);
    }
  }
  for (const pattern of published) assertEquals(regexPattern(pattern)(text), [0, text.length]);
  assertEquals(regexPattern("([^!]+)+!")(`${text}!`), [0, text.length + 1]);
  // Seconds for all; one of them would take hours where every way is tried.
  assert(performance.now() - start < 60_000);
});

Deno.test("readRegex() names what it does not support", () => {
  const refused = {
    "(a)\\1": "the escape \\1",
    "\\X": "the escape \\X",
    "a**": "an endless repetition of what can be empty",
    "(a*)*b": "an endless repetition of what can be empty",
    "(?<=a+)b": "a look behind of several lengths",
    "(?x: a)": "the group (?x:",
    "(?i:\\p{Lu})": "(?i) over classes of letters",
    "(?i:é)": "(?i) over letters beyond ASCII",
    "(?i:ss)": "(?i) over ss",
    "\\p{Novel}": "the property \\p{Novel}",
    "[[:novel:]]": "the class [:novel:]",
    "(a": "an open group",
    "a)": "a closing parenthesis by itself",
    "[a": "an open class",
    "[]": "an empty class",
    "[b-a]": "a range that runs down",
    "+a": "a repetition of nothing",
    "a\\": "an unfinished end",
    "a{3,2}": "the repetition {3,2}",
  };
  for (const [pattern, message] of Object.entries(refused)) {
    assertThrows(() => readRegex(pattern), PatternError, message);
  }
  assertThrows(() => readRegex("(".repeat(1000)), PatternError, "nested groups");
  assertThrows(() => regexPattern("(?:a{999}){999}"), PatternError, "steps");
});

Deno.test("splitBounds() covers the text with the parts of each behavior", () => {
  const parts = (behavior: Parameters<typeof splitBounds>[2], invert = false) => {
    const text = "the-final--countdown";
    const bounds = splitBounds(text, regexPattern("-")(text), behavior, invert);
    return bounds.flatMap((start, at) => at % 2 ? [] : [text.slice(start, bounds[at + 1])]);
  };
  assertEquals(parts("Removed"), ["the", "final", "countdown"]);
  assertEquals(parts("Removed", true), ["-", "-", "-"]);
  assertEquals(parts("Isolated"), ["the", "-", "final", "-", "-", "countdown"]);
  assertEquals(parts("MergedWithPrevious"), ["the-", "final-", "-", "countdown"]);
  assertEquals(parts("MergedWithNext"), ["the", "-final", "-", "-countdown"]);
  assertEquals(parts("Contiguous"), ["the", "-", "final", "--", "countdown"]);
});
