import { apply } from "../../core/apply.ts";
import { gradient } from "../../core/gradient.ts";
import { add, mul } from "../../core/ops/elementwise.ts";
import { fusedMatmul } from "../../core/ops/matmul.ts";
import { sum } from "../../core/ops/reduce.ts";
import { sizeOf } from "../../core/shape.ts";
import type { Tensor } from "../../core/tensor.ts";
import { assertGradient, type Loss, numbers, randomTensor } from "../support/differences.ts";
import type { OpRow } from "../support/op_row.ts";
import { opTable } from "../support/op_table.ts";
import { withDevice } from "../support/with_device.ts";

const gated = fusedMatmul("gated", 1, (product, extra) => product.mul(product).mul(extra!));
/** The gradient of its epilogue reads the product itself, which is thus saved. */
const saving: OpRow = {
  name: "contraction with a saved product",
  shapes: [[3, 2], [2, 4], [4]],
  run: (_, x) => apply(gated, x, {})[0]!,
};

for (const row of [...opTable, saving]) {
  Deno.test(`${row.name}() has the second derivative that differences show`, () =>
    withDevice("f64", async (device) => {
      const [low, high] = row.range ?? [-2, 2];
      const data = row.shapes.map((shape, i) => numbers(300 + i, sizeOf(shape), low, high));
      const weigh = (y: Tensor, seed: number) => sum(mul(y, randomTensor(device, seed, y.shape)));
      // f = L + Σi ci · ∇i L with L = Σ w op(x): what the gradient reads gets two cotangents.
      const loss: Loss = (x) => {
        const inner = gradient(() => weigh(row.run(device, x), 50), x);
        const parts = inner.gradients.map((g, i) => weigh(g!, 60 + i));
        return [inner.result, ...parts].reduce(add);
      };
      await assertGradient(device, loss, data, row.shapes);
    }));
}
