// Examples that share rows have the losses and gradients that they have one a row.
import { assert } from "@std/assert";
import fc from "fast-check";
import type { Device } from "../../../core/device.ts";
import { dropoutPlan, methods, type PlanOptions } from "../../../nn/dropout/methods.ts";
import { type DropoutPlan, positions, type Site, structures } from "../../../nn/dropout/plan.ts";
import { assertClose } from "../../support/differences.ts";
import { adaptedState, type Found, stepOf } from "../../support/packed.ts";
import { tinyExamples } from "../../support/tiny_models.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

const lengths = [5, 9, 2, 7, 3, 4];
// Of these the last sees windows of 4 tokens.
const architectures = ["gpt2", "llama", "mistral"] as const;
type Architecture = typeof architectures[number];

/** A step of some examples under each plan: packed, and one a row. */
async function stepsOf(
  device: Device,
  architecture: Architecture,
  plans: readonly DropoutPlan[],
  { tokens = lengths, ...settings }: {
    readonly tokens?: readonly number[];
    readonly gradientCheckpointing?: boolean;
  } = {},
): Promise<{ plan: DropoutPlan; packed: Found; alone: Found }[]> {
  const state = await adaptedState(device, architecture);
  const examples = tinyExamples(tokens, true);
  const steps = [];
  for (const plan of plans) {
    const packed = await stepOf(device, state, examples, { plan, pack: true, ...settings });
    steps.push({
      plan,
      packed,
      alone: await stepOf(device, state, examples, { plan, pack: false }),
    });
  }
  return steps;
}

/** Gradient and losses, the latter last. */
function listed({ gradients, loss, task, compensation }: Found): number[] {
  return [...gradients, loss, task, ...compensation === undefined ? [] : [compensation]];
}

/** Checks that they are equal but for rounding in double precision. */
async function assertSame(...given: Parameters<typeof stepsOf>): Promise<void> {
  for (const { packed, alone } of await stepsOf(...given)) {
    assertClose(listed(packed), listed(alone), 1e-9, 1e-9);
    assert(alone.gradients.some((g) => Math.abs(g) > 1e-3));
  }
}

const one = (position: Site["position"], options: Partial<Site>): DropoutPlan =>
  dropoutPlan("lora", false, { site: [{ position, rate: 0.4, ...options }] });

for (const architecture of architectures) {
  Deno.test(`packed examples have the losses and gradients of ${architecture} by every method`, () =>
    withDevice("f64", async (device) => {
      const ways: PlanOptions[] = [
        { compensation: "none" },
        { compensation: "kl" },
        { compensation: "kl", branches: 2 },
        { compensation: "js" },
      ];
      const plans = methods.flatMap((method) =>
        ways.map((way) => dropoutPlan(method, false, { rate: 0.3, ...way }))
      );
      await assertSame(device, architecture, plans);
    }));

  Deno.test(`packed examples have the losses and gradients of ${architecture} at every position`, () =>
    withDevice("f64", async (device) => {
      const plans = positions.flatMap((position) =>
        structures
          .filter((structure) => structure !== "feature" || !/logits|weights/.test(position))
          .map((structure) => one(position, { structure }))
      );
      await assertSame(device, architecture, plans);
    }));

  Deno.test(`packed examples have the losses and gradients of ${architecture} by every setting`, () =>
    withDevice("f64", async (device) => {
      const guided = { structure: "span", start: "attention" } as const;
      const plans = [
        one("hidden", guided),
        one("hidden", { ...guided, spanLength: 3, perExample: false, point: "inner" }),
        one("input", { structure: "column", hide: false }),
        one("input", { structure: "span", perExample: false }),
        one("hidden", { structure: "element", perExample: false }),
        one("hidden", { structure: "column", stream: "input" }),
        one("logits", { structure: "element", perHead: false }),
        one("weights", { structure: "element", rescale: true }),
        one("weights", { structure: "span", rescale: false }),
        one("weights", { structure: "span", nograd: false, spanLength: 2 }),
        dropoutPlan("hiddenkey", true, { neftuneAlpha: 5, instances: 2 }),
      ];
      await assertSame(device, architecture, plans);
      const gradientCheckpointing = true;
      await assertSame(device, architecture, plans.slice(0, 4), { gradientCheckpointing });
    }));

  webGpuTest(
    `packed examples have the losses and gradients of ${architecture} on WebGPU`,
    async (device) => {
      const plans = [
        dropoutPlan("hiddenkey", false, { rate: 0.3 }),
        dropoutPlan("dropattention", false, { structure: "element", compensation: "js" }),
        one("hidden", { structure: "span", start: "attention" }),
      ];
      for (const { packed, alone } of await stepsOf(device, architecture, plans)) {
        const largest = Math.max(...alone.gradients.map(Math.abs));
        assertClose(listed(packed), listed(alone), 2e-5 * largest, 1e-5);
      }
    },
  );
}

Deno.test("packed examples of any lengths have the losses and gradients that they have alone", () =>
  withDevice("f64", (device) => {
    const plan = dropoutPlan("hiddenkey", false, { rate: 0.3, neftuneAlpha: 2 });
    const drawn = fc.record({
      tokens: fc.array(fc.integer({ min: 2, max: 16 }), { minLength: 1, maxLength: 7 }),
      architecture: fc.constantFrom(...architectures),
    });
    return fc.assert(
      fc.asyncProperty(drawn, async ({ tokens, architecture }) => {
        using _scope = device.scope("lengths");
        await assertSame(device, architecture, [plan], { tokens });
      }),
      { numRuns: 25, examples: [[{ tokens: [16], architecture: "gpt2" }]] },
    );
  }));
