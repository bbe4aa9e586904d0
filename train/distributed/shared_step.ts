/**
 * One step that processes make together: each adds the gradients of its own examples, all are summed,
 * and every process updates its parameters in the same way.
 *
 * @module
 */

import { copyProgram } from "../../core/program.ts";
import type { Key } from "../../core/random.ts";
import { tensor } from "../../core/tensor.ts";
import { update } from "../../core/update.ts";
import type { Batch } from "../../nn/layers/batch.ts";
import { addGradients, type StepOptions, type TrainState } from "../../nn/optim/train_step.ts";
import type { DeviceSums } from "./device_sums.ts";
import type { Group, Numbers } from "./group.ts";
import type { SharedStop } from "./shared_stop.ts";

/** The processes of a run as its steps know them. */
export interface Processes {
  /** All of them. */
  readonly group: Group;
  /** Stops them behind the same step. */
  readonly stop: SharedStop;
  /** Sums on their cards; absent where messages have the gradients. */
  readonly sums?: DeviceSums | undefined;
}

/** What a step gives, on the host. */
export interface StepNumbers {
  /** What is differentiated, before the update. */
  readonly loss: number;
  /** Loss of the task alone. */
  readonly task_loss: number;
  /** Compensation before its weight; absent where there is none. */
  readonly compensation?: number;
  /** Norm of the gradient before clipping. */
  readonly grad_norm: number;
}

/**
 * Makes one step.
 *
 * @param window Batches of this process alone; none where others have all examples
 * @param options With the labels of all processes in `targets`
 * @throws {TrainingError} If a process does not answer in time
 */
export async function sharedStep(
  state: TrainState,
  window: readonly Batch[],
  key: Key,
  options: StepOptions & { readonly targets: number },
  { group, stop }: Processes,
): Promise<StepNumbers> {
  const { optimiser } = state;
  const { trainable } = optimiser;
  trainable.clear();
  const terms = window.length === 0 ? undefined : addGradients(state, window, key, options);
  const { kind = "none" } = options.plan?.compensation ?? {};
  const gradients = await trainable.gradients.read() as Numbers;
  // One message has it all: gradients, losses, and whether someone was asked to stop.
  const sums = trainable.flat.dtype === "f64"
    ? new Float64Array(gradients.length + 4)
    : new Float32Array(gradients.length + 4);
  sums.set(gradients);
  sums.set([
    await terms?.loss.item() ?? 0,
    await terms?.task.item() ?? 0,
    await terms?.compensation?.item() ?? 0,
    stop.wishes,
  ], gradients.length);
  await group.sum(sums);
  const [loss, task, compensation, wishes] = sums.subarray(gradients.length);
  stop.agree(wishes!);
  const total = tensor(trainable.device, sums.subarray(0, gradients.length));
  update(copyProgram, [trainable.gradients], [total]);
  const squaredNorm = trainable.squaredNorm();
  optimiser.step(squaredNorm, options.lr);
  return {
    loss: loss!,
    task_loss: task!,
    ...(kind !== "none" && { compensation: compensation! }),
    grad_norm: Math.sqrt(await squaredNorm.item()),
  };
}
