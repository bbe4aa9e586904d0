import { assertEquals } from "@std/assert";
import { foldKey, seedKey } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { type Position, positions, type Site } from "../../../nn/dropout/plan.ts";
import { layerPlace, siteAt } from "../../../nn/dropout/site.ts";
import { withDevice } from "../../support/with_device.ts";

const sites = positions.map((position): Site => {
  return { position, structure: "element", rate: 0.1, layers: "all" };
});

Deno.test("every place, position and step has a key of its own, the same whenever it is asked for", () =>
  withDevice("f32", (device) => {
    const one = tensor(device, [1], [1], "u32");
    const keyAt = (seed: number, position: Position, layer: number) => {
      const plan = { sites, compensation: { kind: "none", weight: 0, branches: 1 } } as const;
      const dropout = { plan, key: seedKey(seed), examples: one, lengths: one };
      return siteAt({ dropout }, position, layerPlace(layer, 4))!.key;
    };
    const keys = new Set<string>();
    for (const seed of [1, 2, 3]) {
      for (const position of positions) {
        for (const layer of [0, 1, 2, 3]) {
          keys.add(keyAt(seed, position, layer).join());
          const expected = foldKey(seedKey(seed), `layer.${layer}/${position}`);
          assertEquals(keyAt(seed, position, layer), expected);
        }
      }
    }
    assertEquals(keys.size, 3 * positions.length * 4);
  }));

Deno.test("a site is that of its position, and of its layers alone", () =>
  withDevice("f32", (device) => {
    const one = tensor(device, [1], [1], "u32");
    const own = sites.map((site, i): Site => ({ ...site, layers: [i % 4] }));
    const plan = { sites: own, compensation: { kind: "none", weight: 0, branches: 1 } } as const;
    const dropout = { plan, key: seedKey(1), examples: one, lengths: one };
    for (const [i, position] of positions.entries()) {
      for (const layer of [0, 1, 2, 3]) {
        const found = siteAt({ dropout }, position, layerPlace(layer, 4))?.site;
        assertEquals(found, layer === i % 4 ? own[i] : undefined, `${position} in ${layer}`);
      }
      assertEquals(siteAt({ dropout }, position, { path: "head", layers: 4 })?.site, own[i]);
      assertEquals(siteAt({}, position, layerPlace(i % 4, 4)), undefined);
    }
  }));
