import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  classDistribution,
  logMeanExp,
  scoreDistribution,
} from "../../../train/metrics/predictive.ts";

Deno.test("classDistribution() of one pass is its softmax, without disagreement", () => {
  const { predicted, logMean, meanLog, entropy, mutualInformation } = classDistribution([[
    0,
    Math.log(3),
  ]]);
  assertEquals([predicted, mutualInformation], [1, 0]);
  assertEquals(meanLog, logMean);
  assertAlmostEquals(logMean[0]!, Math.log(0.25), 1e-15);
  assertAlmostEquals(logMean[1]!, Math.log(0.75), 1e-15);
  assertAlmostEquals(entropy, -0.25 * Math.log(0.25) - 0.75 * Math.log(0.75), 1e-15);
});

Deno.test("classDistribution() of two passes means probabilities, not logits", () => {
  // Probabilities 0.9, 0.1 and 0.2, 0.8: mean 0.55, 0.45.
  const passes = [[0.9, 0.1], [0.2, 0.8]].map((row) => row.map((p) => Math.log(p) + 7));
  const { predicted, logMean, meanLog, entropy, mutualInformation } = classDistribution(passes);
  assertEquals(predicted, 0);
  assertAlmostEquals(logMean[0]!, Math.log(0.55), 1e-14);
  assertAlmostEquals(meanLog[1]!, (Math.log(0.1) + Math.log(0.8)) / 2, 1e-14);
  const entropyOf = (p: number) => -p * Math.log(p) - (1 - p) * Math.log(1 - p);
  assertAlmostEquals(entropy, entropyOf(0.55), 1e-14);
  const expected = entropyOf(0.55) - (entropyOf(0.9) + entropyOf(0.2)) / 2;
  assertAlmostEquals(mutualInformation, expected, 1e-14);
  // The logits' mean would have the other class.
  const odd = [[0.9, 0.1], [0.9, 0.1], [1e-6, 1 - 1e-6]].map((row) => row.map(Math.log));
  assertEquals(classDistribution(odd).predicted, 0);
  assertEquals(classDistribution(odd.toReversed()).predicted, 0);
  const [first, second] = classDistribution(odd).meanLog;
  assert(second! > first!);
});

Deno.test("classDistribution() predicts by logits whose probabilities are equal in double precision", () => {
  assertEquals(classDistribution([[0, 1e-30]]).predicted, 1);
});

Deno.test("classDistribution() survives logits beyond the range of exp()", () => {
  const { logMean, entropy } = classDistribution([[5000, 0], [0, -5000]]);
  assertEquals([logMean[0], logMean[1], entropy], [0, -5000, 0]);
});

const passes = fc.array(
  fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 4, maxLength: 4 }),
  { minLength: 1, maxLength: 8 },
);

Deno.test("mutual information lies from 0 to the entropy, which is at most that of a uniform guess", () => {
  fc.assert(fc.property(passes, (logits) => {
    const { logMean, meanLog, entropy, mutualInformation } = classDistribution(logits);
    assertAlmostEquals(logMean.reduce((sum, log) => sum + Math.exp(log), 0), 1, 1e-12);
    assert(mutualInformation >= 0 && mutualInformation <= entropy + 1e-12);
    assert(entropy <= Math.log(4) + 1e-12);
    // Jensen: the mean distribution is no worse than its passes.
    logMean.forEach((log, c) => assert(log >= meanLog[c]! - 1e-12));
  }));
});

Deno.test("scoreDistribution() has mean and deviation of its passes", () => {
  assertEquals(scoreDistribution([[2.5]]), { mean: 2.5, deviation: 0 });
  assertEquals(scoreDistribution([[1], [5]]), { mean: 3, deviation: 2 });
});

Deno.test("logMeanExp() is the logarithm of a mean, of one number that number", () => {
  assertEquals(logMeanExp([-0.1]), -0.1);
  assertAlmostEquals(logMeanExp([Math.log(2), Math.log(4)]), Math.log(3), 1e-15);
});

Deno.test("classDistribution() keeps ties: neither order nor a number added to all changes a bit", () => {
  const rows = [[0, 0, 0, 0, 0], [0.25, -1.5, 3, 0.125, -0.5, 5], [0, 1, 2, 0, 0.5, 3, 1, 0.75]];
  for (const row of rows) {
    const { logMean } = classDistribution([row]);
    for (let turn = 0; turn < row.length; turn++) {
      const turned = (list: readonly number[]) => [...list.slice(turn), ...list.slice(0, turn)];
      for (const shift of [0, 1, -7, 96]) {
        const other = classDistribution([turned(row.map((x) => x + shift))]);
        assertEquals(other.logMean, turned(logMean));
      }
    }
  }
});
