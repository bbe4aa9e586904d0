import { assertEquals } from "@std/assert";
import type { Bound } from "../../../core/backend.ts";
import { canonical, foldBatches, type ProductSpace } from "../../../kernels/plan/matmul_layout.ts";

const product = (space: number[], ...strides: number[][]): ProductSpace => ({
  space,
  operands: strides.map((steps): Bound => {
    return { buffer: { bytes: 0 }, dtype: "f32", offset: 0, strides: steps };
  }),
});

const seen = ({ space, operands }: ProductSpace) => [space, ...operands.map((o) => o.strides)];

Deno.test("foldBatches() makes one product of batches that share B", () => {
  const made = foldBatches(product([5, 3, 4, 2], [6, 2, 1], [0, 4, 1], [0, 0, 1], [12, 4, 1]));
  assertEquals(seen(made), [[15, 4, 2], [2, 1], [4, 1], [0, 1], [4, 1]]);
});

Deno.test("foldBatches() makes one product of single rows, whose own step is 0", () => {
  const made = foldBatches(product([5, 1, 4, 2], [2, 0, 1], [0, 4, 1], [4, 0, 1]));
  assertEquals(seen(made), [[5, 4, 2], [2, 1], [4, 1], [4, 1]]);
});

Deno.test("foldBatches() leaves batches with a B of their own, and rows that lie apart", () => {
  const own = product([5, 3, 4, 2], [6, 2, 1], [8, 4, 1], [12, 4, 1]);
  assertEquals(foldBatches(own), own);
  const apart = product([5, 3, 4, 2], [7, 2, 1], [0, 4, 1], [12, 4, 1]);
  assertEquals(foldBatches(apart), apart);
});

Deno.test("canonical() transposes a product whose result has its rows together", () => {
  const { space, operands } = product([4, 3, 2], [2, 1], [3, 1], [1, 4]);
  const made = canonical({
    space,
    inputs: operands.slice(0, 2),
    outputs: operands.slice(2),
    indices: [],
    scalars: [],
  });
  assertEquals(made.space, [3, 4, 2]);
  assertEquals(made.inputs.map((o) => o.strides), [[1, 3], [1, 2]]);
  assertEquals(made.outputs.map((o) => o.strides), [[4, 1]]);
});
