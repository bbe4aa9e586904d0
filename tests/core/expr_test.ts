import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { apply } from "../../core/apply.ts";
import { derive } from "../../core/derive.ts";
import { GradientError } from "../../core/errors.ts";
import {
  type Bool,
  columns,
  depth,
  type Expr,
  filled,
  type Float,
  float,
  input,
  larger,
  node,
  rowMax,
  rowSum,
  scalar,
  select,
  stop,
  substitute,
  topological,
  word,
} from "../../core/expr.ts";
import { gradient } from "../../core/gradient.ts";
import { elementwise, mul } from "../../core/ops/elementwise.ts";
import { sum } from "../../core/ops/reduce.ts";
import type { RowOp } from "../../core/ops/rowwise.ts";
import type { Program } from "../../core/program.ts";
import { scalarOperations } from "../../core/operations.ts";
import { scalarRow } from "../../core/scalar.ts";
import type { Device } from "../../core/device.ts";
import { tensor } from "../../core/tensor.ts";
import { attentionWeightsOp } from "../../nn/layers/attention_weights.ts";
import { crossEntropyOp, klOp } from "../../core/ops/losses.ts";
import { layerNormOp, rmsNormOp } from "../../core/ops/norm.ts";
import { assertGradient, numbers, randomTensor } from "../support/differences.ts";
import { withDevice } from "../support/with_device.ts";

const x = input(0, "f32", 3);
const y = input(1, "f32", 3);
const row = input(2, "f32", 1);

Deno.test("Expr of equal structure is the same object", () => {
  assertStrictEquals(x.add(y).unary("exp"), x.add(y).unary("exp"));
  assertStrictEquals(float(0.25), float(0.25));
  assertNotEquals(x.sub(y).id, y.sub(x).id);
  assertNotEquals(input(0, "f32", 3).id, input(0, "f32", 1).id);
  assertNotEquals(input(0, "f32", 3).id, input(0, "u32", 3).id);
  assertNotEquals(float(1).id, word(1).id);
  assertNotEquals(float(1).id, filled(1).id);
});

Deno.test("Expr folds zeros, ones and constants", () => {
  // x + 0 = 0 + x = x - 0 = 1 x = x 1 = x / 1 = x, 0 x = 0 / x = 0, 0 - x = -x, -(-x) = x.
  for (const e of [x.add(0), float(0).add(x), x.sub(0), float(1).mul(x), x.mul(1), x.div(1)]) {
    assertStrictEquals(e, x);
  }
  // 0 times what is infinite, and 0 by 0, are NaN.
  for (const e of [x.mul(0), float(0).mul(x)]) assertStrictEquals(e.op, "mul");
  assertStrictEquals(float(0).div(x).op, "div");
  assertStrictEquals(float(0).sub(x), x.neg());
  assertStrictEquals(x.neg().neg(), x);
  // (2 + 3) (2 - 3) / 4 = -5/4.
  assertStrictEquals(float(2).add(3).mul(float(2).sub(3)).div(4), float(-1.25));
  assertStrictEquals(float(2).neg(), float(-2));
  assertStrictEquals(select(x.compare("lt", y), x, x), x);
  assertStrictEquals(stop(stop(x)), stop(x));
  assertStrictEquals(stop(float(2)), float(2));
});

Deno.test("Expr varies where its operands vary, and a reduction no longer along the row", () => {
  assertEquals([x.level, row.level, float(1).level, columns.level], [3, 1, 0, 0]);
  const along = input(0, "f32", 2);
  assertEquals([row.add(along).level, rowSum(along).level, rowMax(x).level], [3, 0, 1]);
  assertEquals(x.sub(rowSum(x)).level, 3);
});

Deno.test("rowSum() moves factors that do not vary along the row out of the sum", () => {
  const s = rowSum(x);
  // Σ r x = Σ x r = r Σ x, Σ x / r = (Σ x) / r, Σ -x = -Σ x, Σ r = n r.
  assertStrictEquals(rowSum(row.mul(x)), row.mul(s));
  assertStrictEquals(rowSum(x.mul(row)), row.mul(s));
  assertStrictEquals(rowSum(x.div(row)), s.div(row));
  assertStrictEquals(rowSum(x.neg()), s.neg());
  assertStrictEquals(rowSum(row), row.mul(columns));
  assertStrictEquals(rowMax(row), row);
});

Deno.test("rowSum() splits a sum only where that saves a pass", () => {
  const s = rowSum(x);
  // Σ (y x - x s) = Σ y x - s², of depth 1 and not 2.
  assertStrictEquals(rowSum(y.mul(x).sub(x.mul(s))), rowSum(y.mul(x)).sub(s.mul(s)));
  assertEquals(rowSum(x.add(y)).op, "rowSum");
  assertEquals(depth(rowSum(x.add(y))), 1);
});

Deno.test("depth() counts nested reductions and topological() lists operands first", () => {
  const center = rowSum(x).div(columns);
  const spread = rowSum(x.sub(center).mul(x.sub(center)));
  assertEquals([depth(x), depth(center), depth(spread), depth(x.mul(spread))], [0, 1, 2, 2]);
  const order = topological([x.mul(spread)]);
  assertEquals(new Set(order).size, order.length);
  order.forEach((e, at) => {
    for (const arg of e.args) assertEquals(order.indexOf(arg) < at, true);
  });
});

Deno.test("substitute() replaces nodes, keeps the rest and hoists again", () => {
  assertStrictEquals(substitute(x.mul(y), new Map<Expr, Expr>([[x, row]])), row.mul(y));
  assertStrictEquals(
    substitute(rowSum(x.mul(y)), new Map<Expr, Expr>([[x, row]])),
    row.mul(rowSum(y)),
  );
  const e = rowSum(x.mul(x)).unary("sqrt");
  assertStrictEquals(substitute(e, new Map<Expr, Expr>([[y, row]])), e);
  assertStrictEquals(
    substitute(e, new Map<Expr, Expr>([[rowSum(x.mul(x)), row]])),
    row.unary("sqrt"),
  );
});

Deno.test("derive() gives undefined for a leaf that the outputs do not depend on", () => {
  const [dx, dy] = derive([x.mul(2)], [row], [x, y]);
  assertStrictEquals(dx, row.mul(2));
  assertEquals(dy, undefined);
  assertEquals(derive([stop(x)], [y], [x]), [undefined]);
  assertEquals(derive([x], [undefined], [x]), [undefined]);
});

Deno.test("derive() sums along the row where the leaf does not vary along it", () => {
  // d/dr Σ g x r = Σ g x.
  assertStrictEquals(derive([x.mul(row)], [y], [row])[0], rowSum(y.mul(x)));
});

Deno.test("derive() refuses rowMax without stop", () => {
  assertThrows(
    () => derive([x.sub(rowMax(x))], [y], [x]),
    GradientError,
    "Cannot differentiate rowMax: wrap it in stop or use another form",
  );
  assertStrictEquals(derive([x.sub(stop(rowMax(x)))], [y], [x])[0], y);
});

Deno.test("float() and word() refuse constants that are not finite", () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    assertThrows(() => float(bad), TypeError, `Cannot use ${bad} as a constant`);
    assertThrows(() => word(bad), TypeError, "must be finite");
    assertThrows(() => x.add(bad), TypeError, "must be finite");
    assertThrows(() => x.compare("lt", bad), TypeError, "must be finite");
  }
  assertThrows(() => float(1).div(0), TypeError, "Cannot use Infinity");
  assertThrows(() => float(1e38).mul(10), TypeError, "must be finite in 32 bits");
});

Deno.test("filled() refuses constants that are not finite", () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    assertThrows(() => filled(bad), TypeError, "finite");
  }
});

Deno.test("scalarRow() has a row for each operation on scalars, and none for leaves and reductions", () => {
  for (const op of scalarOperations) assert(scalarRow(op) !== undefined, op);
  for (const op of ["constant", "input", "columns", "rowSum", "rowMax"] as const) {
    assertEquals(scalarRow(op), undefined);
  }
  // @ts-expect-error: the list of operations is closed, so an unknown one does not compile.
  assertEquals(scalarRow("sinh"), undefined);
});

/** Programs that the device runs from now on. */
function watch({ backend }: Device): Program[] {
  const programs: Program[] = [];
  const run = backend.run.bind(backend);
  backend.run = (program, binding) => {
    programs.push(program);
    run(program, binding);
  };
  return programs;
}

/** Nested reductions of the programs that compute the gradient by the first input. */
async function backwardDepth(op: RowOp, shapes: readonly (readonly number[])[], labels = false) {
  let found = -1;
  await withDevice("f64", (device) => {
    const inputs = shapes.map((shape, i) => randomTensor(device, i, shape));
    if (labels) inputs.push(tensor(device, [1, 4, 2], [3, 1], "u32"));
    const indices = Array.from({ length: 2 }, (_, i) => ({ offset: 0, strides: [i, 1 - i] }));
    const programs = watch(device);
    let forward = 0;
    gradient(() => {
      const out = apply(op, inputs, { scalars: [0.1], indices })[0]!;
      const loss = sum(mul(out, randomTensor(device, 9, out.shape)));
      forward = programs.length;
      return loss;
    }, inputs.slice(0, 1));
    const backward = programs.slice(forward);
    found = Math.max(...backward.flatMap((p) => p.family === "row" ? p.outputs.map(depth) : []));
  });
  return found;
}

Deno.test("derived gradients take as many passes as those written by hand", async () => {
  const wide = [3, 6];
  // By hand: s (gw - mean gw - z mean(gw z)), with z = (x - m) s: both means in one pass.
  assertEquals(await backwardDepth(layerNormOp, [wide, [6], [6]]), 1);
  // By hand: s (gw - z mean(gw z)).
  assertEquals(await backwardDepth(rmsNormOp, [wide, [6]]), 1);
  const structure = { causal: false, masked: false, noGrad: false } as const;
  const softmax = attentionWeightsOp({ ...structure, logits: "none", weights: "none" });
  // By hand: y (g - Σ g y).
  assertEquals(await backwardDepth(softmax, [wide]), 1);
  // Derived, it finds maximum and sum again: what the override is for.
  assertEquals(await backwardDepth(softmax.derived, [wide]), 2);
  // By hand: g (softmax - target), with maximum and sum saved.
  assertEquals(await backwardDepth(crossEntropyOp, [wide], true), 0);
  // By hand: g p (log p - log q - Σ p (log p - log q)).
  assertEquals(await backwardDepth(klOp, [wide, wide]), 1);
});

type Build = (...e: Float[]) => Float;
const condition = (a: Float, b: Float) => a.compare("lt", b) as Bool;
const named: Record<string, { arity: number; build: Build; range?: [number, number] }> = {
  add: { arity: 2, build: (a, b) => a!.add(b!) },
  sub: { arity: 2, build: (a, b) => a!.sub(b!) },
  mul: { arity: 2, build: (a, b) => a!.mul(b!) },
  div: { arity: 2, build: (a, b) => a!.div(b!), range: [0.5, 2] },
  max: { arity: 2, build: (a, b) => larger(a!, b!) },
  select: { arity: 3, build: (a, b, c) => select(condition(a!, float(0)), b!.mul(a!), c!.mul(a!)) },
  log: { arity: 1, build: (a) => a!.unary("log"), range: [0.2, 3] },
  sqrt: { arity: 1, build: (a) => a!.unary("sqrt"), range: [0.2, 3] },
  rsqrt: { arity: 1, build: (a) => a!.unary("rsqrt"), range: [0.2, 3] },
};

for (const name of scalarOperations.filter((op) => scalarRow(op)?.derivative && op !== "stop")) {
  Deno.test(`scalar ${name} has the derivative that differences show`, async () => {
    const { arity, build, range = [-2, 2] } = named[name] ??
      { arity: 1, build: (a: Float) => node(name, [a], "f32") };
    const op = elementwise(name, arity, (...e) => build(...e).mul(scalar(0, "f32")));
    const shapes = Array.from({ length: arity }, () => [4, 8]);
    const data = shapes.map((_, i) => numbers(31 + i, 32, ...range as [number, number]));
    await withDevice("f64", async (device) => {
      const weights = randomTensor(device, 5, [4, 8]);
      const loss = (inputs: Parameters<typeof apply>[1]) =>
        sum(mul(apply(op, inputs, { scalars: [1.3] })[0]!, weights));
      await assertGradient(device, loss, data, shapes);
    });
  });
}
