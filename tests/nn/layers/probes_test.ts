import { assert, assertEquals } from "@std/assert";
import { mul } from "../../../core/ops/elementwise.ts";
import { sum } from "../../../core/ops/reduce.ts";
import type { Device } from "../../../core/device.ts";
import { tensor } from "../../../core/tensor.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { assertGradient, randomTensor } from "../../support/differences.ts";
import {
  architectureNames,
  randomModel,
  tinyConfig,
  tinyExamples,
} from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const [examples, tokens] = [2, 4];

for (const architecture of architectureNames) {
  Deno.test(`probes of ${architecture} are added to the scores of their layer`, () =>
    withDevice("f64", async (device: Device) => {
      const config = tinyConfig(architecture);
      const model = randomModel(device, config, "classifier");
      const batch = toBatch(device, tinyExamples([tokens, tokens]));
      const { keyValueHeads, heads, layers } = config;
      const shape = [examples, keyValueHeads, heads / keyValueHeads, tokens, tokens];
      const size = examples * heads * tokens * tokens;
      const zeros = Array.from({ length: layers }, () => new Float64Array(size));
      const shapes = zeros.map(() => shape);
      const plain = [...await model.forward({ batch }).logits.read()];
      const none = zeros.map((data) => tensor(device, data, shape));
      assertEquals([...await model.forward({ batch, probes: none }).logits.read()], plain);
      const weigh = randomTensor(device, 4, [examples, 3]);
      // By differences: what is added to a score moves the logits as its gradient says.
      await assertGradient(
        device,
        (probes) => sum(mul(model.forward({ batch, probes }).logits, weigh)),
        zeros,
        shapes,
      );
      for (let layer = 0; layer < layers; layer++) {
        const probes = none.map((probe, i) => i === layer ? randomTensor(device, 9, shape) : probe);
        const moved = [...await model.forward({ batch, probes }).logits.read()];
        assert(moved.some((x, i) => Math.abs(x - plain[i]!) > 1e-6), `layer ${layer}`);
      }
    }));
}
