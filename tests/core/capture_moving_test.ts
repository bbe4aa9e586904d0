// Captured work whose memory goes on elsewhere each time, as that of a cache does.
import { assertEquals } from "@std/assert";
import { Captures } from "../../core/capture.ts";
import { input } from "../../core/expr.ts";
import { asStrided } from "../../core/memory.ts";
import { sum } from "../../core/ops/reduce.ts";
import { rowProgram } from "../../core/program.ts";
import { seedKey, uniform } from "../../core/random.ts";
import { tensor } from "../../core/tensor.ts";
import { update } from "../../core/update.ts";
import { capturingTest, type WithCapturing } from "../support/capturing_devices.ts";

const store = rowProgram(["f32"], [input(0, "f32", 3)]);
const [length, count] = [128, 8];

/** Where a step writes. */
interface Place {
  /** Element from which on it is told that it writes. */
  readonly told: number;
  /** Element from which on it writes. */
  readonly written?: number;
}

/** Writes numbers into one memory and sums all of it; checks both, and gives the computed steps. */
async function course(on: WithCapturing, places: readonly Place[]): Promise<number[]> {
  const computed: number[] = [];
  await on(async (device) => {
    const captures = new Captures();
    const memory = tensor(device, new Float32Array(length));
    const expected = new Float32Array(length);
    for (const [step, { told, written = told }] of places.entries()) {
      using _step = device.scope("step");
      const numbers = Float32Array.from(uniform(seedKey(step), count));
      const x = tensor(device, numbers);
      const part = (start: number) => asStrided(memory, [count], [1], start);
      const captured = {
        signature: "store",
        inputs: [x, memory],
        moving: [part(told)],
        key: seedKey(1),
        unchanged: () => () => true,
      };
      const { total } = captures.run(device, captured, () => {
        computed.push(step);
        update(store, [part(written)], [x]);
        return { total: sum(memory) };
      });
      expected.set(numbers, written);
      assertEquals(await memory.read(), expected);
      const exact = expected.reduce((a, b) => a + b, 0);
      assertEquals(Math.abs(await total!.item() - exact) < 1e-4, true);
    }
  });
  return computed;
}

const all = Array.from({ length: 7 }, (_, i) => i);

capturingTest("work goes on elsewhere in its memory without being computed", async (on) => {
  const places = [8, 24, 16, 64, 32, 120, 0].map((told) => ({ told }));
  assertEquals(await course(on, places), [0, 1, 2]);
});

capturingTest(
  "work that went on where it was before is computed, as nothing tells what moves",
  async (on) => {
    const places = [8, 24, 24, 64, 32, 120, 16].map((told) => ({ told }));
    assertEquals(await course(on, places), [0, 1, 2, 3]);
  },
);

capturingTest("work that goes on where its memory is aligned otherwise is computed", async (on) => {
  const places = [8, 24, 16, 63, 33, 120, 71].map((told) => ({ told }));
  assertEquals(await course(on, places), [0, 1, 2, 3, 4, 6]);
});

capturingTest("work that writes where it wrote before does not move with what does", async (on) => {
  assertEquals(await course(on, all.map((step) => ({ told: 64 + 8 * step, written: 48 }))), [
    0,
    1,
    2,
  ]);
  assertEquals(await course(on, all.map((step) => ({ told: 8 * step, written: 64 }))), all);
});
