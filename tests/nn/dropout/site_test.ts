import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { seedKey } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { checkSite } from "../../../nn/dropout/check_site.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import type { Site } from "../../../nn/dropout/plan.ts";
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
