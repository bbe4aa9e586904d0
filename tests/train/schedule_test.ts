import { assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../core/errors.ts";
import { linearSchedule, warmupSteps } from "../../train/schedule.ts";

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
