import { assert, assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { seedKey } from "../../../core/random.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { longestMask } from "../../../nn/layers/attention.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

Deno.test("longestMask() is the model's longest sequence where words number all its elements", () => {
  // 131,072 positions squared are 2^34: all heads would have one mask.
  for (
    const [maxPositions, heads, most] of [[131072, 32, 11585], [8192, 9, 8192], [4096, 64, 4096]]
  ) {
    const found = longestMask({ maxPositions: maxPositions!, heads: heads! });
    assertEquals(found, most);
    assert(heads! * found ** 2 <= 2 ** 32);
  }
});

Deno.test("attention masks beyond the numbers of a word are refused, and drawn within", () =>
  withDevice("f32", async (device) => {
    const tiny = tinyConfig("llama", { max_position_embeddings: 131072 });
    const model = randomModel(device, { ...tiny, heads: 2 }, "language");
    const batch = toBatch(device, [{ ids: [5, 6, 7, 8] }], { numbers: [0] });
    const dropout = {
      plan: dropoutPlan("dropkey", true, { layers: "all", rate: 0.5 }),
      key: seedKey(3),
      examples: batch.examples![0]!,
      lengths: batch.lengths,
    };
    const dropped = await model.forward({ batch, dropout }).logits.read();
    assert(dropped.every(Number.isFinite));
    const long = toBatch(device, [{ ids: new Array<number>(46342).fill(5) }], { numbers: [0] });
    assertThrows(
      () => model.forward({ batch: long, dropout: { ...dropout, lengths: long.lengths } }),
      OptionError,
      "Cannot draw attention masks as at most 46340 tokens are required with 2 heads: found 46342",
    );
  }));
