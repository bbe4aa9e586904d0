// What asks for scores or weights of a layer gets them, on a device that has neither in memory.
import { assert, assertEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import type { ForwardContext } from "../../../nn/layers/forward_context.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertClose } from "../../support/op_results.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";

const shape = [2, 2, 1, 6, 6];

/** Logits of a small model, and the shapes of the scores that were told. */
async function forward(device: Device, probed: boolean): Promise<[number[], string[]]> {
  using _scope = device.scope("forward");
  const model = randomModel(device, tinyConfig("bert", { hidden_size: 16 }), "classifier");
  const batch = toBatch(device, tinyExamples([6, 4]));
  const data = uniform(seedKey(3), sizeOf(shape)).map(Math.fround);
  const shapes: string[] = [];
  const asked: Partial<ForwardContext> = probed
    ? { probes: [tensor(device, data, shape), tensor(device, data, shape)] }
    : { onScores: (scores: Tensor) => shapes.push(String(scores.shape)) };
  const plain = await model.forward({ batch }).logits.read();
  const logits = await model.forward({ batch, ...asked }).logits.read();
  assert(probed === logits.some((x, i) => Math.abs(x - plain[i]!) > 1e-5));
  return [[...logits], shapes];
}

for (const probed of [true, false]) {
  const name = probed ? "probes are added to scores" : "scores are told";
  Deno.test(`${name} where attention is one program otherwise`, async () => {
    const results: [number[], string[]][] = [];
    for (const fused of [true, false]) {
      await withInterpreted({ fused }, async (device) => {
        results.push(await forward(device, probed));
      });
    }
    const [[logits, shapes], [expected, all]] = results as [
      [number[], string[]],
      [number[], string[]],
    ];
    assertClose([logits], [expected], name);
    assertEquals(shapes, all);
    assertEquals(shapes.length, probed ? 0 : 2);
  });
}
