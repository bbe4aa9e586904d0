/**
 * One run in the page: the library's own loop over a model on a device, which may be stopped, asked
 * between two steps, and gone on with to the bit.
 *
 * @module
 */

import { Device, type Scope } from "../../../../core/device.ts";
import { foldKey } from "../../../../core/random.ts";
import { openCpu } from "../../../../kernels/cpu/backend.ts";
import { dropoutPlan } from "../../../../nn/dropout/methods.ts";
import type { DropoutPlan } from "../../../../nn/dropout/plan.ts";
import { encodeAdapter } from "../../../../nn/formats/adapter.ts";
import { isHead, trainHead } from "../../../../nn/models/heads.ts";
import { loadModel } from "../../../../nn/models/load.ts";
import { classifier } from "../../../../nn/models/registry.ts";
import { Trainable } from "../../../../nn/optim/trainable.ts";
import { checkLayers, requireActive, runKeys } from "../../../config/config.ts";
import { fit, type FitHooks, type FitResult, optimiserOf } from "../../../fit.ts";
import { classDistribution } from "../../../metrics/predictive.ts";
import { MemoryPlan, tensorBytes } from "../../../memory_count.ts";
import type { PreparedModel } from "../../../prepare.ts";
import { addAdapter } from "../../../run/adapter.ts";
import { recordedDropout } from "../../../run/describe.ts";
import { type FitProgress, noProgress } from "../../../run/fit_progress.ts";
import { modelCard } from "../../../run/model_card.ts";
import { newAdapter, savingToo } from "../../../run/new_adapter.ts";
import { classifyAll } from "../../../tasks/classification.ts";
import { encodeExamples } from "../../../tasks/encode_examples.ts";
import { maxSequenceLength } from "../../../tasks/open.ts";
import type { Metrics } from "../../../tasks/task.ts";
import type { PreparedRun } from "./prepare.ts";

/** What is dropped in a run. */
function planOf({ base, config }: PreparedRun): DropoutPlan {
  checkLayers(config, base.config.layers);
  const plan = dropoutPlan(config.method, base.config.causal, config);
  requireActive(plan, base.config.layers);
  return plan;
}

/**
 * Loads a model and adapts it, as `deno task train` does. The open scope owns what is on the device.
 *
 * @param blank Whether memory is reserved alone
 */
async function adapt(
  { base, config, task }: PreparedRun,
  device: Device,
  blank = false,
): Promise<PreparedModel> {
  const key = foldKey(runKeys(config).initial, "initialisation");
  const model = classifier({ ...base.config, labels: task.labels });
  const { half, quantize } = config;
  const options = { half, quantize, blank };
  const { initialised } = await loadModel(model, await base.weights(), device, key, options);
  const drawn = initialised.filter((path) => !isHead(path));
  const named = { directory: base.name, ...(base.revision && { commit: base.revision }) };
  const fresh = newAdapter(config, base.config, named, true);
  const adapter = addAdapter(model, savingToo(fresh, drawn), device, key);
  trainHead(model, drawn);
  return { model, adapter, optimiser: optimiserOf(await Trainable.of(model, device), config) };
}

/**
 * Counts what the tensors of a run will take; of weights no more is read than what their files hold.
 *
 * @returns Bytes that there will be at once
 * @throws {OptionError | FileError} If the settings or weights do not fit the model
 */
export async function countedBytes(run: PreparedRun): Promise<number> {
  const { base, config, task } = run;
  // No memory is taken: the heap of WebAssembly would be.
  await using device = new Device(openCpu({ kernels: "javascript" }));
  const data = { task, architecture: base.config, plan: planOf(run), keys: runKeys(config) };
  using plan = await MemoryPlan.open(data, (counting) => adapt(run, counting, true), device);
  return tensorBytes(await plan.partsOf(config));
}

/** A run on a device, which owns its tensors until it is closed. */
export class FineTune implements Disposable {
  #progress: FitProgress = noProgress;
  #metrics: Metrics = {};
  #isTraining = false;
  /** What was asked for while a step was running. */
  readonly #waiting: (() => Promise<void>)[] = [];

  private constructor(
    private readonly run: PreparedRun,
    private readonly scope: Scope,
    private readonly parts: PreparedModel,
    private readonly plan: DropoutPlan,
  ) {}

  /**
   * Loads the model and adapts it.
   *
   * @throws {OptionError | FileError} If the settings or weights do not fit the model
   */
  static async open(run: PreparedRun, device: Device): Promise<FineTune> {
    const plan = planOf(run);
    const scope = device.scope("run");
    try {
      return new FineTune(run, scope, await adapt(run, device), plan);
    } catch (error) {
      scope.close();
      throw error;
    }
  }

  /**
   * Trains from the last step on, to the end or until the signal.
   *
   * @throws {TrainingError} If a loss, a gradient or a parameter is not finite
   */
  async train({ onStep, onEvaluation, ...hooks }: FitHooks = {}): Promise<FitResult> {
    const { run: { config, task }, plan } = this;
    const { model, optimiser } = this.parts;
    const { masks: key, order: orderKey } = runKeys(config);
    using _training = this.scope.device.scope("training");
    this.#isTraining = true;
    try {
      const options = { task, config, plan, key, orderKey, progress: this.#progress };
      const result = await fit({ model, optimiser }, options, {
        ...hooks,
        onStep: async (record, steps) => {
          await onStep?.(record, steps);
          await this.#catchUp();
        },
        onEvaluation: async (record, isBest) => {
          const { step: _, epoch: __, ...metrics } = record;
          this.#metrics = metrics;
          await onEvaluation?.(record, isBest);
        },
      });
      this.#progress = result.progress;
      return result;
    } finally {
      this.#isTraining = false;
      await this.#catchUp();
    }
  }

  /**
   * The probabilities that the model gives the classes of a text, or of a pair of them.
   *
   * @throws {IndexError} If a token has no row in the model's table
   */
  ask([textA = "", textB]: readonly string[]): Promise<number[]> {
    return this.#apart(async () => {
      const { base, config, task } = this.run;
      const example = { textA, ...(textB !== undefined && { textB }), label: undefined, index: 0 };
      const rules = { ...base, maxLength: maxSequenceLength(config, base.config) };
      const reading = { padId: task.padId, batch: 1 };
      const [found] = await classifyAll(
        this.parts.model,
        this.scope.device,
        encodeExamples([example], rules),
        reading,
        classDistribution,
      );
      return found!.logMean.map(Math.exp);
    });
  }

  /** The folder of the adapter as PEFT reads it, with a model card. */
  files(): Promise<Record<string, string | Uint8Array<ArrayBuffer>>> {
    return this.#apart(async () => {
      const { run: { config, task }, plan } = this;
      const { model, adapter, optimiser } = this.parts;
      const files = await encodeAdapter(model, adapter, recordedDropout(plan));
      const settings = { method: config.method, plan, targets: adapter.targets, config };
      const evaluation = { metrics: this.#metrics, step: optimiser.steps };
      return {
        ...files,
        "hiddenkey_config.json": `${JSON.stringify(settings, null, 2)}\n`,
        "README.md": modelCard(adapter, config, task, evaluation),
      };
    });
  }

  /** Ends the tensors of the run. */
  [Symbol.dispose](): void {
    this.scope.close();
  }

  /** Does work now, or behind the step that is running. */
  #apart<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#isTraining) return work();
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => work().then(resolve, reject));
    });
  }

  async #catchUp(): Promise<void> {
    for (const work of this.#waiting.splice(0)) await work();
  }
}
