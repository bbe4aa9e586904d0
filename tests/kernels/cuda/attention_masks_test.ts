// Masks of attention as one program are those of the composed operation to the bit, whatever is in
// memory: floats, halves, infinities, rows without keys.
import { assert, assertEquals } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { permute } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import type { Site } from "../../../nn/dropout/plan.ts";
import type { Precision } from "../../../kernels/cuda/product/product_shape.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import {
  attentionOf,
  type FusedCase,
  fusedOptions,
  fusedResults,
} from "../../support/fused_attention_cases.ts";
import { infiniteScores, weightsOf } from "../../support/attention_weights_of.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertSame } from "../../support/op_results.ts";
import { floatOf, toBfloat } from "../../support/ptx/arithmetic.ts";

const space = [2, 2, 2, 48, 48, 48] as const;
const sites: readonly Partial<Site>[] = [
  { structure: "element", rate: 0.3 },
  { structure: "element", rate: 0.98, perHead: false },
  { structure: "column", rate: 0.5 },
  { structure: "column", rate: 0.5, perHead: false },
  { structure: "span", rate: 0.4 },
  { structure: "span", rate: 0.4, perHead: false, spanLength: 3 },
];

for (const position of ["logits", "weights"] as const) {
  for (const site of sites) {
    const name = `${position} by ${site.structure} ${site.perHead ?? true} ${site.rate}`;
    Deno.test(`what attention as one program drops is the same to the bit: ${name}`, async () => {
      for (const mask of ["keys", "queries and keys", "packed"] as const) {
        const given = mask === "packed" ? { mask: "keys", packed: true } as const : { mask };
        const c: FusedCase = { name, space, causal: true, ...given, [position]: site };
        await using cpu = new Device(openCpu({ kernels: "javascript" }), "f32");
        const expected = await weightsOf(cpu, c, false);
        await withInterpreted({}, async (device) => {
          const actual = await weightsOf(device, c, true);
          assertSame(actual.map(Math.sign), expected.map(Math.sign), mask);
          assert(expected.includes(0) && expected.some((x) => x > 0));
        });
      }
    });
  }
}

Deno.test("rows of attention as one program that see no key are zero, and so are their gradients", async () => {
  const c: FusedCase = {
    name: "rows",
    space: [1, 1, 1, 19, 19, 8],
    mask: "queries and keys",
    causal: true,
    logits: {},
    weights: {},
  };
  await withInterpreted({}, async (device) => {
    const [result, query] = await fusedResults(device, c, true);
    // The second query; both are in the order of their shape.
    for (const values of [result!, query!]) {
      assertEquals(values.slice(8, 16), new Array(8).fill(0));
      assert(values.every(Number.isFinite) && values.slice(16).some((x) => x !== 0));
    }
  });
});

Deno.test("scores beyond all floats make their rows NaN, as composed attention does, and no others", async () => {
  await using cpu = new Device(openCpu({ kernels: "javascript" }), "f32");
  const expected = await infiniteScores(cpu, false);
  await withInterpreted({}, async (device) => {
    const actual = await infiniteScores(device, true);
    assertSame(actual.map(isNaNWord), expected.map(isNaNWord), "NaN");
    // Row 5 meets itself; later rows meet a large score, whose weight is 1.
    assertEquals([0, 39, 40, 47, 48].map((i) => Number.isNaN(expected[i])), [
      false,
      false,
      true,
      true,
      false,
    ]);
    expected.forEach((x, i) => assert(Number.isNaN(x) || Math.abs(x - actual[i]!) < 1e-5));
  });
});

const isNaNWord = (x: number) => Number(Number.isNaN(x));

const halves: FusedCase = { name: "halves", space: [1, 2, 2, 30, 30, 24], causal: true };

/** The result over numbers that bf16 holds, in either type. */
async function ofHalves(device: Device, dtype: "f32" | "bf16", c = halves): Promise<number[]> {
  using _scope = device.scope("halves");
  const [batch, keyHeads, group, queries, keys, size] = c.space;
  const own = (seed: number, rows: number, group: number): Tensor => {
    const shape = [batch, rows, keyHeads, group, size];
    const bits = Uint16Array.from(uniform(seedKey(seed), sizeOf(shape)), (u) => toBfloat(u - 0.5));
    const data = dtype === "bf16" ? bits : Float32Array.from(bits, (b) => floatOf(b << 16));
    return permute(tensor(device, data, shape, dtype), [0, 2, 3, 1, 4]);
  };
  const inputs = [own(1, queries, group), own(2, keys, 1), own(3, keys, 1)];
  return [...await attentionOf(inputs, fusedOptions(device, c), true).read()];
}

Deno.test("attention as one program in bf16 reads halves as the floats they are", async () => {
  await withInterpreted({ precision: "bf16" }, async (device) => {
    assertSame(await ofHalves(device, "bf16"), await ofHalves(device, "f32"), "halves");
    // Turns of other lengths have other sums.
    const long = { ...halves, space: [1, 1, 1, 70, 150, 64] } as const;
    const [actual, expected] = [
      await ofHalves(device, "bf16", long),
      await ofHalves(device, "f32", long),
    ];
    expected.forEach((x, i) => assert(Math.abs(actual[i]! - x) < 2e-3, `${actual[i]} for ${x}`));
  });
});

/** Distance of the result and gradients from f64, of the largest element. */
async function distance(c: FusedCase, precision: Precision, fused: boolean): Promise<number[]> {
  await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
  const expected = await fusedResults(oracle, c, false);
  let distances: number[] = [];
  await withInterpreted({ precision }, async (device) => {
    distances = (await fusedResults(device, c, fused)).map((values, r) => {
      const largest = expected[r]!.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      return Math.max(...values.map((x, i) => Math.abs(x - expected[r]![i]!))) / largest;
    });
  });
  return distances;
}

Deno.test("attention as one program in bf16 is as near to f64 as composed attention", async () => {
  for (
    const change of [{}, { logits: { structure: "column" } }, { weights: { rate: 0.2 } }] as const
  ) {
    const c: FusedCase = { ...halves, space: [2, 2, 2, 50, 50, 32], large: 3, ...change };
    const [fused, composed] = [
      await distance(c, "bf16", true),
      await distance(c, "bf16", false),
    ];
    fused.forEach((error, i) =>
      assert(error < 2 * composed[i]! && error < 2e-2, `${i}: ${error}, ${composed[i]}`)
    );
  }
});
