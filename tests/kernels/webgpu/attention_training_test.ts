// Steps of small models with attention as one program on WebGPU are those with composed attention, in fewer
// programs, also where they come again without being computed.
import { assert, assertEquals } from "@std/assert";
import type { Backend } from "../../../core/backend.ts";
import { Device } from "../../../core/device.ts";
import { gradient } from "../../../core/gradient.ts";
import { sizeOf } from "../../../core/shape.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { tensor } from "../../../core/tensor.ts";
import { attentionPolicy } from "../../../kernels/webgpu/attention/attention_policy.ts";
import { WebGpuBackend } from "../../../kernels/webgpu/backend.ts";
import { attentionInOne } from "../../../nn/layers/fused_attention.ts";
import { assertEqualSteps, attentionSteps, type StepCase } from "../../support/attention_steps.ts";
import {
  attentionOf,
  type FusedCase,
  fusedInputs,
  fusedOptions,
} from "../../support/fused_attention_cases.ts";
import { attentionTests } from "../../support/webgpu_device.ts";
import { PlannedBackend } from "../../../train/device/planned_backend.ts";

const attentionTest = await attentionTests();

/** Steps on a backend of an adapter that others use too. */
function steps(device: Device, backend: Backend, options: StepCase) {
  return attentionSteps(device, options, () => [
    backend.statistics.peakBytes,
    backend.statistics.runs,
  ]);
}

for (const method of ["lora", "hiddenkey"] as const) {
  attentionTest(
    `steps of ${method} on gpt2 are those with composed attention`,
    async (device, backend) => {
      const composed = new WebGpuBackend(backend.device, backend.facts);
      // Of five steps with the same shapes the last two are queued again.
      const options = { architecture: "gpt2", method, steps: 5, firstToken: 2 } as const;
      let captured = 0;
      const { capturing } = backend;
      const begin = capturing.begin;
      capturing.begin = () => {
        captured++;
        begin.call(capturing);
      };
      try {
        const [fused, expected] = [
          await steps(device, backend, options),
          await steps(new Device(composed), composed, options),
        ];
        assertEqualSteps(fused, expected);
        assert(fused.launches < expected.launches, `${fused.launches} of ${expected.launches}`);
        assertEquals(captured, 2);
      } finally {
        capturing.begin = begin;
      }
    },
  );
}

attentionTest(
  "memory of steps with attention as one program is planned to the byte",
  async (_, shared) => {
    const options = { architecture: "gpt2", method: "lora", steps: 2 } as const;
    const policy = attentionPolicy("always", true);
    const backend = new WebGpuBackend(shared.device, shared.facts, undefined, {}, policy);
    const planned = new PlannedBackend(backend);
    await steps(new Device(planned), planned, options);
    await steps(new Device(backend), backend, options);
    const { peakBytes, runs } = backend.statistics;
    assertEquals([planned.statistics.peakBytes, planned.statistics.runs], [peakBytes, runs]);
  },
);

const usual: FusedCase = { name: "usual", space: [2, 2, 2, 20, 20, 16], causal: true };

attentionTest(
  "gradients of attention as one program lie in memory as their inputs do",
  (device) => {
    using _scope = device.scope("case");
    const c = { ...usual, mask: "keys", space: [1, 1, 2, 9, 9, 8] } as const;
    const inputs = fusedInputs(device, c);
    const { gradients } = gradient(
      () => sum(attentionOf(inputs, fusedOptions(device, c), true)),
      inputs,
    );
    gradients.forEach((g, i) => assertEquals(g!.value.order, inputs[i]!.value.order));
  },
);

/** Whether a case is one program on a backend. */
function fits(
  backend: WebGpuBackend,
  change: Partial<FusedCase> = {},
  { scale, half = false }: { readonly scale?: number; readonly half?: boolean } = {},
): boolean {
  const device = new Device(backend);
  using _scope = device.scope("case");
  const c = { ...usual, ...change };
  const [q, k, v] = fusedInputs(device, c);
  const options = fusedOptions(device, c);
  const key = half ? tensor(device, new Uint16Array(sizeOf(k.shape)), k.shape, "f16") : k;
  return attentionInOne(q, key, v, { ...options, scale: scale ?? options.scale }) !== undefined;
}

attentionTest(
  "attention that does not fit one program of WebGPU is left to the composed operations",
  (_, backend) => {
    const sizes = [8, 128, 4, 12, 136].map((size) =>
      fits(backend, { space: [1, 1, 1, 3, 3, size] })
    );
    assertEquals(sizes, [true, true, false, false, false]);
    assertEquals([0, -1, 2].map((scale) => fits(backend, {}, { scale })), [false, false, true]);
    assertEquals(fits(backend, {}, { half: true }), false);
    const { device, facts } = backend;
    const policy = () => ({ rows: 16, own: 4, across: 4, units: 4, depth: 0 });
    const lowered = (limits: object) => new WebGpuBackend(device, facts, undefined, limits, policy);
    // The gradient binds eight operands beside those of masks.
    const few = lowered({ maxStorageBuffersPerShaderStage: 9 });
    assertEquals([fits(few, { mask: "keys" }), fits(few, { mask: "keys", logits: {} })], [
      true,
      false,
    ]);
    // A tensor that is met through windows.
    assertEquals(fits(lowered({ maxStorageBufferBindingSize: 4096 })), false);
    assertEquals(fits(new WebGpuBackend(device, facts, undefined, {}, () => undefined)), false);
    assertEquals(fits(new WebGpuBackend(device, facts)), false);
  },
);
