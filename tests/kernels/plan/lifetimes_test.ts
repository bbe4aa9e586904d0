// Memory by lifetime: nothing lies where something else lies at the same time.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Lifetime,
  placeByLifetime,
  shareByLifetime,
} from "../../../kernels/plan/lifetimes.ts";

const lifetimes: fc.Arbitrary<Lifetime[]> = fc.array(
  fc.record({
    size: fc.integer({ min: 1, max: 9 }),
    from: fc.integer({ min: 0, max: 30 }),
    length: fc.integer({ min: 1, max: 20 }),
  }).map(({ size, from, length }) => ({ size, from, to: from + length })),
  { maxLength: 40 },
);

/** Most bytes that are in use at once. */
function most(list: readonly Lifetime[]): number {
  const at = (time: number) =>
    list.filter(({ from, to }) => from <= time && time < to)
      .reduce((sum, { size }) => sum + size, 0);
  return Math.max(0, ...list.map(({ from }) => at(from)));
}

Deno.test("places of what is there at the same time do not overlap, and the piece holds all", () => {
  fc.assert(fc.property(lifetimes, (list) => {
    const { starts, end } = placeByLifetime(list);
    list.forEach((a, i) => {
      assert(starts[i]! >= 0 && starts[i]! + a.size <= end);
      list.slice(0, i).forEach((b, j) => {
        const together = a.from < b.to && b.from < a.to;
        const apart = starts[i]! >= starts[j]! + b.size || starts[j]! >= starts[i]! + a.size;
        assert(!together || apart, `${i} and ${j}`);
      });
    });
    assert(end >= most(list));
  }));
});

Deno.test("small memory that stays does not cut the room of what is larger", () => {
  // In the order of their coming the second would lie above the first, and leave no room below.
  const list = [
    { size: 1, from: 0, to: 2 },
    { size: 2, from: 1, to: 4 },
    { size: 4, from: 3, to: 5 },
  ];
  assertEquals(most(list), 6);
  assertEquals(placeByLifetime(list).end, most(list));
});

Deno.test("pieces of a size are as many as are in use at once, and nothing shares one at a time", () => {
  fc.assert(fc.property(lifetimes, (drawn) => {
    const list = drawn.toSorted((a, b) => a.from - b.from);
    const { pieces, sizes } = shareByLifetime(list);
    list.forEach((a, i) => {
      assertEquals(sizes[pieces[i]!], a.size);
      list.slice(0, i).forEach((b, j) =>
        assert(pieces[i] !== pieces[j] || a.from >= b.to, `${i} and ${j}`)
      );
    });
    for (const size of new Set(sizes)) {
      const own = list.filter((one) => one.size === size);
      assertEquals(sizes.filter((one) => one === size).length, most(own) / size);
    }
  }));
});
