import { assertEquals } from "@std/assert";
import { againAfterSignal, failuresIn, lineOf, sumOf, totalsOf } from "./totals.ts";

const failing = `running 1 test from ./a_test.ts
a sum ... FAILED (3ms)

 ERRORS 

a sum => ./a_test.ts:1:6
error: AssertionError: 1 is not 2

 FAILURES 

a sum => ./a_test.ts:1:6

FAILED | 1,000 told | no line of totals
FAILED | 12 passed (1 step) | 1 failed | 3 ignored | 40 filtered out (1m2s)

error: Test failed
`;

Deno.test("the totals of a run are those of its last line, in colours too", () => {
  const expected = { passed: 12, steps: 1, failed: 1, ignored: 3, filtered: 40 };
  assertEquals(totalsOf(failing, 1), expected);
  assertEquals(totalsOf(failing.replace("FAILED | 12", "\x1b[31mFAILED\x1b[0m | 12"), 1), expected);
  const quiet = "ok | 5 passed (31 steps) | 0 failed (12ms)\n";
  const none = { failed: 0, ignored: 0, filtered: 0 };
  assertEquals(totalsOf(`ok | 9 passed | 0 failed\n${quiet}`, 0), {
    passed: 5,
    steps: 31,
    ...none,
  });
});

Deno.test("a run that ends badly has a failure, though it counts none", () => {
  assertEquals(totalsOf("ok | 5 passed | 0 failed (12ms)\nerror: leaked", 1).failed, 1);
  assertEquals(totalsOf("error: Module not found", 1).failed, 1);
  assertEquals(totalsOf("", 0).failed, 0);
});

Deno.test("the line of several runs has the form of one", () => {
  const one = { passed: 12, steps: 1, failed: 1, ignored: 3, filtered: 40 };
  const other = { passed: 5, steps: 31, failed: 0, ignored: 0, filtered: 0 };
  const sum = sumOf([one, other, other]);
  const line = "FAILED | 22 passed (63 steps) | 1 failed | 3 ignored | 40 filtered out (2m5s)";
  assertEquals(lineOf(sum, 125.9), line);
  assertEquals(totalsOf(line, 1), sum);
  assertEquals(lineOf({ ...other, steps: 0 }, 59.5), "ok | 5 passed | 0 failed (59s)");
});

Deno.test("failures are told once more from their heading on", () => {
  const told = failuresIn(failing);
  assertEquals(told.startsWith(" ERRORS \n\na sum => ./a_test.ts:1:6\nerror: Assert"), true);
  assertEquals(/passed/.test(told), false);
  assertEquals(failuresIn("ok | 5 passed | 0 failed (12ms)\n"), "");
});

Deno.test("a process that a signal ended runs once more, a failed one does not", async () => {
  for (
    const [codes, expected] of [[[0], 0], [[1, 0], 1], [[134, 0], 0], [[139, 134, 0], 134]] as const
  ) {
    const left: number[] = [...codes];
    const ended = await againAfterSignal(() =>
      Promise.resolve({ code: left.shift()!, output: "" })
    );
    assertEquals(ended.code, expected, `${codes}`);
    assertEquals(codes.length - left.length, codes[0] > 128 ? 2 : 1, `${codes}`);
  }
});
