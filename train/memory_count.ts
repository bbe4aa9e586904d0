/**
 * The memory of a run's tensors before it is made: its model, largest steps and largest evaluations on a
 * backend that counts and computes nothing.
 *
 * @module
 */

import { Device, type Scope } from "../core/device.ts";
import { sizeOf } from "../core/shape.ts";
import type { Counts } from "../kernels/plan/counts.ts";
import type { Optimiser } from "../nn/optim/optimiser.ts";
import type { TrainConfig } from "./config/config.ts";
import type { Share } from "./data/batches.ts";
import { PlannedBackend } from "./device/planned_backend.ts";
import { largestSteps, makeStep, type StepData } from "./one_step.ts";
import type { PreparedModel } from "./prepare.ts";
import { spaceForParameters } from "./run/diagnosis.ts";

/** Bytes by what they are for. */
export interface TensorMemory {
  /** Parameters that stay as they are, and all else that is on the device before the first step. */
  readonly frozen: number;
  /** Trained parameters. */
  readonly trained: number;
  /** Their gradient. */
  readonly gradient: number;
  /** The optimiser's state. */
  readonly moments: number;
  /** What the largest of its steps holds beside all that: activations above all. */
  readonly step: number;
  /** What the largest batch of an evaluation, or the longest texts that are written, hold instead. */
  readonly evaluation: number;
}

/** Bytes of the tensors that there are at once. */
export function tensorBytes(parts: TensorMemory): number {
  const { frozen, trained, gradient, moments, step, evaluation } = parts;
  return frozen + trained + gradient + moments + Math.max(step, evaluation);
}

/** A run's model on a backend that counts, until it is disposed. */
export class MemoryPlan implements Disposable {
  private constructor(
    private readonly data: StepData,
    private readonly opened: PreparedModel,
    private readonly scope: Scope,
    private readonly counts: Counts,
    private readonly share: Share | undefined,
  ) {}

  /**
   * Opens a model; its numbers are not read.
   *
   * @param open Puts the model on the device that it is given, where memory is reserved alone
   * @param device Where the run will be made; nothing is put there
   * @param share That of one of several processes
   */
  static async open(
    data: StepData,
    open: (device: Device) => Promise<PreparedModel>,
    { backend, float }: Device,
    share?: Share,
  ): Promise<MemoryPlan> {
    const planned = new PlannedBackend(backend);
    const counting = new Device(planned, float);
    const scope = counting.scope("plan");
    return new MemoryPlan(data, await open(counting), scope, planned.statistics, share);
  }

  /** What is held by settings that leave the model as it is. */
  async partsOf(config: TrainConfig): Promise<TensorMemory> {
    const { data, opened, counts, share, scope: { device } } = this;
    const held = counts.bytes;
    using _run = device.scope("run");
    const most = async (work: () => Promise<unknown>) => {
      counts.peakBytes = counts.bytes;
      await work();
      return counts.peakBytes - held;
    };
    const own = optimiserBytes(opened.optimiser);
    return {
      ...own,
      frozen: held - own.trained - own.gradient - own.moments,
      step: await most(async () => {
        for (const step of largestSteps(data, config, share)) {
          using _step = device.scope("step");
          await makeStep(data, opened, config, step, share);
        }
      }),
      evaluation: await most(() => {
        // The loop holds the parameters from before a step in evaluations too.
        spaceForParameters(opened.optimiser.trainable);
        return data.task.rehearse(opened.model, device, config.evalBatch);
      }),
    };
  }

  /** Forgets the model. */
  [Symbol.dispose](): void {
    this.scope.close();
  }
}

function optimiserBytes({ trainable, state }: Optimiser) {
  const size = trainable.flat.dtype === "f64" ? 8 : 4;
  const moments = Object.values(state).reduce((sum, { shape }) => sum + size * sizeOf(shape), 0);
  const trained = size * sizeOf(trainable.flat.shape);
  return { trained, gradient: trained, moments };
}
