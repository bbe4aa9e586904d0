import { assert, assertEquals } from "@std/assert";
import type { Device } from "../../core/device.ts";
import { gradient } from "../../core/gradient.ts";
import { mul } from "../../core/ops/elementwise.ts";
import { sum } from "../../core/ops/reduce.ts";
import { seedKey, uniform } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import type { OpRow } from "../support/op_row.ts";
import { opTable } from "../support/op_table.ts";
import { specialTable } from "../support/special/special_table.ts";
import { withDevice } from "../support/with_device.ts";

function values({ shapes, range: [low, high] = [-2, 2] }: OpRow, seed: number): Float64Array[] {
  return shapes.map((shape, i) => {
    return uniform(seedKey(seed * 100 + i), sizeOf(shape)).map((u) => low + u * (high - low));
  });
}

async function forward(row: OpRow, device: Device, data: ArrayLike<number>[]): Promise<number[]> {
  using _scope = device.scope("forward");
  const inputs = data.map((x, i) => tensor(device, x, row.shapes[i]!));
  return [...await row.run(device, inputs).read()];
}

/** What declares operations, describes them, checks or prepares their inputs, and is none itself. */
const declarations = [
  "checkLabels",
  "copyInto",
  "elementwise",
  "fusedMatmul",
  "isChunked",
  "ofOperands",
  "planGradient",
  "rotaryRows",
  "rotaryTables",
  "tablesReaching",
  "rowwise",
];

Deno.test("opTable has a row for every function that a file of core/ops exports", async () => {
  const folder = new URL("../../core/ops/", import.meta.url);
  const exported: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const module: Record<string, unknown> = await import(new URL(name, folder).href);
    exported.push(...Object.keys(module).filter((key) => typeof module[key] === "function"));
  }
  // Names that end in Of are of expressions.
  const operations = exported.filter((name) => !/Of$/.test(name) && !declarations.includes(name));
  const named = new Set(opTable.map(({ name }) => name.split(",")[0]!));
  assert(operations.length > 60);
  assertEquals(operations.filter((name) => !named.has(name)), []);
});

Deno.test("specialTable has a row for every operation of opTable", () => {
  const operations = (rows: readonly { name: string }[]) =>
    new Set(rows.map(({ name }) => name.split(",")[0]!));
  assertEquals([...operations(opTable).difference(operations(specialTable))], []);
});

for (const row of opTable) {
  Deno.test(`${row.name}() in f32 agrees with f64`, async () => {
    const data = values(row, 1).map((x) => Float32Array.from(x));
    let [single, double]: [number[], number[]] = [[], []];
    await withDevice("f32", async (d) => void (single = await forward(row, d, data)));
    await withDevice("f64", async (d) => void (double = await forward(row, d, data)));
    single.forEach((x, i) => {
      assert(Math.abs(x - double[i]!) <= 1e-6 + 1e-5 * Math.abs(double[i]!), `${x} ${double[i]}`);
    });
  });

  Deno.test(`${row.name}() has the gradient that differences show`, async () => {
    await withDevice("f64", async (device) => {
      for (const seed of [1, 2, 3]) await directional(row, device, seed);
    });
  });
}

// (f(x + hd) - f(x - hd)) / 2h = d · ∇f, with f the result weighted by fixed random numbers.
async function directional(row: OpRow, device: Device, seed: number): Promise<void> {
  using _scope = device.scope("check");
  const data = values(row, seed);
  const direction = data.map((x, i) =>
    uniform(seedKey(900 + seed * 10 + i), x.length).map((u) => u - 0.5)
  );
  const weigh = (y: Tensor) => {
    const weights = uniform(seedKey(seed), sizeOf(y.shape)).map((u) => u - 0.5);
    return sum(mul(y, tensor(device, weights, y.shape)));
  };
  const at = async (h: number) => {
    const moved = data.map((x, i) => x.map((value, j) => value + h * direction[i]![j]!));
    const inputs = moved.map((x, i) => tensor(device, x, row.shapes[i]!));
    return await weigh(row.run(device, inputs)).item();
  };
  const h = 1e-6;
  const numeric = (await at(h) - await at(-h)) / (2 * h);
  const inputs = data.map((x, i) => tensor(device, x, row.shapes[i]!));
  const { gradients } = gradient(() => weigh(row.run(device, inputs)), inputs);
  let analytic = 0;
  for (const [i, g] of gradients.entries()) {
    assertEquals(g!.shape, row.shapes[i]!);
    (await g!.read()).forEach((value, j) => analytic += value * direction[i]![j]!);
  }
  const error = Math.abs(analytic - numeric) / Math.max(1e-3, Math.abs(numeric));
  assert(error <= 1e-6, `seed ${seed}: ${analytic} by derivation, ${numeric} by differences`);
}
