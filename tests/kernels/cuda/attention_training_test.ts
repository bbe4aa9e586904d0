// Steps of small models with attention as one program are those with composed attention, in fewer
// launches and less memory.
import { assert, assertEquals } from "@std/assert";
import { type Method, methods } from "../../../nn/dropout/methods.ts";
import type { Precision } from "../../../kernels/cuda/product/product_shape.ts";
import {
  assertEqualSteps,
  attentionSteps,
  type Step,
  type StepCase,
} from "../../support/attention_steps.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";

interface Options extends StepCase {
  readonly fused: boolean;
  readonly precision?: Precision;
}

/** Two steps of a small model with heads of 8. */
async function train(options: Options): Promise<Step> {
  let step: Step | undefined;
  const { fused, precision = "float32" } = options;
  await withInterpreted({ fused, precision }, async (device, { backend }) => {
    step = await attentionSteps(device, options, () => [
      backend.statistics.peakBytes,
      backend.launches.launches,
    ]);
  });
  return step!;
}

const compared: readonly (readonly [Options["architecture"], readonly Method[]])[] = [
  ["bert", methods],
  ["gpt2", ["lora", "dropattention"]],
  ["llama", ["hiddenkey"]],
];
for (const [architecture, own] of compared) {
  for (const method of own) {
    Deno.test(`steps of ${method} on ${architecture} are those with composed attention`, async () => {
      const [fused, composed] = [
        await train({ architecture, method, fused: true }),
        await train({ architecture, method, fused: false }),
      ];
      assertEqualSteps(fused, composed);
      // HiddenCut's own rule may read the weights; nothing else does.
      assert(fused.launches < composed.launches, `${fused.launches} of ${composed.launches}`);
    });
  }
}

/** Distance of first gradients, of their length. */
function distance(actual: Step, expected: Step): number {
  const length = (values: readonly number[]) => Math.hypot(...values);
  return length(actual.first.map((x, i) => x - expected.first[i]!)) / length(expected.first);
}

for (const architecture of ["bert", "llama"] as const) {
  Deno.test(`steps of hiddenkey on ${architecture} in bf16 are as near to float32 as with composed attention`, async () => {
    const options = { architecture, method: "hiddenkey" } as const;
    const exact = await train({ ...options, fused: true });
    const [fused, composed] = [
      await train({ ...options, fused: true, precision: "bf16" }),
      await train({ ...options, fused: false, precision: "bf16" }),
    ];
    const [own, other] = [distance(fused, exact), distance(composed, exact)];
    assert(own < 1.5 * other && own < 0.05, `${own}, composed ${other}`);
    assert(fused.launches < composed.launches);
  });
}

Deno.test("gradient checkpointing runs attention as one program again", async () => {
  const options = { architecture: "bert", method: "hiddenkey", fused: true } as const;
  const [plain, again] = [
    await train(options),
    await train({ ...options, gradientCheckpointing: true }),
  ];
  assertEquals([again.loss, again.gradients], [plain.loss, plain.gradients]);
});

Deno.test("attention as one program holds no queries times keys", async () => {
  const options = { architecture: "bert", method: "dropattention", tokens: 40 } as const;
  const [fused, composed] = [
    await train({ ...options, fused: true }),
    await train({ ...options, fused: false }),
  ];
  assertEqualSteps(fused, composed);
  // Three examples of 40 tokens, two heads, two layers.
  const weights = 4 * 3 * 2 * 40 * 40 * 2;
  assert(
    composed.peakBytes - fused.peakBytes > 0.9 * weights,
    `${composed.peakBytes} - ${fused.peakBytes} for ${weights}`,
  );
});
