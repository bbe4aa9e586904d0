import { assertEquals } from "@std/assert";
import type { Dtype } from "../../../core/dtype.ts";
import { copyProgram, copyWordProgram } from "../../../core/program.ts";
import { Layouts } from "../../../kernels/plan/layouts.ts";

Deno.test("what is made for a layout is found again for it alone", () => {
  const layouts = new Layouts<number>();
  let made = 0;
  const find = (offset: number, dtype: Dtype = "bf16", stride = 1, program = copyProgram) =>
    layouts.find(program, [16], [{ dtype, offset, strides: [stride] }], () => made++);
  // Eight halves are 16 bytes, which are copied at once where they are aligned.
  assertEquals([0, 1, 2, 4, 7].map((offset) => find(offset)), [0, 1, 2, 3, 4]);
  assertEquals([8, 12, 1023].map((offset) => find(offset)), [0, 3, 4]);
  assertEquals([find(0, "f16"), find(0, "f32"), find(0, "f32", 2)], [5, 6, 7]);
  assertEquals([find(0, "f32", 1, copyWordProgram), find(0, "f32")], [8, 6]);
});

Deno.test("types and alignments are told apart together", () => {
  const layouts = new Layouts<string>();
  const dtypes: readonly Dtype[] = ["f32", "f64", "u32", "f16", "bf16"];
  for (const dtype of dtypes) {
    for (let offset = 0; offset < 8; offset++) {
      const name = `${dtype} ${offset}`;
      const found = layouts.find(
        copyProgram,
        [],
        [{ dtype, offset, strides: [] }],
        () => name,
      );
      assertEquals(found, name);
    }
  }
});
