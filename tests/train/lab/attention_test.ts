import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { gradient } from "../../../core/gradient.ts";
import { mul } from "../../../core/ops/elementwise.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { seedKey } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { layerPlace, siteAt } from "../../../nn/dropout/site.ts";
import { attentionWeights } from "../../../nn/layers/attention_weights.ts";
import {
  accountOf,
  cellKinds,
  cellOfKind,
  kindOfCell,
} from "../../../train/lab/page/attention/cell_kinds.ts";
import {
  computeK,
  computeRow,
  drawKeys,
  type RowMethod,
  rowMethods,
} from "../../../train/lab/page/attention/compute.ts";
import { rowFields } from "../../../train/lab/page/attention/row.ts";

const logits = rowFields.logits.default;
const keys = logits.length;
const drops: readonly (readonly number[])[] = [[], [1], [4, 1], [0, 1, 2, 3, 4, 5], [6]];

async function withRow(body: (device: Device) => Promise<void>): Promise<void> {
  await using device = new Device(openCpu({ kernels: "simd" }));
  using _scope = device.scope("test");
  await body(device);
}

/** Weights of a row in double precision, by the words of Equations 1 to 3. */
function weightsOf(
  method: RowMethod,
  g: readonly number[],
  dropped: readonly number[],
  S?: number,
) {
  const e = g.map(Math.exp);
  const kept = (_: number, key: number) => !dropped.includes(key);
  const total = (all: readonly number[]) => all.reduce((a, b) => a + b, 0);
  if (method === "dropkey") return e.map((x, key) => kept(x, key) ? x / total(e.filter(kept)) : 0);
  const w = e.map((x, key) => kept(x, key) ? x / total(e) : 0);
  return w.map((x) => x / (S ?? total(w)));
}

Deno.test("weights and derivatives of a row are those of the equations, by central differences", () =>
  withRow(async (device) => {
    for (const dropped of drops) {
      const results = await computeRow(device, logits, dropped);
      // NoGrad: the divisor keeps the value that it has where the derivative is taken.
      const e = logits.map(Math.exp);
      const all = e.reduce((a, b) => a + b, 0);
      const S = e.reduce((s, x, key) => dropped.includes(key) ? s : s + x / all, 0);
      for (const method of rowMethods) {
        const fixed = method === "nograd" ? S : undefined;
        const { weights, jacobian } = results[method];
        weightsOf(method, logits, dropped, fixed).forEach((w, u) =>
          assertAlmostEquals(weights[u]!, w, 1e-6)
        );
        for (let j = 0; j < keys; j++) {
          const at = (h: number) =>
            weightsOf(method, logits.with(j, logits[j]! + h), dropped, fixed);
          const [up, down] = [at(1e-5), at(-1e-5)];
          for (let u = 0; u < keys; u++) {
            const slope = (up[u]! - down[u]!) / 2e-5;
            assertAlmostEquals(jacobian[keys * u + j]!, slope, 2e-6, `${method} ${u} ${j}`);
          }
        }
      }
    }
  }));

Deno.test("derivatives are those of the attention that training uses, for the keys that it draws", () =>
  withRow(async (device) => {
    const [rate, seed] = [0.4, 7];
    const dropped = await drawKeys(device, { keys, rate, seed });
    assert(dropped.length > 0 && dropped.length < keys);
    const results = await computeRow(device, logits, dropped);
    const paired = [{ position: "weights", stream: "logits" }] as const;
    const plans = {
      dropkey: dropoutPlan("dropkey", false, { rate, structure: "column", layers: "all" }),
      dropattention: dropoutPlan("dropattention", false, {
        ...{ rate, structure: "column", layers: "all", nograd: false, site: paired },
      }),
      nograd: dropoutPlan("dropattention", false, {
        ...{ rate, structure: "column", layers: "all", nograd: true, site: paired },
      }),
    } as const;
    for (const method of rowMethods) {
      const examples = tensor(device, [0], [1], "u32");
      const lengths = tensor(device, [keys], [1], "u32");
      const dropout = { plan: plans[method], key: seedKey(seed), examples, lengths };
      const at = (position: "logits" | "weights") =>
        siteAt({ dropout }, position, layerPlace(0, 1));
      const sites = { logits: at("logits"), weights: at("weights") };
      const x = tensor(device, [[[[[...logits]]]]]);
      const options = { scale: 1, causal: false, maximum: keys, ...sites };
      const { weights, jacobian } = results[method];
      for (let u = 0; u < keys; u++) {
        const one = tensor(device, [[[[logits.map((_, key) => key === u ? 1 : 0)]]]]);
        const { gradients, result } = gradient(() => {
          const all = attentionWeights(x, options);
          return { all, loss: sum(mul(all, one)) };
        }, [x]);
        const found = await gradients[0]!.read();
        assertAlmostEquals((await result.all.read())[u]!, weights[u]!, 1e-6);
        for (let j = 0; j < keys; j++) {
          assertAlmostEquals(jacobian[keys * u + j]!, found[j]!, 1e-6, `${method} ${u} ${j}`);
        }
      }
    }
  }));

Deno.test("a row that would lose all its keys keeps all of them, drawn or by hand", () =>
  withRow(async (device) => {
    const all = logits.map((_, key) => key);
    const { before, nograd, dropkey } = await computeRow(device, logits, all);
    assertEquals(dropkey.weights, before);
    assert(nograd.weights.every(Number.isFinite));
    for (let seed = 0; seed < 20; seed++) {
      assert((await drawKeys(device, { keys: 2, rate: 0.9, seed })).length < 2);
    }
  }));

Deno.test("a draw is the seed's own, and nothing is dropped at rate 0", () =>
  withRow(async (device) => {
    const draw = (seed: number, rate = 0.5) => drawKeys(device, { keys, rate, seed });
    assertEquals(await draw(3), await draw(3));
    assertNotEquals(await draw(7), await draw(8));
    assertEquals(await draw(7, 0), []);
    const [few, many] = [await draw(7, 0.3), await draw(7, 0.5)];
    assert(few.every((key) => many.includes(key)), "a higher rate drops more of the same");
  }));

Deno.test("k is Equation 10, below 1, and falls as the dropped logit grows", () =>
  withRow(async (device) => {
    const values = [-3, -1, 0, 1, 2, 3, 4];
    const found = await computeK(device, logits, [1, 5], { of: 4, moved: 1, values });
    found.forEach((k, i) => {
      const g = logits.with(1, values[i]!);
      const after = weightsOf("dropkey", g, [1, 5])[4]!;
      const before = weightsOf("dropkey", g, [])[4]!;
      assertAlmostEquals(k, (1 - after) / (1 - before), 1e-6);
      assert(k < 1 && k < (found[i - 1] ?? 1));
    });
  }));

Deno.test("what is said of each cell comes to what stands in it", () =>
  withRow(async (device) => {
    for (const dropped of drops) {
      const results = await computeRow(device, logits, dropped);
      for (const method of rowMethods) {
        results[method].jacobian.forEach((value, i) => {
          const cell = [Math.floor(i / keys), i % keys] as const;
          const said = accountOf(method, cell, results.before, dropped);
          assertAlmostEquals(said.value, value, 1e-6, `${method} ${cell} of ${dropped}`);
          if (said.numbers === undefined) assertEquals(said.value, 0);
        });
      }
    }
  }));

Deno.test("each kind of cell has one that shows it, and the equation that gives it", () => {
  const before = [0.1, 0.5, 0.3, 0.1];
  const cells = cellKinds.map((kind) => cellOfKind(kind, before, [1], [2, 1]));
  assertEquals(cells, [[2, 2], [2, 0], [2, 1], [1, 2]]);
  cells.forEach((cell, i) => assertEquals(kindOfCell(cell!, [1]), cellKinds[i]));
  const equations = (method: RowMethod) =>
    cells.map((cell) => accountOf(method, cell!, before, [1]).equation);
  assertEquals(equations("dropkey"), ["7", undefined, "7", "4"]);
  assertEquals(equations("nograd"), ["9", undefined, "8", "6"]);
  assertEquals(cellOfKind("noise", before, [], [2, 1]), undefined);
  assertEquals(cellOfKind("own", before, [2], [2, 1]), [1, 1]);
});
