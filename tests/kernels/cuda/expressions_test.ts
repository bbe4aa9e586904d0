// Scalar operations on every kind of value, as the CPU has them.
import { assertEquals } from "@std/assert";
import type { Backend, Bound } from "../../../core/backend.ts";
import {
  addWords,
  type Bool,
  type Expr,
  input,
  multiplyWords,
  select,
  shiftRight,
  subtractWords,
  toFloat,
  toWord,
} from "../../../core/expr.ts";
import { rowProgram } from "../../../core/program.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";

const floats = [0, -0, 1, -1, 2.5, -2.5, 1e-40, -1e-40, 3e38, Infinity, -Infinity, NaN];
const words = [
  0,
  1,
  2,
  31,
  255,
  2 ** 16,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 31 + 1,
  2 ** 32 - 2,
  2 ** 32 - 1,
];

const pairs = <T>(list: readonly T[]) => list.flatMap((a) => list.map((b) => [a, b] as const));
const number = (bool: Bool) => select(bool, toFloat(x32).mul(0).add(1), toFloat(x32).mul(0));
const [x, y] = [input(0, "f32", 3), input(1, "f32", 3)];
const [x32, y32] = [input(2, "u32", 3), input(3, "u32", 3)];
const [less, below] = [x.compare("lt", y), x32.compare("lt", y32)];

/** What is computed of two floats and two words. */
const outputs: readonly Expr[] = [
  number(x.compare("lt", y)),
  number(x.compare("le", y)),
  number(x.compare("eq", y)),
  number(x32.compare("lt", y32)),
  number(x32.compare("le", y32)),
  number(x32.compare("eq", y32)),
  number(x32.compare("lt", 2 ** 31)),
  number(less.compare("eq", below)),
  number(less.and(below.not())),
  number(select(less, below, x32.compare("eq", 1))),
  select(below, x, y),
  select(less, x32, y32),
  addWords(x32, y32),
  subtractWords(x32, y32),
  multiplyWords(x32, y32),
  shiftRight(x32, 7),
  toFloat(x32),
  toWord(select(x.compare("lt", 1e9).and(x.compare("lt", 0).not()), x, toFloat(y32).mul(0.25))),
  x.unary("abs"),
  x.neg(),
];

/** The outputs' bits, of all pairs. */
async function bitsOn(backend: Backend): Promise<number[][]> {
  const [f, w] = [pairs(floats), pairs(words)];
  const count = Math.max(f.length, w.length);
  const column = (list: readonly (readonly [number, number])[], k: 0 | 1) =>
    Array.from({ length: count }, (_, i) => list[i % list.length]![k]);
  const sources = [
    Float32Array.from(column(f, 0)),
    Float32Array.from(column(f, 1)),
    Uint32Array.from(column(w, 0)),
    Uint32Array.from(column(w, 1)),
  ];
  const bind = (dtype: "f32" | "u32"): Bound => (
    { buffer: backend.allocate(4 * count), dtype, offset: 0, strides: [1] }
  );
  const inputs = sources.map((source) => bind(source instanceof Float32Array ? "f32" : "u32"));
  inputs.forEach(({ buffer }, i) => backend.write(buffer, 0, sources[i]!));
  const results = outputs.map(({ kind }) => bind(kind === "u32" ? "u32" : "f32"));
  const program = rowProgram(["f32", "f32", "u32", "u32"], outputs);
  backend.run(program, { space: [count], inputs, outputs: results, indices: [], scalars: [] });
  const read = results.map(async ({ buffer, dtype }) => {
    const bytes = await backend.read(buffer, 0, buffer.bytes);
    return [...(dtype === "f32" ? new Float32Array(bytes) : new Uint32Array(bytes))];
  });
  const all = await Promise.all(read);
  for (const { buffer } of [...inputs, ...results]) backend.release(buffer);
  return all;
}

Deno.test("comparisons, choices and words are the CPU's to the bit", async () => {
  await using cpu = openCpu({ kernels: "simd" });
  const expected = await bitsOn(cpu);
  await withInterpreted({}, async (_, { backend }) => {
    (await bitsOn(backend)).forEach((actual, i) =>
      assertEquals(actual, expected[i], `output ${i}`)
    );
  });
});
