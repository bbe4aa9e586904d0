import { assert, assertEquals, assertLess, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OptionError } from "../../../core/errors.ts";
import { seedKey } from "../../../core/random.ts";
import {
  batchesOfStep,
  epochExamples,
  planEpoch,
  stepWindows,
} from "../../../train/data/batches.ts";

/** A reproducible source of uniform numbers for the tests. */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const never = () => {
  throw new Error("random() was called");
};

const plans = fc.record({
  lengths: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 600 }),
  batch: fc.integer({ min: 1, max: 9 }),
  bucket: fc.boolean(),
  shuffle: fc.boolean(),
  seed: fc.nat(),
});

Deno.test("planEpoch() uses every example once, in full batches but for one", () => {
  fc.assert(fc.property(plans, ({ seed, ...plan }) => {
    const batches = planEpoch({ ...plan, random: uniform(seed) });
    const count = plan.lengths.length;
    assertEquals(batches.flat().sort((a, b) => a - b), Array.from({ length: count }, (_, i) => i));
    assertEquals(batches.length, Math.ceil(count / plan.batch));
    const partial = batches.map((batch) => batch.length).filter((size) => size !== plan.batch);
    assertEquals(partial, count % plan.batch === 0 ? [] : [count % plan.batch]);
  }));
});

Deno.test("planEpoch() is a function of its random source", () => {
  fc.assert(fc.property(plans, ({ seed, ...plan }) => {
    assertEquals(
      planEpoch({ ...plan, random: uniform(seed) }),
      planEpoch({ ...plan, random: uniform(seed) }),
    );
  }));
  const plan = { lengths: new Array<number>(40).fill(1), batch: 4, bucket: false, shuffle: true };
  assertNotEquals(
    planEpoch({ ...plan, random: uniform(1) }),
    planEpoch({ ...plan, random: uniform(2) }),
  );
});

Deno.test("planEpoch() keeps the order of the file without bucket and shuffle", () => {
  const plan = { lengths: [9, 1, 5, 7, 2], batch: 2, bucket: false, shuffle: false, random: never };
  assertEquals(planEpoch(plan), [[0, 1], [2, 3], [4]]);
});

Deno.test("planEpoch() sorts by length, stably and without random numbers, if only bucketing", () => {
  const plan = { lengths: [9, 1, 5, 1, 2], batch: 2, bucket: true, shuffle: false, random: never };
  assertEquals(planEpoch(plan), [[1, 3], [4, 2], [0]]);
});

Deno.test("planEpoch() puts similar lengths together if bucketing, in random order", () => {
  const draw = uniform(3);
  const lengths = Array.from({ length: 4000 }, () => 1 + Math.floor(100 * draw()));
  const padded = (bucket: boolean) =>
    planEpoch({ lengths, batch: 8, bucket, shuffle: true, random: uniform(4) })
      .reduce((sum, batch) => sum + 8 * Math.max(...batch.map((index) => lengths[index] ?? 0)), 0);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  assertLess(padded(true), 1.05 * tokens);
  assert(padded(false) > 1.5 * tokens);
  const batches = planEpoch({ lengths, batch: 8, bucket: true, shuffle: true, random: uniform(4) });
  const longest = batches.map((batch) => Math.max(...batch.map((index) => lengths[index] ?? 0)));
  const falls = longest.filter((length, at) => length < (longest[at - 1] ?? 0)).length;
  assert(falls > batches.length / 3, `${falls} of ${batches.length} batches are shorter`);
});

Deno.test("planEpoch() draws anew which of similar lengths meet, if bucketing", () => {
  const random = uniform(7);
  // Fewer than a window of 50 batches, and more.
  for (const count of [20, 400]) {
    const lengths = new Array(count).fill(3);
    const plan = { lengths, batch: 2, bucket: true, shuffle: true, random };
    const partnersOf = () => new Map(planEpoch(plan).flatMap(([a, b]) => [[a, b], [b, a]]));
    const [first, second] = [partnersOf(), partnersOf()];
    const same = lengths.filter((_, i) => first.get(i) === second.get(i)).length;
    assertLess(same, count / 2);
    const far = lengths.filter((_, i) => Math.abs(i - first.get(i)!) > count / 2).length;
    assert(far > count / 10, `${far} of ${count} meet one from far away`);
  }
});

Deno.test("planEpoch() draws every order of three examples about equally often", () => {
  const random = uniform(5);
  const counts = new Map<string, number>();
  for (let round = 0; round < 6000; round++) {
    const plan = { lengths: [1, 1, 1], batch: 3, bucket: false, shuffle: true, random };
    const order = String(planEpoch(plan)[0]);
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assertEquals(counts.size, 6);
  for (const count of counts.values()) assertLess(Math.abs(count - 1000), 150);
});

Deno.test("planEpoch() refuses a batch that is no positive integer", () => {
  for (const batch of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(
      () => planEpoch({ lengths: [1], batch, bucket: false, shuffle: false, random: never }),
      OptionError,
      `batch must be a positive integer: found ${batch}`,
    );
  }
});

Deno.test("stepWindows() gives a step the same examples in any order of asking", () => {
  const lengths = Array.from({ length: 23 }, (_, i) => 1 + i % 7);
  const options = { size: 4, bucket: true, key: seedKey(3) };
  const forward = stepWindows(lengths, options);
  const steps = Array.from({ length: 18 }, (_, step) => forward(step));
  const backward = stepWindows(lengths, options);
  for (let step = 17; step >= 0; step--) assertEquals(backward(step), steps[step]);
  const epochs = [0, 6, 12].map((first) => steps.slice(first, first + 6).flat());
  const all = lengths.map((_, i) => i);
  for (const epoch of epochs) assertEquals(epoch.toSorted((a, b) => a - b), all);
  assertNotEquals(epochs[0], epochs[1]);
});

Deno.test("stepWindows() has an order of its own for every key", () => {
  const lengths = Array.from({ length: 23 }, (_, i) => 1 + i % 7);
  for (const bucket of [true, false]) {
    const orders = [1, 2, 3].map((seed) => {
      const windowOf = stepWindows(lengths, { size: 4, bucket, key: seedKey(seed) });
      return Array.from({ length: 6 }, (_, step) => windowOf(step)).join("|");
    });
    assertEquals(new Set(orders).size, 3);
  }
});

Deno.test("whole batches alone: each epoch leaves out other examples, whatever their length", () => {
  // The longest ones would be the last of a bucket.
  const lengths = Array.from({ length: 23 }, (_, i) => i < 3 ? 100 : 1 + i % 7);
  for (const bucket of [true, false]) {
    for (const [batch, accumulate] of [[4, 1], [4, 2], [3, 3], [5, 4], [23, 1]] as const) {
      const examples = epochExamples(lengths.length, { batch, dropLast: true });
      assertEquals(examples, Math.floor(23 / batch) * batch);
      const size = batch * accumulate;
      const windowOf = stepWindows(lengths, { size, bucket, key: seedKey(5), examples });
      const perEpoch = Math.ceil(examples / size);
      const left = Array.from({ length: 30 }, (_, epoch) => {
        const windows = Array.from({ length: perEpoch }, (_, i) => windowOf(epoch * perEpoch + i));
        for (const window of windows) assertEquals(window.length % batch, 0);
        const seen = windows.flat();
        assertEquals([seen.length, new Set(seen).size], [examples, examples]);
        return lengths.map((_, i) => i).filter((i) => !seen.includes(i));
      });
      if (batch === 23) continue;
      assert(new Set(left.map(String)).size > 20);
      const longest = left.flat().filter((i) => i < 3).length;
      // Three of 23 are long: about as often as chance has it.
      assertLess(Math.abs(longest / left.flat().length - 3 / 23), 0.15);
    }
  }
  assertEquals(epochExamples(23, { batch: 4, dropLast: false }), 23);
});

Deno.test("batchesOfStep() keeps every example, the longest first where similar lengths share a batch", () => {
  const lengths = [3, 9, 1, 9, 4];
  assertEquals(batchesOfStep(lengths, { batch: 2, bucket: false }), [[0, 1], [2, 3], [4]]);
  assertEquals(batchesOfStep(lengths, { batch: 2, bucket: true }), [[1, 3], [4, 0], [2]]);
});
