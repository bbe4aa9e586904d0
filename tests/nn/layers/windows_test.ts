// A window of attention is the mask that it stands for, whatever is dropped.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { gradient } from "../../../core/gradient.ts";
import { mul } from "../../../core/ops/elementwise.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { type AttentionOptions, attentionWeights } from "../../../nn/layers/attention_weights.ts";
import {
  activeOf,
  type AttentionCase,
  attentionCases,
  optionsOf,
  scoresOf,
  shapeOf,
} from "../../support/attention_cases.ts";
import { randomTensor } from "../../support/differences.ts";
import { withDevice } from "../../support/with_device.ts";

/** 1 for each key that a query sees, `[batch, queries, keys]`. */
function seen({ lengths, tokens, causal }: AttentionCase, window: number): number[] {
  const places = Array.from({ length: tokens }, (_, i) => i);
  return lengths.flatMap((length) =>
    places.flatMap((query) =>
      places.map((key) => {
        const near = causal ? key <= query && query - key < window : Math.abs(query - key) < window;
        return near && key < length ? 1 : 0;
      })
    )
  );
}

/** Weights, and the gradient of what they weigh by the scores. */
async function numbersOf(scores: Tensor, options: AttentionOptions): Promise<number[]> {
  const weigh = randomTensor(scores.device, 77, scores.shape);
  const weights = attentionWeights(scores, options);
  const { gradients } = gradient(() => sum(mul(attentionWeights(scores, options), weigh)), [
    scores,
  ]);
  return [...await weights.read(), ...await gradients[0]!.read()];
}

const drawn = fc.tuple(
  attentionCases,
  fc.integer({ min: 1, max: 8 }),
  fc.subarray(["logits", "weights"] as const),
  fc.constantFrom({}, { nograd: false }, { rescale: true }),
);

Deno.test("a window has the weights and the gradient of its mask with every drop, and no NaN", () =>
  fc.assert(
    fc.asyncProperty(
      drawn,
      ([c, window, positions, change]) =>
        withDevice("f64", async (device) => {
          const scores = tensor(device, scoresOf(c), shapeOf(c));
          const sites = Object.fromEntries(positions.map((position) => {
            const own = position === "weights" ? change : {};
            return [position, activeOf(device, c, { position, ...own })];
          }));
          const { mask: _mask, causal: _causal, ...plain } = optionsOf(device, c);
          const places = [c.lengths.length, c.tokens, c.tokens];
          const mask = tensor(device, seen(c, window), places, "u32");
          const found = await numbersOf(scores, { ...optionsOf(device, c), ...sites, window });
          const expected = await numbersOf(scores, { ...plain, causal: false, ...sites, mask });
          assert(found.every(Number.isFinite));
          assertEquals(found, expected);
        }),
    ),
  ));
