// Sums by index: as one after another, whatever the sizes.
import { assertEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { scatterAdd } from "../../../core/ops/gather.ts";
import { transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

/** Rows, columns and rows of the result: turns of 256 indices and parts of 64 columns, and no whole ones. */
const cases = [[700, 3, 5], [256, 64, 2], [257, 65, 300], [1, 130, 4], [90, 1, 1]] as const;

async function sums(
  device: Device,
  [count, width, height]: readonly [number, number, number],
  turned: boolean,
): Promise<number[]> {
  using _scope = device.scope("sums");
  const drawn = uniform(seedKey(count), count * width).map((u) => Math.fround(u - 0.5));
  const values = turned
    ? transpose(tensor(device, drawn, [width, count]))
    : tensor(device, drawn, [count, width]);
  const rows = Array.from({ length: count }, (_, i) => (i * i) % height);
  return [...await scatterAdd(values, tensor(device, rows, [count], "u32"), height).read()];
}

webGpuTest("sums by index have the bits of sums one after another", async (device) => {
  await withDevice("f32", async (cpu) => {
    for (const sizes of cases) {
      for (const turned of [false, true]) {
        assertEquals(await sums(device, sizes, turned), await sums(cpu, sizes, turned), `${sizes}`);
      }
    }
  });
});
