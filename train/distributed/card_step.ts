/**
 * One step that processes with cards make together: gradients and losses are summed on the cards, and
 * all is queued before anything is waited for.
 *
 * @module
 */

import { filled } from "../../core/expr.ts";
import { empty } from "../../core/memory.ts";
import { slice } from "../../core/ops/slice.ts";
import { reshape } from "../../core/ops/view.ts";
import { copyProgram, rowProgram } from "../../core/program.ts";
import type { Key } from "../../core/random.ts";
import type { Tensor } from "../../core/tensor.ts";
import { update } from "../../core/update.ts";
import type { Batch } from "../../nn/layers/batch.ts";
import { addGradients, type StepOptions, type TrainState } from "../../nn/optim/train_step.ts";
import { noSums } from "./device_sums.ts";
import type { Processes, StepNumbers } from "./shared_step.ts";

/** Where numbers of a step lie until the host reads them, in one go. */
const places = { loss: 0, task: 1, compensation: 2, squaredNorm: 3 } as const;

const clear = rowProgram([], [filled(0)]);

/**
 * Makes one step.
 *
 * @param window Batches of this process alone; none where others have all examples
 * @param options With the labels of all processes in `targets`
 * @throws {TrainingError} If a process is lost, or does not answer in time
 */
export async function cardStep(
  state: TrainState,
  window: readonly Batch[],
  key: Key,
  options: StepOptions & { readonly targets: number },
  { group, stop, sums = noSums }: Processes,
): Promise<StepNumbers> {
  const { optimiser } = state;
  const { trainable } = optimiser;
  trainable.clear();
  const terms = window.length === 0 ? undefined : addGradients(state, window, key, options);
  const numbers = empty(trainable.device, [Object.keys(places).length], "f32");
  update(clear, [numbers], []);
  const put = (name: keyof typeof places, found: Tensor | undefined) => {
    const place = places[name];
    if (found === undefined) return;
    update(copyProgram, [slice(numbers, 0, place, place + 1)], [reshape(found, [1])]);
  };
  put("loss", terms?.loss);
  put("task", terms?.task);
  put("compensation", terms?.compensation);
  await sums.queue([trainable.gradients, numbers]);
  const squaredNorm = trainable.squaredNorm();
  optimiser.step(squaredNorm, options.lr);
  put("squaredNorm", squaredNorm);
  const read = numbers.read();
  // While the cards work, processes hear that all others have queued the step, and who was to stop.
  const [found] = await Promise.all([sums.settled(read), stop.heedingIn(group).gather("")]);
  const numberOf = (name: keyof typeof places) => found[places[name]]!;
  const { kind = "none" } = options.plan?.compensation ?? {};
  return {
    loss: numberOf("loss"),
    task_loss: numberOf("task"),
    ...(kind !== "none" && { compensation: numberOf("compensation") }),
    grad_norm: Math.sqrt(numberOf("squaredNorm")),
  };
}
