import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { gradient } from "../../../core/gradient.ts";
import { scale } from "../../../core/ops/elementwise.ts";
import { sum } from "../../../core/ops/reduce.ts";
import type { Device } from "../../../core/device.ts";
import { noGrad, untracked } from "../../../core/tape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { dropHidden } from "../../../nn/dropout/drop_hidden.ts";
import type { Site } from "../../../nn/dropout/plan.ts";
import { bidirectionalKl, klDivergence } from "../../../core/ops/losses.ts";
import { close, runs } from "../../support/noise_cases.ts";
import { withDevice } from "../../support/with_device.ts";

/** Logits of two passes over the same classes. */
interface Pair {
  readonly a: readonly number[];
  readonly b: readonly number[];
}

const logit = fc.double({ min: -4, max: 4, noNaN: true });
const widths = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 2, max: 8 }) },
  { weight: 1, arbitrary: fc.integer({ min: 2, max: 64 }) },
);
const pairs: fc.Arbitrary<Pair> = widths.chain((width) => {
  const row = fc.array(logit, { minLength: width, maxLength: width });
  return fc.record({ a: row, b: row });
});

/** Distribution of logits and its logarithm. */
function distribution(logits: readonly number[]): { p: number[]; log: number[] } {
  const total = Math.log(logits.reduce((sum, g) => sum + Math.exp(g), 0));
  const log = logits.map((g) => g - total);
  return { p: log.map(Math.exp), log };
}

/** KL(a, b), and its gradients with respect to both. */
function divergence(a: readonly number[], b: readonly number[]) {
  const [first, second] = [distribution(a), distribution(b)];
  const gap = first.log.map((l, i) => l - second.log[i]!);
  const value = gap.reduce((sum, d, i) => sum + first.p[i]! * d, 0);
  return {
    value,
    byA: gap.map((d, i) => first.p[i]! * (d - value)),
    byB: second.p.map((q, i) => q - first.p[i]!),
  };
}

const half = (x: readonly number[], y: readonly number[]) => x.map((v, i) => (v + y[i]!) / 2);

/** Declares a property of any two passes. */
function property(
  name: string,
  check: (device: Device, a: Tensor, b: Tensor, pair: Pair) => Promise<void>,
): void {
  Deno.test(name, () =>
    withDevice("f64", (device) =>
      fc.assert(
        fc.asyncProperty(pairs, async (pair) => {
          using _scope = device.scope("pair");
          const row = (x: readonly number[]) => tensor(device, x, [1, x.length]);
          await check(device, row(pair.a), row(pair.b), pair);
        }),
        runs,
      )));
}

property("Eq. 11: KL of two passes is symmetric and never negative", async (_, a, b, pair) => {
  const value = await bidirectionalKl(a, b).item();
  assertEquals(await bidirectionalKl(b, a).item(), value);
  const [there, back] = [divergence(pair.a, pair.b), divergence(pair.b, pair.a)];
  close("KL", [value], [(there.value + back.value) / 2], 1e-12);
  assert(value >= -1e-12, `${value}`);
});

property("KL of equal passes is zero, and so is its gradient", async (device, a, _, pair) => {
  const same = tensor(device, pair.a, a.shape);
  const { result, gradients } = gradient(() => bidirectionalKl(a, same), [a, same]);
  assertEquals(await result.item(), 0);
  for (const g of gradients) close("gradient", await g!.read(), pair.a.map(() => 0), 1e-12);
});

property("KL with both branches sends its gradient into both", async (_, a, b, pair) => {
  const { gradients } = gradient(() => bidirectionalKl(a, b), [a, b]);
  const [there, back] = [divergence(pair.a, pair.b), divergence(pair.b, pair.a)];
  close("first", await gradients[0]!.read(), half(there.byA, back.byB), 1e-12);
  close("second", await gradients[1]!.read(), half(there.byB, back.byA), 1e-12);
});

property("KL sends no gradient into the detached branch", async (_, a, b, pair) => {
  const [there, back] = [divergence(pair.a, pair.b), divergence(pair.b, pair.a)];
  const detached = [
    () => bidirectionalKl(a, noGrad(b)),
    // As training does it: the second pass is computed without a record.
    () => bidirectionalKl(a, untracked(() => scale(b, 1))),
  ];
  for (const run of detached) {
    const { gradients, unused } = gradient(run, [a, b]);
    assertEquals(unused, [1]);
    close("first", await gradients[0]!.read(), half(there.byA, back.byB), 1e-12);
  }
});

Deno.test('Eq. 12: the "JS" is KL in one direction, and reaches the first pass alone', () =>
  withDevice("f64", async (device) => {
    let asymmetric = 0;
    await fc.assert(
      fc.asyncProperty(pairs, async (pair) => {
        using _scope = device.scope("pair");
        const a = tensor(device, pair.a, [1, pair.a.length]);
        const b = tensor(device, pair.b, [1, pair.b.length]);
        const run = () => sum(klDivergence(a, noGrad(b)));
        const { result, gradients, unused } = gradient(run, [a, b]);
        const there = divergence(pair.a, pair.b);
        const value = await result.item();
        close("KL", [value], [there.value], 1e-12);
        close("gradient", await gradients[0]!.read(), there.byA, 1e-12);
        assertEquals(unused, [1]);
        if (Math.abs(value - divergence(pair.b, pair.a).value) > 1e-6) asymmetric++;
      }),
      runs,
    );
    assert(asymmetric > runs.numRuns / 4, `${asymmetric} of ${runs.numRuns} are asymmetric`);
  }));

Deno.test("element HiddenCut and its Jacobian have the identity as their mean", () =>
  withDevice("f64", (device) =>
    fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0.1, max: 0.5, noNaN: true }),
        fc.tuple(fc.integer({ min: 0, max: 0xFFFFFFFF }), fc.integer({ min: 0, max: 0xFFFFFFFF })),
        fc.array(logit.filter((x) => Math.abs(x) > 1e-3), { minLength: 6, maxLength: 6 }),
        async (rate, key, hidden) => {
          using _scope = device.scope("masks");
          const count = 1024;
          const site: Site = { position: "hidden", structure: "element", rate, layers: "all" };
          const words = (data: number[]) => tensor(device, data, [count], "u32");
          const dropout = {
            plan: { sites: [site], compensation: { kind: "none", weight: 0, branches: 1 } },
            key,
            examples: words(Array.from({ length: count }, (_, i) => 2 * i)),
            lengths: words(new Array<number>(count).fill(2)),
          } as const;
          const data = Array.from({ length: count }, () => hidden).flat();
          const x = tensor(device, data, [count, 2, 3]);
          const { result, gradients } = gradient(() => {
            const cut = dropHidden(x, { site, key, dropout });
            return { loss: sum(cut), cut };
          }, [x]);
          const [cut, slope] = [await result.cut.read(), await gradients[0]!.read()];
          const mean = new Float64Array(hidden.length);
          cut.forEach((y, i) => {
            const [at, factor] = [i % hidden.length, y === 0 ? 0 : 1 / (1 - rate)];
            if (!(Math.abs(y - hidden[at]! * factor) <= 1e-12 && slope[i] === factor)) {
              throw new Error(`Element ${i} is ${y} with slope ${slope[i]}`);
            }
            mean[at]! += slope[i]! / count;
          });
          // 7.5 deviations of a mean over the masks: no seed is expected to exceed them.
          const limit = 7.5 * Math.sqrt(rate / (1 - rate) / count);
          close("mean of the Jacobian", mean, hidden.map(() => 1), limit);
        },
      ),
      runs,
    )));
