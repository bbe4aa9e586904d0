import { assertEquals } from "@std/assert";
import { seedKey } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { dropHidden } from "../../../nn/dropout/drop_hidden.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { withDevice } from "../../support/with_device.ts";

Deno.test("spans of a given length have it in every text that is as long, and lie anywhere", () =>
  withDevice("f64", async (device) => {
    const lengths = [1, 2, 5, 8];
    const [width, key] = [8, seedKey(6)];
    for (const spanLength of [1, 2, 3, 5]) {
      for (const rate of [0, 0.5]) {
        const options = { rate, structure: "span", spanLength } as const;
        const plan = dropoutPlan("hiddencut", false, options);
        const [site] = plan.sites;
        const starts = lengths.map(() => new Set<number>());
        for (let step = 0; step < 60; step++) {
          using _scope = device.scope("step");
          const dropout = {
            plan,
            key,
            examples: tensor(device, lengths.map((_, b) => 2 * (4 * step + b)), undefined, "u32"),
            lengths: tensor(device, lengths, undefined, "u32"),
          };
          const ones = tensor(device, new Float64Array(4 * width).fill(1), [4, width, 1]);
          const kept = await dropHidden(ones, { site: site!, key, dropout }).read();
          for (const [b, length] of lengths.entries()) {
            const row = Array.from(kept.slice(b * width, (b + 1) * width));
            const start = row.indexOf(0);
            const size = Math.min(length, spanLength);
            const expected = row.map((_, t) => t >= start && t < start + size ? 0 : 1);
            assertEquals([row, start + size <= length], [expected, true]);
            starts[b]!.add(start);
          }
        }
        const places = lengths.map((length) => Math.max(1, length - spanLength + 1));
        assertEquals(starts.map(({ size }) => size), places, `${spanLength}`);
      }
    }
  }));
