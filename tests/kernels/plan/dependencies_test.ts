import { assert, assertEquals } from "@std/assert";
import { dependenciesOf, type MemoryAccess } from "../../../kernels/plan/dependencies.ts";

const read = (from: number, to: number): MemoryAccess => ({ from, to, isWritten: false });
const write = (from: number, to: number): MemoryAccess => ({ from, to, isWritten: true });

Deno.test("readers wait for who wrote what they read, and writers for those who read it", () => {
  const works = [[write(0, 8)], [read(0, 8)], [read(4, 6)], [write(0, 8)], [read(0, 1)]];
  assertEquals(dependenciesOf(works), [[], [0], [0], [2, 1], [3]]);
});

Deno.test("what nobody writes keeps nobody waiting, until it is written", () => {
  const works = [[read(0, 8), write(8, 9)], [read(0, 8), write(9, 10)], [write(2, 3)]];
  assertEquals(dependenciesOf(works), [[], [], [1, 0]]);
});

Deno.test("work that updates what it reads waits for itself no more than for others", () => {
  assertEquals(dependenciesOf([[read(0, 4), write(0, 4)], [read(0, 4), write(0, 4)]]), [[], [0]]);
});

Deno.test("memory that is written in part still belongs to its other users", () => {
  const works = [[write(0, 8)], [write(0, 4)], [read(4, 8)], [write(2, 6)]];
  assertEquals(dependenciesOf(works), [[], [0], [0], [2, 1]]);
});

Deno.test("what is waited for is not waited for twice", () => {
  const works = [[write(0, 1)], [read(0, 1), write(1, 2)], [read(0, 1), read(1, 2), write(2, 3)]];
  assertEquals(dependenciesOf(works), [[], [0], [1]]);
});

/** Everything that must have ended, by comparing each piece of work with each one before it. */
function allBefore(works: readonly (readonly MemoryAccess[])[]): Set<number>[] {
  const before: Set<number>[] = [];
  works.forEach((own, i) => {
    const found = new Set<number>();
    for (let j = 0; j < i; j++) {
      const meets = works[j]!.some((a) =>
        own.some((b) => a.from < b.to && b.from < a.to && (a.isWritten || b.isWritten))
      );
      if (meets) { for (const each of [j, ...before[j]!]) found.add(each); }
    }
    before.push(found);
  });
  return before;
}

Deno.test("1,000 random courses wait for what comparing all pairs finds, directly or by others", () => {
  let state = 1;
  const below = (n: number) => (state = state * 48271 % 0x7fffffff) % n;
  for (let round = 0; round < 1000; round++) {
    const works = Array.from(
      { length: 2 + below(12) },
      () =>
        Array.from({ length: 1 + below(3) }, () => {
          const from = below(12);
          return { from, to: from + 1 + below(5), isWritten: below(3) === 0 };
        }),
    );
    const reached: Set<number>[] = [];
    dependenciesOf(works).forEach((needed, i) => {
      assert(needed.every((other) => other < i));
      reached.push(new Set(needed.flatMap((other) => [other, ...reached[other]!])));
    });
    assertEquals(reached, allBefore(works), JSON.stringify(works));
  }
});
