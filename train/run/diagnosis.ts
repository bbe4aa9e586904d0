/**
 * Why a number of training is not finite: the step is run once more, on the parameters from before
 * it and under its own masks, and what is found first is named with what causes it.
 *
 * @module
 */

import { TrainingError } from "../../core/errors.ts";
import { filled } from "../../core/expr.ts";
import { firstNonFinite } from "../../core/finite.ts";
import { copyProgram, rowProgram } from "../../core/program.ts";
import { foldKey, type Key } from "../../core/random.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { update } from "../../core/update.ts";
import { dropoutOf } from "../../nn/dropout/batch_dropout.ts";
import type { DropoutPlan } from "../../nn/dropout/plan.ts";
import type { Batch } from "../../nn/layers/batch.ts";
import type { ForwardContext } from "../../nn/layers/forward_context.ts";
import { loraLayers } from "../../nn/lora/lora.ts";
import type { TrainState } from "../../nn/optim/train_step.ts";
import type { Trainable } from "../../nn/optim/trainable.ts";
import type { TrainConfig } from "../config/config.ts";
import { firstModule } from "./first_module.ts";

const clear = rowProgram([], [filled(0)]);

/** Options that may be to blame. */
export type BlamedOptions = Pick<TrainConfig, "alpha" | "kl" | "lr" | "epsilon">;

/** A step whose numbers are not finite. */
export interface FailedStep {
  /** Model and optimiser, the step's update made; the parameters are as before it afterwards. */
  readonly state: TrainState;
  /** Parameters before the update, `[count]`. */
  readonly before: Tensor;
  /** What the step read, batch by batch. */
  readonly batches: readonly Batch[];
  /** For each batch, the numbers of its rows among the training examples. */
  readonly members: readonly (readonly number[])[];
  /** Labels of these examples, where they are scores. */
  readonly scores?: ReadonlyMap<number, number>;
  /** What was dropped. */
  readonly plan: DropoutPlan;
  /** Key of the step's masks. */
  readonly key: Key;
  /** Options of the run. */
  readonly config: BlamedOptions;
  /** Number of the step, from 1. */
  readonly step: number;
  /** Whether this process has updated nothing before it. */
  readonly isFirst: boolean;
  /** What the step computed, by name. */
  readonly found: Readonly<Record<string, number>>;
}

/** A tensor for the parameters from before a step; the open scope owns it. */
export function spaceForParameters({ flat, device }: Trainable): Tensor {
  return tensor(device, new Float64Array(flat.shape[0]!));
}

/** Copies the parameters into it. */
export function noteParameters({ flat }: Trainable, before: Tensor): void {
  update(copyProgram, [before], [flat]);
}

/** The error of a step: the first number that is not finite, where it comes from, what to change. */
export async function diagnoseStep(failed: FailedStep): Promise<TrainingError> {
  const { found, step } = failed;
  const [name, value] = Object.entries(found).find(([, x]) => !Number.isFinite(x))!;
  const cause = await causeOf(failed).catch(() => "lower --lr");
  return new TrainingError(
    `Cannot go on after step ${step} as ${name} must be finite: found ${value}; ${cause}`,
  );
}

/**
 * Refuses parameters that must not be saved: a step's loss is that before its update.
 *
 * @throws {TrainingError} If one is not finite
 */
export async function requireFiniteParameters(
  { optimiser: { trainable } }: TrainState,
  step: number,
  config: BlamedOptions,
): Promise<void> {
  const values = await trainable.flat.read() as Float32Array;
  const at = firstNonFinite(values);
  if (at < 0) return;
  throw new TrainingError(
    `Cannot go on after step ${step} as every trained parameter must be finite: found ` +
      `${values[at]} in ${ownerOf(trainable, at)}; ${blameUpdate(config)}`,
  );
}

async function causeOf(failed: FailedStep): Promise<string> {
  const { state, before, config, step, found } = failed;
  const { trainable } = state.optimiser;
  const spoiled = firstNonFinite(await before.read() as Float32Array);
  if (spoiled >= 0) {
    const since = `${ownerOf(trainable, spoiled)} is not since the update of step ${step - 1}`;
    return `${since}: ${blameUpdate(config)}`;
  }
  const { loss, task_loss: task, compensation = 0 } = found as Record<string, number>;
  const [isLoss, isTask, isApart] = [loss!, task!, compensation].map(Number.isFinite);
  if (isLoss) return await causeOfGradient(failed);
  if (isTask && isApart) {
    return `--kl ${config.kl} times the compensation is too large, the rest is finite: lower --kl`;
  }
  update(copyProgram, [trainable.flat], [before]);
  return await causeInForward(failed) ?? causeInLabels(failed);
}

/** The first module whose output is not finite, for which examples; none where all logits are. */
async function causeInForward(failed: FailedStep): Promise<string | undefined> {
  const { state: { model, optimiser }, before, isFirst, config } = failed;
  for (const [b, batch] of failed.batches.entries()) {
    for (const context of contextsOf(batch, failed)) {
      const found = await firstModule(model, context);
      if (found === undefined) continue;
      const examples = listed(
        found.rows.map((row) => failed.members[b]![row]!).sort((a, c) => a - c),
      );
      const place = `it begins in ${found.path} for training ${examples}`;
      const scaling = loraLayers(model).find(([, { scaling }]) => tooLarge(scaling, before));
      if (scaling !== undefined) {
        return `${place}, whose updates are scaled by ${scaling[1].scaling}: lower --alpha`;
      }
      update(clear, [optimiser.trainable.flat], []);
      const isBase = await firstModule(model, context) !== undefined;
      const { neftuneAlpha } = failed.plan;
      const isNoise = isBase && neftuneAlpha !== undefined &&
        await firstModule(model, { batch }) === undefined;
      update(copyProgram, [optimiser.trainable.flat], [before]);
      if (isNoise) {
        return `${place}, and not without the noise: lower --neftune-alpha ${neftuneAlpha}`;
      }
      if (isBase) {
        return `${place}, without what is trained too: the base model's weights or sizes are at fault`;
      }
      return isFirst
        ? `${place}, and nothing was updated yet: lower --alpha ${config.alpha}, or begin with smaller weights`
        : `${place}: lower --lr ${config.lr}`;
    }
  }
  return undefined;
}

/** Logits are finite, and their loss is not. */
function causeInLabels({ scores, isFirst, config }: FailedStep): string {
  const far = [...scores ?? []].sort(([, a], [, b]) => Math.abs(b) - Math.abs(a))[0];
  if (far !== undefined && Math.abs(far[1]) > 1e15) {
    return `the label of training example ${far[0]} is ${far[1]}: scale the labels`;
  }
  return isFirst
    ? "all logits are finite and nothing was updated yet: lower --kl or --alpha"
    : `all logits are finite: lower --lr ${config.lr}`;
}

/** The loss is finite, and its gradient is not. */
async function causeOfGradient(failed: FailedStep): Promise<string> {
  const { state: { optimiser: { trainable } }, config, found, isFirst, scores } = failed;
  const at = firstNonFinite(await trainable.gradients.read() as Float32Array);
  const place = at < 0
    ? "the squares of its gradient are too large together"
    : `the gradient of ${ownerOf(trainable, at)} is the first that is not`;
  const { loss, task_loss: task } = found as Record<string, number>;
  if (Math.abs(loss! - task!) > Math.abs(task!)) {
    return `${place}, and --kl ${config.kl} makes most of the loss: lower --kl`;
  }
  const far = Math.max(0, ...[...scores?.values() ?? []].map(Math.abs));
  if (far > 1e15) return `${place}, and a label is ${far}: scale the labels`;
  return isFirst
    ? `${place}, and nothing was updated yet: lower --alpha ${config.alpha}`
    : `${place}: lower --lr ${config.lr}`;
}

/** What an update that spoils parameters comes from. */
function blameUpdate({ epsilon, lr }: BlamedOptions): string {
  // Below the least number of single precision it is 0, and a parameter without a gradient divides by it.
  return epsilon < 2 ** -126
    ? `--epsilon ${epsilon} leaves a division by 0: raise it`
    : `lower --lr ${lr}`;
}

/** The passes of a batch as the step ran them. */
function contextsOf(batch: Batch, { plan, key }: FailedStep): ForwardContext[] {
  if (batch.examples === undefined) return [{ batch }];
  const { instances = 1, compensation } = plan;
  const draws = Array.from({ length: instances }, (_, i) => i === 0 ? key : foldKey(key, i));
  const passes = compensation?.kind === "kl" ? [0, 1] as const : [0] as const;
  const dropped = draws.flatMap((drawn) =>
    passes.map((pass) => ({ batch, dropout: dropoutOf(batch, { plan, key: drawn }, pass) }))
  );
  return compensation?.kind === "js" ? [...dropped, { batch }] : dropped;
}

function tooLarge(scaling: number, { dtype }: Tensor): boolean {
  return !Number.isFinite(dtype === "f64" ? scaling : Math.fround(scaling));
}

/** The parameter that an element of the flat storage belongs to. */
function ownerOf({ names, parameters }: Trainable, at: number): string {
  let end = 0;
  return names[parameters.findIndex(({ size }) => at < (end += size))]!;
}

function listed(examples: readonly number[]): string {
  if (examples.length === 0) return "examples of its batch";
  const shown = examples.slice(0, 5).join(", ");
  const more = examples.length > 5 ? ` and ${examples.length - 5} more` : "";
  return `${examples.length === 1 ? "example" : "examples"} ${shown}${more}`;
}
