import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { seedKey } from "../../../core/random.ts";
import type { Device } from "../../../core/device.ts";
import { type Initializer, Parameter } from "../../../nn/layers/module.ts";
import { initialize } from "../../../nn/models/initialize.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { classifier } from "../../../nn/models/registry.ts";
import { LoraLinear } from "../../../nn/lora/lora.ts";
import { Linear } from "../../../nn/layers/linear.ts";
import { tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

/** The numbers that a parameter starts with. */
async function drawn(device: Device, initializer: Initializer, path = "a.weight", seed = 1) {
  const parameter = new Parameter([200, 50], initializer);
  initialize(parameter, path, device, seedKey(seed));
  return [...await parameter.value.read()];
}

const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
const deviation = (values: readonly number[]) => Math.sqrt(mean(values.map((x) => x ** 2)));

Deno.test("normal weights have the deviation that is asked for, around zero", () =>
  withDevice("f64", async (device) => {
    for (const wanted of [0.02, 0.5, 3]) {
      const values = await drawn(device, { kind: "normal", deviation: wanted });
      // 10,000 numbers: deviations of their mean and of their deviation are 1 and 0.7 percent.
      assert(Math.abs(mean(values)) < 0.05 * wanted);
      assert(Math.abs(deviation(values) / wanted - 1) < 0.04);
      assert(values.some((x) => Math.abs(x) > 2.5 * wanted));
    }
  }));

Deno.test("uniform weights fill their bounds, on both sides of zero", () =>
  withDevice("f64", async (device) => {
    for (const bound of [0.25, 2]) {
      const values = await drawn(device, { kind: "uniform", bound });
      assert(values.every((x) => x >= -bound && x < bound));
      assert(Math.abs(mean(values)) < 0.03 * bound);
      assert(Math.abs(deviation(values) / bound - 1 / Math.sqrt(3)) < 0.03);
      assert(Math.min(...values) < -0.99 * bound && Math.max(...values) > 0.99 * bound);
    }
  }));

Deno.test("each parameter starts from a stream of its own, which the seed decides", () =>
  withDevice("f64", async (device) => {
    for (const initializer of [{ kind: "normal", deviation: 1 }, { kind: "uniform", bound: 1 }]) {
      const of = (path: string, seed = 1) => drawn(device, initializer as Initializer, path, seed);
      const first = await of("layer.0.a");
      assertEquals(await of("layer.0.a"), first);
      assertNotEquals(await of("layer.1.a"), first);
      assertNotEquals(await of("layer.0.a", 2), first);
    }
    assertEquals(new Set(await drawn(device, { kind: "zeros" })), new Set([0]));
    assertEquals(new Set(await drawn(device, { kind: "ones" })), new Set([1]));
  }));

Deno.test("new heads start with the configuration's deviation, and zero biases", () => {
  for (const architecture of ["bert", "roberta", "gpt2", "llama"] as const) {
    const model = classifier(tinyConfig(architecture, { initializer_range: 0.3 }));
    const fresh = [...parameters(model)].filter(([path]) => /^(classifier|score)\./.test(path));
    assert(fresh.length > 0);
    for (const [path, { initializer }] of fresh) {
      const normal = { kind: "normal", deviation: 0.3 } as const;
      const wanted: Initializer = path.endsWith(".bias") ? { kind: "zeros" } : normal;
      assertEquals(initializer, wanted, path);
    }
  }
});

Deno.test("LoRA starts with A within one over the root of its inputs, and B at zero", () => {
  const layer = new LoraLinear(new Linear(9, 4), {
    place: { path: "a", layers: 1 },
    rank: 2,
    scaling: 1,
  });
  const [{ down, up }] = layer.parts as [typeof layer.parts[number]];
  // PEFT draws A by kaiming_uniform_ with a = √5: its bound is 1 / √inputs.
  assertEquals([down.initializer, up.initializer], [{ kind: "uniform", bound: 1 / 3 }, {
    kind: "zeros",
  }]);
  assertEquals([down.shape, up.shape], [[2, 9], [4, 2]]);
});
