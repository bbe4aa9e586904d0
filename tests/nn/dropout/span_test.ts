import { assert, assertEquals } from "@std/assert";
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

Deno.test("a span of rate 0 without a length drops nothing, in plans of the caller's own", () =>
  withDevice("f64", async (device) => {
    const site = { position: "hidden", structure: "span", rate: 0, layers: "all" } as const;
    const plan = { ...dropoutPlan("lora", false), sites: [site] };
    const words = (data: number[]) => tensor(device, data, [2], "u32");
    const dropout = { plan, key: seedKey(6), examples: words([0, 2]), lengths: words([1, 4]) };
    const ones = tensor(device, new Float64Array(8).fill(1), [2, 4, 1]);
    const kept = await dropHidden(ones, { site, key: seedKey(6), dropout }).read();
    assertEquals([...kept], new Array(8).fill(1));
  }));

Deno.test("what has no tokens is dropped whole as a column", () =>
  withDevice("f64", async (device) => {
    const [count, width] = [40, 3];
    const plan = dropoutPlan("lora", false, {
      site: [{ position: "output", structure: "column", rate: 0.5 }],
    });
    const words = (data: number[]) => tensor(device, data, [count], "u32");
    const examples = words(Array.from({ length: count }, (_, b) => 2 * b));
    const lengths = words(new Array<number>(count).fill(5));
    const dropout = { plan, key: seedKey(6), examples, lengths };
    const ones = tensor(device, new Float64Array(count * width).fill(1), [count, width]);
    const active = { site: plan.sites[0]!, key: seedKey(6), dropout };
    const kept = await dropHidden(ones, active).read();
    const rows = Array.from({ length: count }, (_, b) => {
      return [...kept.slice(b * width, (b + 1) * width)].join();
    });
    const whole = rows.filter((row) => row === "1,1,1").length;
    assert(whole > 0 && whole < count);
    assertEquals(rows.filter((row) => row === "0,0,0").length, count - whole);
  }));
