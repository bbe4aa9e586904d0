// Target tokens that are filled up to a multiple: losses and gradients are the same to rounding.
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { OptionError } from "../../../core/errors.ts";
import { ignoreIndex } from "../../../core/indices.ts";
import { seedKey } from "../../../core/random.ts";
import { dropoutPlan, methods, type PlanOptions } from "../../../nn/dropout/methods.ts";
import { type BatchOptions, toBatch } from "../../../nn/layers/batch.ts";
import type { TrainState } from "../../../nn/optim/train_step.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { assertClose } from "../../support/differences.ts";
import { adaptedState } from "../../support/packed.ts";
import { withDevice } from "../../support/with_device.ts";

const examples = [[5, 2], [9, 4], [4, 4], [3, 1]].map(([length, predictFrom], i) => ({
  ids: Array.from({ length: length! }, (_, t) => 2 + (7 * i + 5 * t + i * t) % 21),
  predictFrom: predictFrom!,
}));
const targets = 3 + 5 + 0 + 2;

/** What a step computes of a batch that is laid out in some way. */
interface Layout extends BatchOptions {
  readonly mostLogits?: number;
}

/** Losses and gradients of a step. */
async function numbersOf(
  device: Device,
  state: TrainState,
  { mostLogits, ...layout }: Layout,
  options: { readonly plan: ReturnType<typeof dropoutPlan>; readonly smoothing: number },
): Promise<number[]> {
  using _scope = device.scope("step");
  const batch = toBatch(device, examples, { numbers: examples.map((_, b) => b), ...layout });
  const found = trainStep(state, [batch], seedKey(3), {
    ...options,
    ...(mostLogits && { mostLogits }),
    lr: 0,
  });
  const terms = [found.loss, found.task, found.compensation].filter((term) => term !== undefined);
  const losses = await Promise.all(terms.map((term) => term.item()));
  return [...losses, ...await state.optimiser.trainable.gradients.read()];
}

const choices: readonly PlanOptions[] = [
  { compensation: "none" },
  { compensation: "kl", kl: 0.7 },
  { compensation: "kl", kl: 0.7, branches: 2 },
  { compensation: "js", kl: 0.7 },
];

for (const method of methods) {
  Deno.test(`filled up targets change neither losses nor gradients of ${method}`, () =>
    withDevice("f64", async (device) => {
      const state = await adaptedState(device, "gpt2");
      for (const pack of [false, true]) {
        for (const choice of choices) {
          const plan = dropoutPlan(method, true, { rate: 0.3, ...choice });
          const run = (layout: Layout) =>
            numbersOf(device, state, { pack, ...layout }, { plan, smoothing: 0.1 });
          const plain = await run({});
          const largest = Math.max(...plain.map(Math.abs));
          assert(largest > 1e-3);
          for (const padMultiple of [4, 16]) {
            assertClose(await run({ padMultiple }), plain, 1e-14 * Math.max(1, largest), 1e-12);
          }
          // Chunks of three targets: the last ones have none that counts.
          assertClose(
            await run({ padMultiple: 16, mostLogits: 3 * 23 }),
            plain,
            1e-14 * Math.max(1, largest),
            1e-12,
          );
        }
      }
    }));
}

Deno.test("toBatch() fills targets up with the first of them, which do not count", () =>
  withDevice("f32", async (device) => {
    const plain = toBatch(device, examples);
    assertEquals([plain.rows!.shape, plain.targets], [[targets], targets]);
    const whole = toBatch(device, examples, { padMultiple: 5 });
    assertEquals([whole.rows!.shape, whole.targets], [[targets], targets]);
    const filled = toBatch(device, examples, { padMultiple: 12 });
    assertEquals(filled.targets, targets);
    const [rows, labels] = [await filled.rows!.read(), await filled.labels!.read()];
    assertEquals([...rows.slice(0, targets)], [...await plain.rows!.read()]);
    assertEquals([...rows.slice(targets)], [...rows.slice(0, 2)]);
    assertEquals([...labels.slice(0, targets)], [...await plain.labels!.read()]);
    assertEquals([...labels.slice(targets)], [ignoreIndex, ignoreIndex]);
    const most = toBatch(device, examples.slice(0, 1), { padMultiple: 8 });
    assertEquals([...await most.rows!.read()], [1, 2, 3, 1, 2, 3, 1, 2]);
  }));

Deno.test("toBatch() refuses a multiple that is none", () =>
  withDevice("f32", (device) => {
    for (const padMultiple of [0, 1.5, -8, NaN]) {
      assertThrows(
        () => toBatch(device, examples, { padMultiple }),
        OptionError,
        `Cannot pad to ${padMultiple} tokens as an integer from 1 is required`,
      );
    }
  }));
