import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { pad } from "../../../nn/objective/batch.ts";

Deno.test("pad() pads on the right to the longest sequence", () => {
  const { ids, lengths, width } = pad([{ ids: [5] }, { ids: [6, 7, 8] }, { ids: [9, 1] }], 4);
  assertEquals([...ids], [5, 4, 4, 6, 7, 8, 9, 1, 4]);
  assertEquals([lengths, width], [[1, 3, 2], 3]);
});

Deno.test("pad() keeps every token in its place", () => {
  const sequence = fc.array(fc.nat({ max: 60000 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(sequence, { minLength: 1, maxLength: 9 }), fc.nat(), (rows, padId) => {
      const { ids, lengths, width } = pad(rows.map((ids) => ({ ids })), padId);
      assertEquals(ids.length, rows.length * width);
      assertEquals(lengths, rows.map((row) => row.length));
      rows.forEach((row, at) => {
        const padding = new Array<number>(width - row.length).fill(padId);
        assertEquals([...ids.subarray(at * width, (at + 1) * width)], [...row, ...padding]);
      });
    }),
  );
});
