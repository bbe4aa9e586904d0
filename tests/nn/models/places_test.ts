import { assertEquals, assertNotEquals } from "@std/assert";
import { seedKey } from "../../../core/random.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import type { Position, Site } from "../../../nn/dropout/plan.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { loraLayers } from "../../../nn/lora/lora.ts";
import { architectureOf } from "../../../nn/models/registry.ts";
import type { Model } from "../../../nn/models/model.ts";
import {
  architectureNames,
  fillRandomly,
  randomModel,
  tinyConfig,
  tinyExamples,
} from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const lengths = [6, 4];
const count = 3;

/** Hidden states before each layer and behind the last one, and logits, with one site. */
async function statesOf(model: Model, site: Site | undefined): Promise<string[]> {
  const [, parameter] = loraLayers(model)[0] ?? [];
  const { device } = parameter!.base.weight.value;
  using _scope = device.scope("states");
  const words = (data: number[]) => tensor(device, data, undefined, "u32");
  const batch = toBatch(device, tinyExamples(lengths), { padId: 1 });
  const trace: Tensor[] = [];
  const compensation = { kind: "none", weight: 0, branches: 1 } as const;
  const plan = { sites: site === undefined ? [] : [site], compensation };
  const dropout = { plan, key: seedKey(2), examples: words([0, 2]), lengths: words(lengths) };
  const { logits } = model.forward({ batch, dropout, trace });
  return await Promise.all([...trace, logits].map(async (t) => (await t.read()).join()));
}

const inLayers: readonly Position[] = ["lora", "logits", "weights", "hidden"];

for (const architecture of architectureNames) {
  Deno.test(`a site of a layer of ${architecture} acts in that layer alone`, () =>
    withDevice("f64", async (device) => {
      const config = tinyConfig(architecture, { num_hidden_layers: count });
      const model = randomModel(device, config, "classifier");
      applyLora(model, { targets: architectureOf(config).targets, rank: 2, alpha: 4 });
      fillRandomly(model, device);
      const clean = await statesOf(model, undefined);
      assertEquals(clean.length, count + 2);
      for (const position of inLayers) {
        for (let layer = 0; layer < count; layer++) {
          const site: Site = { position, structure: "element", rate: 0.5, layers: [layer] };
          const states = await statesOf(model, site);
          const first = states.findIndex((state, i) => state !== clean[i]);
          assertEquals(first, layer + 1, `${position} in layer ${layer}`);
        }
      }
      const all = { structure: "element", rate: 0.5, layers: "all" } as const;
      const input = await statesOf(model, { position: "input", ...all });
      assertNotEquals(input[0], clean[0]);
      const output = await statesOf(model, { position: "output", ...all });
      assertEquals(output.slice(0, count), clean.slice(0, count));
      assertNotEquals(output.at(-1), clean.at(-1));
    }));
}
