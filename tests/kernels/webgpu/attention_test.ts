// Attention as one program on WebGPU has the results and gradients of the composed operations in f64,
// with the same masks to the bit.
import { assert, assertEquals } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { gradient } from "../../../core/gradient.ts";
import { matmul } from "../../../core/ops/matmul.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { permute, transpose } from "../../../core/ops/view.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { attentionAlways } from "../../../kernels/webgpu/attention/attention_policy.ts";
import { WebGpuBackend } from "../../../kernels/webgpu/backend.ts";
import { infiniteScores, laterKeys, weightsOf } from "../../support/attention_weights_of.ts";
import {
  attentionOf,
  type FusedCase,
  fusedInputs,
  fusedOptions,
  fusedResults,
  fusedSecond,
} from "../../support/fused_attention_cases.ts";
import { assertClose, assertSame } from "../../support/op_results.ts";
import { attentionCases, shortTexts, structures } from "../../support/webgpu_attention_cases.ts";
import { attentionTests } from "../../support/webgpu_device.ts";

const attentionTest = await attentionTests();

for (const c of attentionCases) {
  attentionTest(`attention as one program over ${c.name} agrees with f64`, async (device) => {
    await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
    const expected = await fusedResults(oracle, c, false);
    assertClose(await fusedResults(device, c, true), expected, c.name);
  });
}

for (const [name, structure] of Object.entries(structures)) {
  attentionTest(
    `what attention as one program drops is the same to the bit: ${name}`,
    async (device) => {
      const c: FusedCase = { ...structure, name, space: shortTexts };
      await using cpu = new Device(openCpu({ kernels: "javascript" }), "f32");
      const expected = await weightsOf(cpu, c, false);
      const actual = await weightsOf(device, c, true);
      assertSame(actual.map(Math.sign), expected.map(Math.sign), name);
      assert(expected.includes(0) && expected.some((x) => x > 0));
    },
  );
}

const usual: FusedCase = {
  name: "usual",
  space: [1, 2, 2, 9, 9, 8],
  causal: true,
  mask: "keys",
};

attentionTest("second derivatives of attention as one program agree with f64", async (device) => {
  await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
  const expected = await fusedSecond(oracle, usual, false);
  assert(expected.every((values) => values.some((x) => x !== 0)));
  assertClose(await fusedSecond(device, usual, true), expected, "second");
});

/** Gradients of values and queries through a function of the result, whose cotangent has any layout. */
async function gradientsBy(device: Device, fused: boolean, through: "sum" | "transposed") {
  using _scope = device.scope("case");
  const inputs = fusedInputs(device, usual);
  const { gradients } = gradient(() => {
    const y = attentionOf(inputs, fusedOptions(device, usual), fused);
    if (through === "sum") return sum(y);
    const turned = permute(y, [1, 0, 4, 2, 3]);
    return sum(matmul(turned, transpose(turned)));
  }, [inputs[2]!, inputs[0]!]);
  return await Promise.all(gradients.map(async (g) => [...await g!.read()]));
}

for (const through of ["sum", "transposed"] as const) {
  attentionTest(
    `gradients of attention as one program, ${through}, agree with f64`,
    async (device) => {
      await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
      const expected = await gradientsBy(oracle, false, through);
      assertClose(await gradientsBy(device, true, through), expected, through);
    },
  );
}

attentionTest(
  "the gradient of attention over short texts is one program, over others two",
  async (_, { device, facts }) => {
    // In tiles for software, where heads of 8 make texts of 8 tokens short.
    const backend = new WebGpuBackend(
      device,
      facts,
      undefined,
      {},
      (sizes, adapter) => attentionAlways(sizes, { ...adapter, software: true }),
    );
    const run = async (keys: number) => {
      const before = backend.statistics.runs;
      const c: FusedCase = { ...usual, space: [2, 2, 2, keys, keys, 8] };
      await fusedResults(new Device(backend), c, true);
      return backend.statistics.runs - before;
    };
    assertEquals(await run(9) - await run(8), 1);
  },
);

attentionTest("attention as one program has the same bits every time", async (device) => {
  const [first, again] = [
    await fusedResults(device, attentionCases.at(-1)!, true),
    await fusedResults(device, attentionCases.at(-1)!, true),
  ];
  first.forEach((values, i) => assertSame(again[i]!, values, `${i}`));
});

attentionTest(
  "rows of attention as one program that see no key are zero, and so are their gradients",
  async (device) => {
    const c = attentionCases.find(({ mask }) => mask === "queries and keys")!;
    const [result, query] = await fusedResults(device, c, true);
    // The second query; both are in the order of their shape.
    for (const values of [result!, query!]) {
      assertEquals(values.slice(8, 16), new Array(8).fill(0));
      assert(values.every(Number.isFinite) && values.slice(16).some((x) => x !== 0));
    }
  },
);

attentionTest(
  "scores beyond all floats make their rows NaN on WebGPU, and no others",
  async (device) => {
    await using cpu = new Device(openCpu({ kernels: "javascript" }), "f32");
    const expected = await infiniteScores(cpu, false);
    const actual = await infiniteScores(device, true);
    const isNaNWord = (x: number) => Number(Number.isNaN(x));
    assertSame(actual.map(isNaNWord), expected.map(isNaNWord), "NaN");
    assert(expected.some(Number.isNaN) && !expected.every(Number.isNaN));
    expected.forEach((x, i) => assert(Number.isNaN(x) || Math.abs(x - actual[i]!) < 1e-5));
  },
);

const drops: Record<string, Pick<FusedCase, "weights">> = {
  "no weights": {},
  "weights, whose sum is hidden": { weights: { structure: "column", rate: 0.5 } },
};
for (const [name, drop] of Object.entries(drops)) {
  // In tiles for software the gradient over 8 tokens is one program, over 17 two.
  for (const tokens of [8, 17]) {
    attentionTest(
      `a row that is NaN leaves gradients of keys that it does not see, of ${tokens}, dropping ${name}`,
      async (device) => {
        await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
        const expected = await laterKeys(oracle, { ...drop, tokens, first: 1, fused: false });
        const actual = await laterKeys(device, { ...drop, tokens, first: NaN, fused: true });
        assertClose([actual], [expected], "keys");
      },
    );
  }
}
