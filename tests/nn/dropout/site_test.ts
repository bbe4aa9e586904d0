import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { foldKey, seedKey } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { checkSite } from "../../../nn/dropout/check_site.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { type Position, positions, type Site } from "../../../nn/dropout/plan.ts";
import { type DropoutContext, layerPlace, siteAt } from "../../../nn/dropout/site.ts";
import { withDevice } from "../../support/with_device.ts";

Deno.test("siteAt() draws the masks of the site's own position, or of its stream", () =>
  withDevice("f32", (device) => {
    const words = tensor(device, [0], [1], "u32");
    const keyOf = (position: "logits" | "weights", stream?: Site["stream"]) => {
      const { sites: [own], ...plan } = dropoutPlan(
        position === "logits" ? "dropkey" : "dropattention",
        false,
      );
      const sites = [{ ...own!, ...(stream && { stream }) }];
      const dropout: DropoutContext = {
        plan: { ...plan, sites },
        key: seedKey(1),
        examples: words,
        lengths: words,
      };
      return siteAt({ dropout }, position, layerPlace(0, 2))!.key;
    };
    assertNotEquals(keyOf("weights"), keyOf("logits"));
    assertEquals(keyOf("weights", "logits"), keyOf("logits"));
    assertEquals(keyOf("weights", "weights"), keyOf("weights"));
  }));

Deno.test("checkSite() takes a position alone for a stream", () => {
  const [site] = dropoutPlan("dropattention", false).sites;
  checkSite({ ...site!, stream: "logits" });
  assertThrows(
    () => checkSite({ ...site!, stream: "keys" as never }),
    OptionError,
    "Cannot plan dropout as stream requires one of lora, rank, update, input, logits",
  );
});

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
