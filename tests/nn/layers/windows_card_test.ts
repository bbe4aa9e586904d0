// Windows on a backend that runs attention as one program, which knows none.
import { assertNotEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { seedKey } from "../../../core/random.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { assertClose } from "../../support/differences.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

/** Logits of texts of up to ten tokens, with DropKey and without. */
async function logitsOf(device: Device, sliding_window: number | null): Promise<number[]> {
  const sizes = { hidden_size: 64, head_dim: 32, num_hidden_layers: 1, vocab_size: 23 };
  const config = tinyConfig("mistral", { ...sizes, sliding_window });
  const model = randomModel(device, config, "language");
  const batch = toBatch(device, tinyExamples([10, 7]), { numbers: [0, 1] });
  const plan = dropoutPlan("dropkey", true, { layers: "all", rate: 0.3 });
  const dropout = { plan, key: seedKey(4), examples: batch.examples![0], lengths: batch.lengths };
  const plain = await model.forward({ batch }).logits.read();
  return [...plain, ...await model.forward({ batch, dropout }).logits.read()];
}

Deno.test("layers with a window give a card the numbers of the CPU", async () => {
  const found = new Map<number | null, number[]>();
  for (const window of [3, 10, null]) {
    let expected: number[] = [];
    await withDevice("f32", async (device) => void (expected = await logitsOf(device, window)));
    await withInterpreted({}, async (device) => {
      const own = await logitsOf(device, window);
      assertClose(own, expected, 1e-4);
      found.set(window, own);
    });
  }
  assertNotEquals(found.get(3), found.get(null));
});
