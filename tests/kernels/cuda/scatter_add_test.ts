// Scatter-add: a warp finds the rows that are its own among all indices, 32 at a time.
import { assert, assertEquals } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { scatterAdd } from "../../../core/ops/gather.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { transpose } from "../../../core/ops/view.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";

/** Rows, columns, rows of the result, and columns that a thread has. */
const cases: readonly (readonly [count: number, width: number, height: number, each: number])[] = [
  [1, 1, 1, 1],
  [31, 32, 5, 1],
  [33, 33, 40, 2],
  [64, 100, 3, 4],
  [100, 513, 7, 16],
  [200, 1030, 2, 16],
];

/** Sums of drawn values by drawn indices, some of which no row has; the values lie in either order. */
async function sums(
  device: Device,
  [count, width, height]: readonly [number, number, number, number],
  turned: boolean,
): Promise<number[]> {
  using _scope = device.scope("sums");
  const drawn = uniform(seedKey(width), count * width).map((u) => Math.fround((u - 0.5) ** 3));
  const values = turned
    ? transpose(tensor(device, drawn, [width, count]))
    : tensor(device, drawn, [count, width]);
  const rows = Array.from({ length: count }, (_, i) => (i * i) % height);
  return [...await scatterAdd(values, tensor(device, rows, [count], "u32"), height).read()];
}

Deno.test("sums by index have the bits of sums one after another", async () => {
  await using oracle = new Device(openCpu({ kernels: "javascript" }));
  await withInterpreted({}, async (device, { texts }) => {
    for (const [i, sizes] of cases.entries()) {
      for (const turned of [false, true]) {
        const expected = await sums(oracle, sizes, turned);
        assertEquals(await sums(device, sizes, turned), expected, `case ${i}`);
      }
      assert(
        texts.some((text) => text.startsWith(`// scatterAdd/f32/${sizes[3]}/f32\n`)),
        `case ${i}`,
      );
    }
  });
});

Deno.test("zeros are positive, also where nothing is added", async () => {
  await withInterpreted({}, async (device) => {
    const values = tensor(device, [[-0, -0]]);
    const added = await scatterAdd(values, tensor(device, [1], [1], "u32"), 3).read();
    assert([...added].every((x) => Object.is(x, 0)), String([...added]));
  });
});
