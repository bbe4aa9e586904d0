import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OptionError } from "../../core/errors.ts";
import { schedules } from "../../train/config/optimiser_options.ts";
import { type Course, learningRate, linearSchedule, warmupSteps } from "../../train/schedule.ts";

Deno.test("warmupSteps() takes a share below 1, rounded up, and else steps", () => {
  const rows = [[0, 10, 0], [0.06, 100, 6], [0.06, 10, 1], [0.5, 7, 4], [0.99, 1, 1]] as const;
  for (const [warmup, steps, expected] of rows) assertEquals(warmupSteps(warmup, steps), expected);
  for (const warmup of [1, 5, 500]) assertEquals(warmupSteps(warmup, 10), warmup);
  assertEquals(warmupSteps(2.6, 10), 3);
  for (const warmup of [-1, -0.1, NaN]) assertThrows(() => warmupSteps(warmup, 10), OptionError);
});

Deno.test("linearSchedule() is that of transformers: up from 0 to 1, then down to 0 at the end", () => {
  for (
    const [warmup, steps] of [[0, 1], [0, 8], [1, 8], [3, 8], [7, 8], [8, 8], [20, 8]] as const
  ) {
    for (let step = 0; step < steps; step++) {
      const expected = step < warmup
        ? step / Math.max(1, warmup)
        : Math.max(0, (steps - step) / Math.max(1, steps - warmup));
      assertEquals(linearSchedule(step, warmup, steps), expected, `${step}, ${warmup}, ${steps}`);
    }
  }
  assertEquals([0, 1, 2, 3, 4, 5].map((step) => linearSchedule(step, 2, 6)), [
    0,
    0.5,
    1,
    0.75,
    0.5,
    0.25,
  ]);
  assertEquals(linearSchedule(6, 2, 6), 0);
  assertEquals(linearSchedule(9, 2, 6), 0);
});

/**
 * What transformers 5.17 gives at each step: `get_scheduler` with linear, cosine, cosine_with_min_lr (the
 * floor as min_lr) and constant_with_warmup, and its polynomial decay (the floor as lr_end).
 */
const published: readonly (readonly [Course, readonly number[]])[] = [
  [{ schedule: "linear", lr: 0.0005, minLr: 0, power: 1.0, warmup: 2, steps: 8 }, [
    0,
    0.00025,
    0.0005,
    0.0004166666666666667,
    0.0003333333333333333,
    0.00025,
    0.00016666666666666666,
    8.333333333333333e-05,
  ]],
  [{ schedule: "cosine", lr: 0.0005, minLr: 0, power: 1.0, warmup: 2, steps: 8 }, [
    0,
    0.00025,
    0.0005,
    0.00046650635094610973,
    0.000375,
    0.00025,
    0.00012500000000000006,
    3.3493649053890325e-05,
  ]],
  [{ schedule: "cosine", lr: 0.0003, minLr: 0, power: 1.0, warmup: 0, steps: 5 }, [
    0.0003,
    0.0002713525491562421,
    0.0001963525491562421,
    0.0001036474508437579,
    2.8647450843757897e-05,
  ]],
  [{ schedule: "cosine", lr: 0.0005, minLr: 5e-05, power: 1.0, warmup: 3, steps: 9 }, [
    0,
    0.00016666666666666666,
    0.0003333333333333333,
    0.0005,
    0.0004698557158514987,
    0.00038750000000000004,
    0.000275,
    0.00016250000000000007,
    8.014428414850129e-05,
  ]],
  [{ schedule: "constant", lr: 0.0005, minLr: 0, power: 1.0, warmup: 3, steps: 6 }, [
    0,
    0.00016666666666666666,
    0.0003333333333333333,
    0.0005,
    0.0005,
    0.0005,
  ]],
  [{ schedule: "polynomial", lr: 0.0005, minLr: 1e-07, power: 2.0, warmup: 2, steps: 8 }, [
    0,
    0.00025,
    0.0005,
    0.0003472527777777779,
    0.00022227777777777784,
    0.00012507500000000002,
    5.564444444444446e-05,
    1.3986111111111107e-05,
  ]],
  [{ schedule: "polynomial", lr: 0.002, minLr: 0.0001, power: 0.5, warmup: 0, steps: 6 }, [
    0.002,
    0.0018344547654330261,
    0.0016513435037626796,
    0.0014435028842544404,
    0.0011969655114602892,
    0.0008756717518813397,
  ]],
  [{ schedule: "linear", lr: 0.0005, minLr: 1e-05, power: 1.0, warmup: 2, steps: 8 }, [
    0,
    0.00025,
    0.0005,
    0.0004183333333333334,
    0.0003366666666666667,
    0.000255,
    0.00017333333333333334,
    9.166666666666664e-05,
  ]],
];

for (const [course, rates] of published) {
  const { schedule, minLr, power, warmup } = course;
  const name = `${schedule}, warm-up of ${warmup}, power ${power}, down to ${minLr}`;
  Deno.test(`learningRate() is that of transformers: ${name}`, () => {
    rates.forEach((rate, step) => {
      assertAlmostEquals(learningRate(step, course), rate, 1e-12 * course.lr);
    });
  });
}

const courses: fc.Arbitrary<Course> = fc.record({
  schedule: fc.constantFrom(...schedules),
  lr: fc.double({ min: 1e-6, max: 1, noNaN: true }),
  share: fc.constantFrom(0, 0.1, 1),
  power: fc.constantFrom(0.5, 1, 3),
  warmup: fc.nat(12),
  steps: fc.integer({ min: 1, max: 12 }),
}).map(({ share, ...course }) => ({ ...course, minLr: share * course.lr }));

Deno.test("every course rises to its peak and then never rises again, nor below its floor", () =>
  fc.assert(fc.property(courses, (course) => {
    const { lr, minLr, warmup, steps, schedule } = course;
    const rates = Array.from({ length: steps + 3 }, (_, step) => learningRate(step, course));
    const fall = rates.slice(warmup);
    for (const [i, rate] of fall.entries()) {
      const before = fall[i - 1] ?? lr;
      assert(rate <= before * (1 + 1e-12) && rate >= minLr * (1 - 1e-12), `${rates}`);
    }
    for (let step = 0; step < Math.min(warmup, rates.length); step++) {
      assertAlmostEquals(rates[step]!, lr * step / warmup, 1e-12);
    }
    const end = schedule === "constant" ? lr : minLr;
    if (warmup < steps) assertAlmostEquals(learningRate(steps, course), end, 1e-12);
    if (warmup <= steps) {
      assertAlmostEquals(learningRate(warmup, course), warmup < steps ? lr : end);
    }
  })));

Deno.test("a linear course without a floor is what it was, to the bit", () => {
  const course = { schedule: "linear", lr: 5e-4, minLr: 0, power: 1 } as const;
  for (const [warmup, steps] of [[0, 7], [3, 11], [9, 9], [20, 9]] as const) {
    for (let step = 0; step < steps; step++) {
      const rate = learningRate(step, { ...course, warmup, steps });
      assertEquals(rate, 5e-4 * linearSchedule(step, warmup, steps));
    }
  }
});
