// Steps of texts as long as E2E's come again, once what is predicted of them is filled up too.
import { assert, assertEquals, assertLess } from "@std/assert";
import { foldKey, seedKey } from "../../../core/random.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { multipleFrom } from "../../../nn/layers/pack_rows.ts";
import { LanguageModel } from "../../../nn/models/decoder.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { adaptedState } from "../../support/packed.ts";

/** Tokens of training examples of E2E as SmolLM2 has them, and how many of them are predicted. */
const lengths = `61 60 49 44 72 39 38 56 63 43 76 60 55 79 70 54
  50 42 54 63 64 51 60 35 60 54 45 63 90 54 68 56`.split(/\s+/).map(Number);
const predicted = `29 32 26 18 38 19 18 29 32 18 33 31 23 39 32 27
  26 22 24 30 32 27 33 16 34 28 21 24 46 26 32 27`.split(/\s+/).map(Number);
const batch = 2;
const steps = lengths.length / batch;
const padMultiple = 32;

/** Examples of a step; they end with the token that fills up, as SmolLM2's texts do. */
function examplesOf(step: number) {
  return Array.from({ length: batch }, (_, b) => {
    const tokens = lengths[batch * step + b]!;
    const ids = Array.from({ length: tokens }, (_, i) => (5 * step + b + i) % 23);
    return { ids: ids.with(-1, 2), predictFrom: tokens - predicted[batch * step + b]! };
  });
}

Deno.test("steps of E2E's lengths come again after three of each shape", async () => {
  const { forward } = LanguageModel.prototype;
  let computed = 0;
  LanguageModel.prototype.forward = function (context) {
    computed++;
    return forward.call(this, context);
  };
  const shapes = new Map<string, number>();
  const exact = new Set<string>();
  try {
    await withInterpreted({}, async (device) => {
      const change = { hidden_size: 8, max_position_embeddings: 128, pad_token_id: 2 };
      const state = await adaptedState(device, "llama", change);
      const plan = dropoutPlan("hiddenkey-", true, { rate: 0.2 });
      for (let step = 0; step < steps; step++) {
        using _step = device.scope("step");
        const examples = examplesOf(step);
        const longest = Math.max(...examples.map(({ ids }) => ids.length));
        const width = multipleFrom(longest, padMultiple);
        const numbers = examples.map((_, b) => b);
        const made = toBatch(device, examples, { numbers, padId: 2, padMultiple, width });
        const key = `${made.size} ${made.width} ${made.rows!.shape}`;
        shapes.set(key, (shapes.get(key) ?? 0) + 1);
        exact.add(`${longest} ${examples.map(({ ids, predictFrom: p }) => ids.length - p)}`);
        const { loss } = trainStep(state, [made], foldKey(seedKey(9), step), { plan, lr: 1e-2 });
        assert(Number.isFinite(await loss.item()));
      }
    });
  } finally {
    LanguageModel.prototype.forward = forward;
  }
  const first = [...shapes.values()].reduce((sum, count) => sum + Math.min(3, count), 0);
  assertEquals(computed, first);
  assertLess(computed, 0.6 * steps);
  assertLess(0.9 * steps, exact.size);
});
