import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { batchSize, largest, largestBatches } from "../../../train/data/batch_sizes.ts";

Deno.test("a batch of few tokens is among the largest by its width, or by what it predicts", () => {
  const [wide, full, wordy, small] = [
    batchSize(1, 40, 1),
    batchSize(8, 10, 8),
    batchSize(4, 10, 30),
    batchSize(4, 10, 8),
  ];
  assertEquals(new Set(largest([small, wide, full, wordy])), new Set([wide, full, wordy]));
  assertEquals(largest([]), []);
});

Deno.test("of batches that are alike in one size the larger one by the others is taken", () => {
  assertEquals(largest([batchSize(2, 8, 2), batchSize(2, 8, 9)]), [batchSize(2, 8, 9)]);
});

Deno.test("whatever tokens and targets cost, no batch takes much more than the largest ones", () => {
  const sizes = fc.record({
    rows: fc.integer({ min: 1, max: 8 }),
    width: fc.integer({ min: 2, max: 60 }),
    targets: fc.integer({ min: 1, max: 200 }),
  }).map(({ rows, width, targets }) => batchSize(rows, width, targets));
  fc.assert(
    fc.property(fc.array(sizes, { minLength: 1, maxLength: 60 }), fc.nat(100), (batches, price) => {
      const cost = ({ tokens, targets }: typeof batches[number]) => 10 * tokens + price * targets;
      const most = (some: readonly typeof batches[number][]) => Math.max(...some.map(cost));
      assert(most(batches) <= 1.1 * most(largest(batches)));
    }),
  );
});

Deno.test("evaluations are measured by the batches that they read", () => {
  assertEquals(largestBatches([3, 9, 4, 8], 2), [[3, 1]]);
  assertEquals(largestBatches([3, 9, 4, 8], 2, [20, 1, 20, 1]).map((batch) => [...batch].sort()), [
    [1, 3],
    [0, 2],
  ]);
});
