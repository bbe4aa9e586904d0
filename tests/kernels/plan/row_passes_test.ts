import { assertEquals } from "@std/assert";
import { input, rowMax, rowSum } from "../../../core/expr.ts";
import { rowProgram } from "../../../core/program.ts";
import { loneProducts, planRow, planWithScratch } from "../../../kernels/plan/row_passes.ts";

const x = input(0, "f32", 3);
const exponential = x.sub(rowMax(x)).unary("exp");
const softmax = rowProgram(["f32"], [exponential.div(rowSum(exponential))]);

Deno.test("planRow() has a pass for each reduction and one for what is stored", () => {
  const { list } = planRow(softmax);
  const ops = list.map(({ reductions }) => reductions.map(({ op }) => op));
  assertEquals(ops, [["rowMax"], ["rowSum"], []]);
  assertEquals(list.map(({ stored }) => stored), [[], [], [0]]);
  assertEquals(list[2]!.columns.includes(x), true);
});

Deno.test("planWithScratch() keeps an exponential that two passes need", () => {
  const { list, scratch } = planWithScratch(softmax);
  assertEquals([...scratch], [[exponential, 0]]);
  assertEquals(list[1]!.columns.includes(x), true);
  assertEquals(list[2]!.columns, [exponential, softmax.outputs[0]!]);
});

Deno.test("loneProducts() finds products that are summed and used nowhere else", () => {
  const square = x.mul(x);
  assertEquals([...loneProducts(rowProgram(["f32"], [rowSum(square)]))], [square]);
  assertEquals([...loneProducts(rowProgram(["f32"], [rowSum(square), square]))], []);
});
