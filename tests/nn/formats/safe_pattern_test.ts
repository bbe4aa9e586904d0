import { assert, assertEquals } from "@std/assert";
import { runsAway } from "../../../nn/formats/safe_pattern.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Expressions on which a backtracking matcher runs without end. */
const endless: readonly string[] = [
  "([a-z_.0-9]+)+!",
  "([^!]+)+!",
  "(a|a)*b",
  "(a|aa)+$",
  "(.*)*x",
  "(.+)+\\1x",
  "(.*\\.)*(.*\\.)*x",
  "(\\w+\\s?)*$",
  "(\\p{L}+)+!",
  "(中+)+x",
  "(?:[\\s\\S]|\\n)*x",
  "(x+x+)+y",
  "(a*b*)*c",
  "(a?b?)*c",
  "((a+)?)+b",
  "(a+)+?b",
  "(?<x>a+)+b",
  "(?i:A|a)*b",
  "(?=(a+)+b)c",
  "(?:(?:|)a)*b",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "(.*a){20}",
  ".*".repeat(7) + "x",
  "(a?){30}a{30}",
  "(a?){9}(a?){9}(a?){9}",
  "(a|a)".repeat(30) + "b",
  "(?:a{1,9}){1,9}(?:a{1,9}){1,9}b",
  "(".repeat(300) + "a" + ")".repeat(300),
];

/** Expressions of published adapters and tokenizers, and others that end soon. */
const harmless: readonly string[] = [
  "(?:query|key|value)",
  ".*\\.layers\\.\\d+\\.(q|v)_proj",
  "^(?:.*?\\.)?(?:layers|h)\\.(\\d+)\\.",
  "^(?:.*\\.)?(?:.*self.*query)$",
  "(?:.*?(?:language|text).*?(?:self_attn|attention|mlp|ffn).*?(?:k_proj|v_proj|fc1).*?)|" +
  "(?:\\bmodel\\.layers\\.[\\d]{1,}\\.(?:self_attn|attention|mlp)\\.(?:(?:k_proj|v_proj)))",
  numbers(500).map((i) => `model\\.layers\\.${i}\\.self_attn\\.q_proj`).join("|"),
  `model\\.layers\\.(?:${numbers(100).join("|")})\\.mlp\\.(up|down)_proj`,
  "'s|'t|'re| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  "(?:'s|'t|'re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" +
  "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+('s)?",
  "\\p{N}{1,3}(?=(?:\\p{N}{3})*$)",
  "(a*b)*c",
  "(\\w+\\.)*\\w+",
  "(?:[a-z]+_)*[a-z]+",
  "(?:ab|cd){50}",
  "a{1000}",
  ".{0,100}a",
  "[[]+x",
  "[\\]]+\\]",
  "\\u{1F600}+a",
];

Deno.test("expressions on which a matcher would run without end are found", () => {
  for (const source of endless) {
    new RegExp(source, "u");
    assert(runsAway(source), source);
  }
});

Deno.test("expressions that end soon are let pass", () => {
  assertEquals(harmless.filter((source) => runsAway(source)), []);
});

Deno.test("expressions of any size are judged soon", () => {
  const words = `(?:${numbers(2000).map((i) => `(?:w${i}|w)`).join("|")})*`;
  for (const source of [words, "(?:a{9}){9}".repeat(500), "a?".repeat(3000), "(".repeat(1e4)]) {
    const started = performance.now();
    runsAway(source);
    assert(performance.now() - started < 10_000, source.slice(0, 20));
  }
});
