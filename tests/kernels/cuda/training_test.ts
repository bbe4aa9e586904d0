// Steps of a tiny model on the interpreted card have the CPU's losses and gradients.
import { assert, assertEquals } from "@std/assert";
import { type Course, trainTiny } from "../../support/tiny_training.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { withDevice } from "../../support/with_device.ts";

for (const architecture of ["bert", "llama"] as const) {
  Deno.test(`five steps of HiddenKey on ${architecture} have the CPU's losses and gradients`, async () => {
    let expected: Course = { losses: [], gradients: [] };
    await withDevice("f32", async (cpu) => {
      expected = await trainTiny(cpu, architecture, 5);
    });
    await withInterpreted({}, async (device) => {
      const actual = await trainTiny(device, architecture, 5);
      expected.losses.forEach((x, i) =>
        assert(Math.abs(x - actual.losses[i]!) < 1e-3, `step ${i}: ${actual.losses[i]} for ${x}`)
      );
      const largest = expected.gradients.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      assert(largest > 0 && actual.gradients.length === expected.gradients.length);
      expected.gradients.forEach((x, i) => {
        const own = actual.gradients[i]!;
        assert(Math.abs(own - x) < 1e-4 * largest, `gradient ${i}: ${own} for ${x}`);
      });
    });
  });
}

Deno.test("steps come again as graphs, with the losses of plain launches and no more memory", async () => {
  let [expected, again]: number[][] = [[], []];
  await withInterpreted({ graphs: false }, async (device, { backend }) => {
    expected = (await trainTiny(device, "bert", 6)).losses;
    assertEquals(backend.launches.inGraphs, 0);
  });
  await withInterpreted({}, async (device, { backend }) => {
    let before = { launches: 0, inGraphs: 0 };
    let held = 0;
    again = (await trainTiny(device, "bert", 6, (step) => {
      const { launches, inGraphs } = backend.launches;
      const plain = launches - before.launches - (inGraphs - before.inGraphs);
      // Beside what comes again without being computed: clearing, two sums of the norm, the update.
      if (step === 2) assertEquals(plain, 0);
      if (step > 3) assertEquals(plain, 4);
      if (step === 2) held = backend.heldBytes;
      if (step > 2) assertEquals(backend.heldBytes, held);
      before = { launches, inGraphs };
    })).losses;
  });
  assertEquals(again, expected);
});
