import { assertEquals, assertNotEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { tensor } from "../../../core/tensor.ts";
import { seedKey } from "../../../core/random.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { fuseParts } from "../../../nn/formats/peft_fused_qkv.ts";
import type { ForwardContext } from "../../../nn/layers/forward_context.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { Linear } from "../../../nn/layers/linear.ts";
import { FusedQkvLora } from "../../../nn/lora/fused_qkv.ts";
import { LoraLinear } from "../../../nn/lora/lora.ts";
import { assertClose, randomTensor } from "../../support/differences.ts";
import { withDevice } from "../../support/with_device.ts";

/** A filled GPT-2 layer of 6 inputs and 12 outputs. */
function fusedLayer(device: Device): Linear {
  const base = new Linear(6, 12, { transposed: true });
  base.weight.value = randomTensor(device, 1, [6, 12]);
  base.bias!.value = randomTensor(device, 2, [12]);
  return base;
}

const context = {} as ForwardContext;
const place = { path: "h.0.attn.c_attn", layer: 0, layers: 1 };

Deno.test("thirds of c_attn equal one update with block matrices", () =>
  withDevice("f64", async (device) => {
    for (const thirds of [["q", "v"], ["v", "k"], ["k"], ["q", "k", "v"]] as const) {
      const base = fusedLayer(device);
      const apart = new FusedQkvLora(base, { place, rank: 2, scaling: 1.5 }, thirds);
      assertEquals(
        apart.parts.map(({ name }) => name),
        (["q", "k", "v"] as const).filter((t) => [...thirds].includes(t)),
      );
      const host = [];
      for (const [i, { down, up, start, size }] of apart.parts.entries()) {
        // Multiples of 1/64, which fuseParts() keeps in its f32.
        const coarse = async (seed: number, shape: readonly number[]) =>
          (await randomTensor(device, seed, shape).read()).map((x) => Math.round(x * 64) / 64);
        const [a, b] = [await coarse(10 + i, down.shape), await coarse(20 + i, up.shape)];
        [down.value, up.value] = [tensor(device, a, down.shape), tensor(device, b, up.shape)];
        host.push({ start, size, down: a, up: b });
      }
      const rank = 2 * thirds.length;
      const whole = new LoraLinear(base, { place, rank, scaling: 1.5 });
      const { down, up } = fuseParts(host, 2, 6, 12);
      const [part] = whole.parts;
      part!.down.value = tensor(device, down, [rank, 6]);
      part!.up.value = tensor(device, up, [12, rank]);
      const x = randomTensor(device, 3, [2, 5, 6]);
      assertClose(
        await apart.forward(x, context).read(),
        await whole.forward(x, context).read(),
        1e-13,
      );
      assertClose(await apart.delta().read(), await whole.delta().read(), 1e-13);
    }
  }));

Deno.test("thirds of c_attn draw masks of their own inside and after the update", () =>
  withDevice("f64", async (device) => {
    const base = fusedLayer(device);
    const layer = new FusedQkvLora(base, { place, rank: 2, scaling: 1.5 }, ["q", "v"]);
    // The same numbers in both: all that can differ is the mask.
    for (const { down, up } of layer.parts) {
      down.value = randomTensor(device, 10, down.shape);
      up.value = randomTensor(device, 20, up.shape);
    }
    const x = randomTensor(device, 3, [2, 5, 6]);
    const batch = toBatch(device, [5, 5].map((length) => ({ ids: new Array(length).fill(1) })), {
      numbers: [0, 1],
    });
    const frozen = await base.forward(x, context).read();
    const updatesOf = async (position?: "rank" | "update") => {
      const site = position && [{ position, structure: "element", rate: 0.5 } as const];
      const plan = dropoutPlan("lora", false, site && { site });
      const { examples, lengths } = batch;
      const dropout = { plan, key: seedKey(5), examples: examples![0], lengths };
      const y = await layer.forward(x, { batch, dropout }).read();
      const update = y.map((value: number, i: number) => value - frozen[i]!);
      return [0, 8].map((start) =>
        [...update].filter((_, i) => i % 12 >= start && i % 12 < start + 4)
          .map((value) => value.toFixed(9))
      );
    };
    const [q, v] = await updatesOf();
    assertEquals(q, v);
    for (const position of ["rank", "update"] as const) {
      const [q, v] = await updatesOf(position);
      assertNotEquals(q, v);
    }
  }));
