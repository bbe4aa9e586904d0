import { assert, assertEquals } from "@std/assert";
import { quantisedFormats } from "../../core/dtype.ts";
import { gradient } from "../../core/gradient.ts";
import { matmul } from "../../core/ops/matmul.ts";
import { sum } from "../../core/ops/reduce.ts";
import { transpose } from "../../core/ops/view.ts";
import { quantisedBytes } from "../../core/quantisation.ts";
import { quantisedTensor } from "../../core/quantised.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { checkQuantised, cut, weights } from "../support/quantised_cases.ts";
import { withDevice } from "../support/with_device.ts";

for (const dtype of quantisedFormats) {
  Deno.test(`whatever reads a matrix in ${dtype} reads the numbers that it stands for`, () =>
    withDevice("f32", (device) => checkQuantised(device, dtype)));
}

Deno.test("however many matrices are in 4 bits, the numbers of one are in memory at a time", async () => {
  const [size, count] = [512, 6];
  await withDevice("f32", async (device) => {
    using _scope = device.scope("matrices");
    const matrices: Tensor[] = [];
    for (let i = 0; i < count; i++) {
      const numbers = cut(weights(size * size, i), 2 ** 16);
      matrices.push(await quantisedTensor(device, [size, size], "nf4", numbers));
    }
    const x = tensor(device, weights(size), [1, size]);
    const { statistics } = device.backend;
    const held = statistics.bytes;
    assertEquals(held, count * quantisedBytes("nf4", size * size) + 4 * size);
    const { gradients } = gradient(
      () => sum(matrices.reduce((x, matrix) => matmul(x, transpose(matrix)), x)),
      [x],
    );
    assert((await gradients[0]!.read()).every(Number.isFinite));
    const most = statistics.peakBytes - held;
    assert(most >= 4 * size * size && most < 1.1 * 4 * size * size, `${most} bytes`);
  });
});
