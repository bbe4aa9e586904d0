import { assertEquals, assertNotEquals } from "@std/assert";
import { seedKey } from "../../../core/random.ts";
import type { Site } from "../../../nn/dropout/plan.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { assertClose } from "../../support/differences.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

Deno.test("output dropout of RoBERTa stands before the dense layer of its head", () =>
  withDevice("f64", async (device) => {
    const model = randomModel(device, tinyConfig("roberta"), "classifier");
    const batch = toBatch(device, tinyExamples([5, 3]), { padId: 1, numbers: [0, 1] });
    // Drops all but one in a milliard.
    const site: Site = {
      position: "output",
      structure: "element",
      rate: 1 - 1e-9,
      layers: "all",
      rescale: false,
    };
    const plan = { sites: [site], compensation: { kind: "none", weight: 1, branches: 1 } } as const;
    const [examples] = batch.examples!;
    const dropout = { plan, key: seedKey(5), examples, lengths: batch.lengths };
    const all = new Map(parameters(model));
    const read = (name: string) => all.get(`classifier.${name}`)!.value.read();
    const [dense, weight, bias] = [
      await read("dense.bias"),
      await read("out_proj.weight"),
      await read("out_proj.bias"),
    ];
    // Without its input the dense layer gives its bias alone.
    const expected = Array.from(
      bias,
      (own, c) =>
        [...dense].reduce((sum, x, i) => sum + Math.tanh(x) * weight[c * dense.length + i]!, own),
    );
    const logits = await model.forward({ batch, dropout }).logits.read();
    assertClose(logits, [...expected, ...expected], 1e-14);
    assertNotEquals(await model.forward({ batch }).logits.read(), logits);
    assertEquals(logits.length, 2 * bias.length);
  }));
