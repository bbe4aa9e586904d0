// Second derivatives of attention as one program, cotangents of any layout, and what only some need.
import { assert, assertEquals } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { gradient } from "../../../core/gradient.ts";
import { matmul } from "../../../core/ops/matmul.ts";
import { mul } from "../../../core/ops/elementwise.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { sizeOf } from "../../../core/shape.ts";
import { tensor } from "../../../core/tensor.ts";
import { attentionInOne } from "../../../nn/layers/fused_attention.ts";
import { permute, transpose } from "../../../core/ops/view.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import {
  attentionOf,
  type FusedCase,
  fusedInputs,
  fusedOptions,
  fusedResults,
  fusedSecond,
} from "../../support/fused_attention_cases.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertClose, assertSame } from "../../support/op_results.ts";

const space = [1, 2, 2, 9, 9, 8] as const;

const seconds: readonly FusedCase[] = [
  { name: "earlier keys", space, causal: true },
  { name: "keys left by column", space, mask: "keys", logits: { structure: "column" } },
  { name: "weights left", space, causal: true, weights: { nograd: false } },
  { name: "weights left, their sum hidden", space, causal: true, weights: {} },
];

for (const c of seconds) {
  Deno.test(`second derivatives of attention as one program over ${c.name} agree with f64`, async () => {
    await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
    const expected = await fusedSecond(oracle, c, false);
    assert(expected.every((values) => values.some((x) => x !== 0)));
    await withInterpreted({}, async (device) => {
      assertClose(await fusedSecond(device, c, true), expected, c.name);
    });
  });
}

const usual: FusedCase = { name: "usual", space: [2, 2, 2, 20, 20, 16], causal: true };

/** Gradients of some inputs through a function of the result. */
async function gradientsBy(
  device: Device,
  fused: boolean,
  which: readonly number[],
  through: "sum" | "transposed",
): Promise<number[][]> {
  using _scope = device.scope("case");
  const inputs = fusedInputs(device, usual);
  const options = fusedOptions(device, usual);
  const { gradients } = gradient(() => {
    const y = attentionOf(inputs, options, fused);
    if (through === "sum") return sum(y);
    const turned = permute(y, [1, 0, 4, 2, 3]);
    return sum(mul(matmul(turned, transpose(turned)), matmul(turned, transpose(turned))));
  }, which.map((i) => inputs[i]!));
  return await Promise.all(gradients.map(async (g) => [...await g!.read()]));
}

for (const through of ["sum", "transposed"] as const) {
  for (const which of [[0], [1], [2], [0, 2]]) {
    Deno.test(`gradients of ${which} of attention as one program, ${through}, agree with f64`, async () => {
      await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
      const expected = await gradientsBy(oracle, false, which, through);
      await withInterpreted({}, async (device) => {
        assertClose(await gradientsBy(device, true, which, through), expected, through);
      });
    });
  }
}

Deno.test("attention as one program has the same bits every time", async () => {
  const c: FusedCase = { ...usual, logits: { rate: 0.5 }, weights: {} };
  await withInterpreted({}, async (device) => {
    const [first, again] = [
      await fusedResults(device, c, true),
      await fusedResults(device, c, true),
    ];
    first.forEach((values, i) => assertSame(again[i]!, values, `${i}`));
  });
});

Deno.test("gradients of attention as one program lie in memory as their inputs do", async () => {
  await withInterpreted({}, (device) => {
    using _scope = device.scope("case");
    const inputs = fusedInputs(device, usual);
    const { gradients } = gradient(
      () => sum(attentionOf(inputs, fusedOptions(device, usual), true)),
      inputs,
    );
    gradients.forEach((g, i) => assertEquals(g!.value.order, inputs[i]!.value.order));
  });
});

Deno.test("attention that does not fit one program is left to the composed operations", async () => {
  const run = (
    device: Device,
    change: Partial<FusedCase>,
    scale?: number,
    half?: "f16" | "bf16",
  ) => {
    using _scope = device.scope("case");
    const c = { ...usual, ...change };
    const [q, k, v] = fusedInputs(device, c);
    const options = fusedOptions(device, c);
    const key = half === undefined
      ? k
      : tensor(device, new Uint16Array(sizeOf(k.shape)), k.shape, half);
    return attentionInOne(q, key, v, { ...options, scale: scale ?? options.scale }) !== undefined;
  };
  await withInterpreted({}, (device) => {
    assertEquals([128, 8].map((size) => run(device, { space: [1, 1, 1, 3, 3, size] })), [
      true,
      true,
    ]);
    const others = [4, 12, 136].map((size) => run(device, { space: [1, 1, 1, 3, 3, size] }));
    assertEquals(others, [false, false, false]);
    assertEquals([0, -1].map((scale) => run(device, {}, scale)), [false, false]);
    assertEquals([run(device, {}, 1, "f16"), run(device, {}, 1, "bf16")], [false, false]);
  });
  await withInterpreted({ precision: "bf16" }, (device) => {
    assertEquals([run(device, {}, 1, "f16"), run(device, {}, 1, "bf16")], [false, true]);
  });
  await withInterpreted({ fused: false }, (device) => assertEquals(run(device, {}), false));
});
