import { assert, assertEquals, assertThrows } from "@std/assert";
import { mutations } from "./list.ts";
import { mutated, type Mutation } from "./mutation.ts";
import { drawn } from "./sample.ts";
import { Copy, walked } from "./tree.ts";
import { attempt, attemptAll } from "./trial.ts";

const root = decodeURIComponent(new URL("../..", import.meta.url).pathname).replace(/\/$/, "");

Deno.test("every mutation applies exactly once, has a name of its own, and tests that exist", async () => {
  const wrong: string[] = [];
  const names = new Set<string>();
  for (const mutation of mutations) {
    const { name, file, tests } = mutation;
    if (names.has(name)) wrong.push(`${name} is the name of two mutations`);
    names.add(name);
    try {
      mutated(await Deno.readTextFile(`${root}/${file}`), mutation);
      if (tests.length === 0) wrong.push(`${name} has no test`);
      for (const test of tests) await Deno.stat(`${root}/${test}`);
    } catch (error) {
      wrong.push(`${name}: ${error}`);
    }
  }
  assertEquals(wrong, []);
});

const example: Mutation = {
  name: "one",
  file: "train/schedule.ts",
  find: "a",
  replace: "b",
  why: "b",
  tests: ["tests/train"],
};

Deno.test("a mutation applies where its text stands exactly once", () => {
  assertEquals(mutated("x a y", { ...example, replace: "$&b" }), "x $&b y");
  assertThrows(() => mutated("xy", example), Error, "found it 0 times");
  assertThrows(() => mutated("a a", example), Error, "found it 2 times");
  assertThrows(() => mutated("a", { ...example, replace: "a" }), Error, "the same text twice");
});

Deno.test("days draw every mutation once before any is drawn again", () => {
  for (const length of [1, 2, 3, 10, 131, 150]) {
    const list = Array.from({ length }, (_, i) => ({ ...example, name: `${i}` }));
    const days = Array.from({ length: Math.ceil(length / 3) }, (_, i) => {
      return drawn(list, new Date(Date.UTC(2025, 0, 1 + i, 23 * (i % 2))), 3);
    });
    const names = new Set(days.flat().map(({ name }) => name));
    assert(names.size >= length - 2, `${names.size} of ${length}`);
    for (const some of days) assertEquals(new Set(some).size, Math.min(3, length));
  }
  const never = drawn([{ ...example, sample: false }, example], new Date(0), 3);
  assertEquals(never, [example]);
});

Deno.test("a trial tells a mutation that is noticed from the others", async () => {
  const source = "export const a = 1;\n";
  const test = (name: string, body: string) =>
    `import { a } from "./a.ts";\nDeno.test("${name}", () => {${body}});\n`;
  const folder = await Deno.makeTempDir({ prefix: "hiddenkey-" });
  try {
    await Deno.writeTextFile(`${folder}/a.ts`, source);
    await Deno.writeTextFile(`${folder}/good_test.ts`, test("a < 2", "if (a >= 2) throw a;"));
    await Deno.writeTextFile(
      `${folder}/loads_test.ts`,
      `import { a } from "./a.ts";\nif (a >= 2) throw a;`,
    );
    await using copy = await Copy.of(folder, await walked(folder));
    const verdict = async (replace: string, tests: string, find = "a = 1") => {
      const mutation = { ...example, file: "a.ts", find, replace, tests: [tests] };
      const { verdict, detail } = await attempt(copy, mutation);
      assertEquals(await copy.read("a.ts"), source);
      return `${verdict}: ${detail}`;
    };
    assertEquals(await verdict("a = 2", "good_test.ts"), "killed: good_test.ts: a < 2");
    assertEquals(await verdict("a = 0", "good_test.ts"), "survived: b");
    assert((await verdict("a = ;", "good_test.ts")).startsWith("broken: error: SyntaxError"));
    assert((await verdict("a = 2", "loads_test.ts")).startsWith("broken: "));
    assert((await verdict("b = 2", "good_test.ts")).startsWith("broken: "));
    assert((await verdict("a", "good_test.ts", "nothing")).startsWith("does not apply: "));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const today = new Date();

Deno.test(`three mutations of ${today.toISOString().slice(0, 10)} are killed`, async () => {
  await using copy = await Copy.of(root, await walked(root));
  const trials = await attemptAll([copy], drawn(mutations, today, 3), () => {});
  const others = trials.filter(({ verdict }) => verdict !== "killed")
    .map(({ mutation: { name }, verdict, detail }) => `${name} ${verdict}: ${detail}`);
  assertEquals(others, []);
});
