/**
 * One optimiser step: from the examples of its window to what is logged of it.
 *
 * @module
 */

import type { Key } from "../core/random.ts";
import type { Tensor } from "../core/tensor.ts";
import type { DropoutPlan } from "../nn/dropout/plan.ts";
import { countTargets, toBatch } from "../nn/layers/batch.ts";
import type { Model } from "../nn/models/model.ts";
import type { StepMetrics } from "../nn/objective/objective.ts";
import { type TrainState, trainStep } from "../nn/optim/train_step.ts";
import type { TrainConfig } from "./config/config.ts";
import { batchesOfStep, type Share } from "./data/batches.ts";
import { cardStep } from "./distributed/card_step.ts";
import { type Processes, sharedStep, type StepNumbers } from "./distributed/shared_step.ts";
import { diagnoseStep, noteParameters } from "./run/diagnosis.ts";
import type { Task } from "./tasks/task.ts";

/** One step, as it is logged. */
export interface StepRecord {
  /** Steps done, this one included. */
  readonly step: number;
  /** Passes over the data done, a fraction within one. */
  readonly epoch: number;
  /** What was minimised, before the update: task loss and weighted compensation. */
  readonly loss: number;
  /** Mean cross-entropy or squared error a label. */
  readonly task_loss: number;
  /** Compensation before its weight; absent where there is none. */
  readonly compensation?: number;
  /** Norm of the gradient before clipping. */
  readonly grad_norm: number;
  /** Learning rate of the step, by the schedule. */
  readonly learning_rate: number;
  /** Tokens of the step's examples, without padding. */
  readonly tokens: number;
}

/** What a step is made with. */
export interface StepSettings {
  /** Settings of the run. */
  readonly config: TrainConfig;
  /** Which activations are dropped, how, and how that is compensated. */
  readonly plan: DropoutPlan;
  /** Root of the step's masks. */
  readonly key: Key;
  /** Learning rate. */
  readonly lr: number;
  /** Where the parameters from before the step are noted. */
  readonly before: Tensor;
  /** Whether this process takes no step before it. */
  readonly isFirst: boolean;
  /** Steps done, this one included. */
  readonly step: number;
  /** Passes over the data done then. */
  readonly epoch: number;
  /** The processes that share the step's examples; default this one alone. */
  readonly processes?: Processes | undefined;
}

/**
 * Takes one step.
 *
 * @param members Places of the step's examples in the training data
 * @throws {TrainingError} If the loss or the gradient is not finite
 */
export async function runStep(
  state: TrainState,
  task: Task,
  members: readonly number[],
  { config, plan, key, lr, before, isFirst, step, epoch, processes }: StepSettings,
): Promise<StepRecord> {
  const { device } = state.optimiser.trainable;
  using _scope = device.scope("step");
  const examples = members.map((i) => task.train[i]!);
  // Masks follow an example's position in the window, so the layout in batches cannot move them.
  const lengths = examples.map(({ ids }) => ids.length);
  const laidOut = (layout: readonly (readonly number[])[], pack = config.pack) =>
    layout.map((positions) => {
      const batch = positions.map((position) => examples[position]!);
      return toBatch(device, batch, {
        numbers: positions,
        padId: task.padId,
        regression: task.regression,
        padMultiple: config.padMultiple ?? 1,
        pack,
        width: paddedWidth(
          pack ? [longestOf(task)] : batch.map(({ ids }) => ids.length),
          config,
          state.model,
        ),
      });
    });
  const layoutOf = (share?: Share) => batchesOfStep(lengths, config, share);
  const batches = laidOut(layoutOf(processes?.group));
  noteParameters(state.optimiser.trainable, before);
  const options = {
    plan,
    smoothing: config.smoothing,
    regression: task.regression,
    gradientCheckpointing: config.gradientCheckpointing,
    lr,
  };
  const found = processes === undefined
    ? await readMetrics(trainStep(state, batches, key, options))
    : await (processes.sums === undefined ? sharedStep : cardStep)(
      state,
      batches,
      key,
      { ...options, targets: countTargets(examples) },
      processes,
    );
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  if (Object.values(found).every(Number.isFinite)) {
    return { step, epoch, learning_rate: lr, tokens, ...found };
  }
  // Each process looks at all examples, so that all find the same.
  const layout = layoutOf();
  // One example a row has the same masks, and its row names it.
  throw await diagnoseStep({
    ...{ state, before, plan, key, config, step, isFirst, found: { ...found } },
    batches: laidOut(layout, false),
    members: layout.map((positions) => positions.map((position) => members[position]!)),
    ...(task.regression && { scores: new Map(members.map((i) => [i, task.train[i]!.label!])) }),
  });
}

/** Tokens that the sequences of a training batch are filled up to, as far as the model has positions. */
export function paddedWidth(
  lengths: readonly number[],
  { padMultiple = 1 }: Pick<TrainConfig, "padMultiple">,
  { config: { maxPositions } }: Pick<Model, "config">,
): number {
  const longest = Math.max(...lengths);
  return Math.max(longest, Math.min(maxPositions, Math.ceil(longest / padMultiple) * padMultiple));
}

/**
 * Most tokens in a row that examples share: those of the longest training example. Rows of a step whose
 * examples are all short have room for several then, and none is longer than a row without sharing may
 * be, so that attention needs no more memory than there.
 */
export function longestOf({ train }: Pick<Task, "train">): number {
  let found = longest.get(train);
  if (found === undefined) {
    found = train.reduce((most, { ids }) => Math.max(most, ids.length), 1);
    longest.set(train, found);
  }
  return found;
}

/** Every step asks, and there may be many examples. */
const longest = new WeakMap<Task["train"], number>();

async function readMetrics(
  { loss, task, compensation, squaredNorm }: StepMetrics,
): Promise<StepNumbers> {
  return {
    loss: await loss.item(),
    task_loss: await task.item(),
    ...(compensation && { compensation: await compensation.item() }),
    grad_norm: Math.sqrt(await squaredNorm.item()),
  };
}
