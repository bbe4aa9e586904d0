import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Ranges, roundedBytes } from "../../../kernels/cuda/memory/ranges.ts";

Deno.test("Ranges gives out the lowest free range that fits, and joins those that come back", () => {
  const unit = roundedBytes(1);
  const units = 24;
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 6 }))), (turns) => {
      const ranges = new Ranges();
      ranges.grow(units * unit);
      const free = new Array<boolean>(units).fill(true);
      const held: [start: number, size: number][] = [];
      for (const [takes, size] of turns) {
        if (takes) {
          const start = free.findIndex((_, at) =>
            at + size <= units && free.slice(at, at + size).every((is) => is)
          );
          assertEquals(ranges.take(size * unit), start < 0 ? undefined : start * unit);
          if (start < 0) continue;
          held.push([start, size]);
          free.fill(false, start, start + size);
        } else if (held.length > 0) {
          const [[start, length]] = held.splice(size % held.length, 1) as [[number, number]];
          ranges.give(start * unit, length * unit);
          free.fill(true, start, start + length);
        }
        const tail = units - 1 - free.lastIndexOf(false);
        assertEquals([ranges.tail, ranges.end], [tail * unit, units * unit]);
      }
    }),
    { numRuns: 500 },
  );
});
