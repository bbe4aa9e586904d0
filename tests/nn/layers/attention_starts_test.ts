// Which attention HiddenCut's spans go by: the layer's own, as it is without any drop in it.
import { assertEquals, assertNotEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { matmul } from "../../../core/ops/matmul.ts";
import { reshape, transpose } from "../../../core/ops/view.ts";
import { foldKey, seedKey, threefry } from "../../../core/random.ts";
import type { Tensor } from "../../../core/tensor.ts";
import type { Position, Site } from "../../../nn/dropout/plan.ts";
import { layerPlace } from "../../../nn/dropout/site.ts";
import { attend } from "../../../nn/layers/attention.ts";
import { attentionWeights } from "../../../nn/layers/attention_weights.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { randomTensor } from "../../support/differences.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const lengths = [11, 6, 2];
const [tokens, size] = [11, 4];
const guided: Site = {
  position: "hidden",
  structure: "span",
  rate: 0.2,
  layers: "all",
  start: "attention",
};
const beside = (position: Position): Site => ({
  position,
  structure: "column",
  rate: 0.5,
  layers: "all",
});

/** Starts that attention writes under some sites, and those of the rule by undropped weights. */
async function startsOf(device: Device, sites: readonly Site[], key: number, causal: boolean) {
  using _scope = device.scope("starts");
  // Four query heads in groups of two.
  const [heads, keyValueHeads] = [4, 2];
  const [q, k, v] = [heads, keyValueHeads, keyValueHeads].map((count, i) =>
    randomTensor(device, 10 * key + i, [3, count, tokens, size])
  );
  const batch = toBatch(device, tinyExamples(lengths), { numbers: [4, 0, 7] });
  const compensation = { kind: "none", weight: 1, branches: 1 } as const;
  const plan = { sites, compensation };
  const dropout = { plan, key: seedKey(key), examples: batch.examples![0], lengths: batch.lengths };
  const spanStarts: Tensor[] = [];
  const place = layerPlace(1, 2);
  const settings = { heads, keyValueHeads, size, causal, maximum: 16, place };
  attend({ query: q!, key: k!, value: v! }, settings, { batch, dropout, spanStarts });
  const shape = [3, keyValueHeads, 2, tokens, size];
  const keys = reshape(k!, [3, keyValueHeads, 1, tokens, size]);
  const scores = matmul(reshape(q!, shape), transpose(keys));
  const options = { scale: 0.5, causal, mask: batch.mask, maximum: 16 };
  const weights = await attentionWeights(scores, options).read();
  const expected = lengths.map((length, b) => {
    // All heads and all real queries.
    const sums = Array.from({ length }, (_, t) => {
      let total = 0;
      for (let row = 0; row < heads * tokens; row++) {
        if (row % tokens < length) total += weights[(b * heads * tokens + row) * tokens + t]!;
      }
      return total;
    });
    const best = sums.map((_, t) => t).sort((i, j) => sums[j]! - sums[i]!);
    const count = Math.max(1, Math.floor(0.4 * length));
    const [word] = threefry(foldKey(seedKey(key), "layer.1/hidden"), 2 * [4, 0, 7][b]!, 0);
    return best[Math.floor((word >>> 16) * count / 65536)]!;
  });
  return { found: spanStarts[1] && [...await spanStarts[1].read()], expected };
}

for (const causal of [false, true]) {
  Deno.test(`attend() chooses starts by its weights without drops, ${causal ? "" : "not "}causal`, () =>
    withDevice("f64", async (device) => {
      const seen = new Set<string>();
      for (let key = 1; key <= 12; key++) {
        const [dropKey, dropAttention] = [beside("logits"), beside("weights")];
        for (const others of [[], [dropKey], [dropAttention], [dropKey, dropAttention]]) {
          const { found, expected } = await startsOf(device, [guided, ...others], key, causal);
          assertEquals(found, expected);
          seen.add(String(found));
        }
      }
      assertNotEquals(seen.size, 1);
    }));
}

Deno.test("attend() chooses no start where spans begin anywhere, or the layer drops none", () =>
  withDevice("f64", async (device) => {
    const { start: _, ...anywhere } = guided;
    for (const site of [anywhere, { ...guided, layers: [0] }]) {
      assertEquals((await startsOf(device, [site], 1, false)).found, undefined);
    }
  }));

Deno.test("spans go by attention wherever their site stands in a plan", () =>
  withDevice("f64", async (device) => {
    const model = randomModel(device, tinyConfig("bert"), "classifier");
    const batch = toBatch(device, tinyExamples(lengths.map((n) => Math.min(n, 7))), {
      numbers: [4, 0, 7],
    });
    const compensation = { kind: "none", weight: 1, branches: 1 } as const;
    const others = [beside("logits"), beside("weights")];
    const logitsOf = async (sites: readonly Site[]) => {
      using _scope = device.scope("logits");
      const [examples] = batch.examples!;
      const plan = { sites, compensation };
      const dropout = { plan, key: seedKey(3), examples, lengths: batch.lengths };
      return [...await model.forward({ batch, dropout }).logits.read()];
    };
    const first = await logitsOf([guided, ...others]);
    assertEquals(await logitsOf([...others, guided]), first);
    assertNotEquals(await logitsOf([...others, { ...guided, start: "uniform" }]), first);
  }));
