import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { IndexError, ShapeError } from "../../../core/errors.ts";
import {
  brier,
  expectedCalibrationError,
  negativeLogLikelihood,
} from "../../../train/metrics/calibration.ts";
import { distributionMetrics } from "../../../train/metrics/metric_table.ts";
import { classDistribution } from "../../../train/metrics/predictive.ts";

const logs = (rows: readonly (readonly number[])[]) => rows.map((row) => row.map(Math.log));

/**
 * Logits from -5 to 5 and labels by a linear congruential generator; with few examples some
 * confidences are equal.
 */
function sample(examples: number, classes: number) {
  let state = 12345;
  const next = () => {
    state = (Math.imul(1103515245, state) + 12345) & 0x7FFFFFFF;
    return state >> 8;
  };
  const rows: number[][] = [], labels: number[] = [];
  for (let i = 0; i < examples; i++) {
    const logits = Array.from({ length: classes }, () => next() % 1000 / 100 - 5);
    rows.push([...classDistribution([logits]).logMean]);
    labels.push(next() % classes);
  }
  return { rows, labels };
}

/** Examples, classes; scikit-learn's log_loss and brier_score_loss (unhalved); NumPy's bins. */
const expected = [
  [1, 2, 1.5964237332725453, 1.2716302186110278, 0.7973801535688695],
  [4, 2, 2.562510899452295, 1.2857755239042064, 0.7030083827704567],
  [15, 3, 2.1902603437885193, 1.0724459317185413, 0.6000292087112697],
  [37, 3, 2.84051670288691, 1.2066579148149206, 0.5153893110302468],
  [100, 2, 1.7708895724845368, 0.8266819017762336, 0.38066506612240036],
  [277, 5, 3.9604263691690322, 1.2652643848523653, 0.5605184049184562],
] as const;

Deno.test("likelihood and Brier score equal scikit-learn's, calibration error NumPy's", () => {
  for (const [examples, classes, nll, score, gap] of expected) {
    const { rows, labels } = sample(examples, classes);
    assertAlmostEquals(negativeLogLikelihood(rows, labels), nll, 1e-13);
    assertAlmostEquals(brier(rows, labels), score, 1e-13);
    assertAlmostEquals(expectedCalibrationError(rows, labels), gap, 1e-13);
  }
});

Deno.test("negativeLogLikelihood() keeps what no probability can hold", () => {
  assertEquals(negativeLogLikelihood([[0, -2000]], [1]), 2000);
});

Deno.test("brier() sums over classes: 2 for a sure error, 2/3 for a uniform guess of three", () => {
  assertEquals(brier([[0, -Infinity]], [1]), 2);
  assertEquals(brier([[0, -Infinity]], [0]), 0);
  const third = logs([[1 / 3, 1 / 3, 1 / 3]]);
  assertAlmostEquals(brier(third, [2]), 4 / 9 + 1 / 9 + 1 / 9, 1e-15);
});

Deno.test("expectedCalibrationError() makes the first bins larger where 15 do not fit", () => {
  // 16 examples: the two least sure share a bin, in which one error in two is as they say.
  const sure = Array.from({ length: 14 }, () => [1, 0]);
  const rows = logs([[0.6, 0.4], ...sure, [0.52, 0.48]]);
  const labels = [0, ...sure.map(() => 0), 1];
  assertAlmostEquals(expectedCalibrationError(rows, labels), 2 * (0.56 - 0.5) / 16, 1e-15);
  // Of 15 examples each has a bin of its own.
  const apart = expectedCalibrationError(rows.slice(1), labels.slice(1));
  assertAlmostEquals(apart, 0.52 / 15, 1e-15);
});

Deno.test("expectedCalibrationError() of equal confidences is that of their mean accuracy", () => {
  const rows = Array.from({ length: 64 }, () => [Math.log(0.75), Math.log(0.25)]);
  const labels = rows.map((_, i) => i % 4 === 0 ? 1 : 0);
  assertAlmostEquals(expectedCalibrationError(rows, labels), 0, 1e-15);
  // Of classes that are equally probable the first is predicted.
  assertAlmostEquals(expectedCalibrationError(logs([[0.5, 0.5]]), [0]), 0.5, 1e-15);
  assertAlmostEquals(expectedCalibrationError(logs([[0.5, 0.5]]), [1]), 0.5, 1e-15);
  assertAlmostEquals(expectedCalibrationError(logs([[0.5, 0.5], [0.5, 0.5]]), [0, 1]), 0, 1e-15);
});

/** Few values, so that many confidences are equal. */
const examples = fc.array(
  fc.tuple(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 3, maxLength: 3 }), fc.nat(2)),
  { minLength: 1, maxLength: 60 },
);

Deno.test("no metric of distributions depends on the order of examples, not in one bit", () => {
  const shuffled = examples.chain((list) =>
    fc.tuple(
      fc.constant(list),
      fc.shuffledSubarray(list, { minLength: list.length }),
    )
  );
  fc.assert(fc.property(shuffled, (orders) => {
    const [first, second] = orders.map((list) => {
      const rows = list.map(([logits]) => classDistribution([logits]).logMean);
      const labels = list.map(([, label]) => label);
      return Object.values(distributionMetrics).map((compute) => compute(rows, labels));
    });
    assertEquals(second, first);
  }));
});

Deno.test("every metric of distributions lies within its bounds", () => {
  fc.assert(fc.property(examples, (list) => {
    const rows = list.map(([logits]) => classDistribution([logits]).logMean);
    const labels = list.map(([, label]) => label);
    const { nll, brier: score, ece } = distributionMetrics;
    assertEquals(nll(rows, labels) >= 0, true);
    assertEquals([score(rows, labels) >= 0, score(rows, labels) <= 2], [true, true]);
    assertEquals([ece(rows, labels) >= 0, ece(rows, labels) <= 1], [true, true]);
  }));
});

Deno.test("every metric of distributions refuses lengths that differ and labels that are none", () => {
  for (const [name, compute] of Object.entries(distributionMetrics)) {
    assertThrows(
      () => compute([[0]], [0, 0]),
      ShapeError,
      "found 1 predictions and 2 labels",
      name,
    );
    assertThrows(() => compute([], []), ShapeError, "found 0 predictions and 0 labels", name);
    for (const label of [2, -1, 0.5, NaN]) {
      const told = `as label 0 must be one of 2 classes, from 0: found ${label}`;
      assertThrows(() => compute(logs([[0.5, 0.5]]), [label]), IndexError, told, name);
    }
  }
});
