import { gradient } from "../core/gradient.ts";
import { add, mul } from "../core/ops/elementwise.ts";
import { sum } from "../core/ops/rowwise.ts";
import { sizeOf } from "../core/storage.ts";
import type { Tensor } from "../core/tensor.ts";
import { assertGradient, type Loss, numbers, randomTensor } from "./differences.ts";
import { opTable } from "./op_table.ts";
import { withDevice } from "./with_device.ts";

for (const row of opTable) {
  Deno.test(`${row.name}() has the second derivative that differences show`, () =>
    withDevice("f64", async (device) => {
      const [low, high] = row.range ?? [-2, 2];
      const data = row.shapes.map((shape, i) => numbers(300 + i, sizeOf(shape), low, high));
      const weigh = (y: Tensor, seed: number) => sum(mul(y, randomTensor(device, seed, y.shape)));
      // f = Σi ci · ∇i (Σ w op(x)); the sum of the inputs keeps f a function of linear ones too.
      const loss: Loss = (x) => {
        const inner = gradient(() => weigh(row.run(device, x), 50), x);
        const parts = inner.gradients.map((g, i) => weigh(g!, 60 + i));
        return [...parts, ...x.map((t) => sum(t))].reduce(add);
      };
      await assertGradient(device, loss, data, row.shapes);
    }));
}
