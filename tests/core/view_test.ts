import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { flip, permute, reshape } from "../../core/ops/view.ts";
import { slice } from "../../core/ops/slice.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { withDevice } from "../support/with_device.ts";

/** Shapes of 24 elements. */
const shapes = [[24], [4, 6], [2, 3, 4], [1, 24], [2, 1, 12], [3, 8, 1], [2, 2, 2, 3], [6, 4]];
const anyShape = fc.constantFrom(...shapes);

Deno.test("reshape() keeps the order of the elements however they lie", async () => {
  await withDevice("f64", async (device) => {
    const data = Array.from({ length: 48 }, (_, i) => i);
    await fc.assert(
      fc.asyncProperty(anyShape, anyShape, fc.nat(), fc.boolean(), async (from, to, turn, back) => {
        using _case = device.scope("case");
        const doubled = [...from.slice(0, -1), 2 * from.at(-1)!];
        const axes = from.map((_, axis) => (axis + turn) % from.length);
        const part = slice(tensor(device, data, doubled), -1, 1, 1 + from.at(-1)!);
        const x = permute(back ? flip(part, 0) : part, axes);
        assertEquals([...await reshape(x, to).read()], [...await x.read()]);
      }),
      { numRuns: 300 },
    );
  });
});

Deno.test("reshape() runs no program where strides can say the same", async () => {
  await withDevice("f32", (device) => {
    const x = tensor(device, Float32Array.from({ length: 24 }, (_, i) => i), [2, 3, 4]);
    const { statistics } = device.backend;
    const programs = (run: () => Tensor) => {
      const before = statistics.runs;
      run();
      return statistics.runs - before;
    };
    // Splitting an axis never moves anything.
    assertEquals(programs(() => reshape(permute(x, [2, 0, 1]), [4, 2, 3, 1])), 0);
    assertEquals(programs(() => reshape(permute(x, [1, 0, 2]), [3, 2, 2, 2])), 0);
    assertEquals(programs(() => reshape(flip(x, 2), [2, 3, 2, 2])), 0);
    // Neighbours that are walked evenly become one, others cannot.
    assertEquals(programs(() => reshape(permute(x, [2, 0, 1]), [4, 6])), 0);
    assertEquals(programs(() => reshape(permute(x, [1, 0, 2]), [6, 4])), 1);
    assertEquals(programs(() => reshape(flip(x, 2), [6, 4])), 0);
    assertEquals(programs(() => reshape(flip(x, 1), [6, 4])), 1);
  });
});
