/**
 * One run in the page: the library's own loop over a model on a device, which may be stopped, asked
 * between two steps, and gone on with to the bit.
 *
 * @module
 */

import type { Device, Scope } from "../../../../core/device.ts";
import { foldKey } from "../../../../core/random.ts";
import { dropoutPlan } from "../../../../nn/dropout/methods.ts";
import type { DropoutPlan } from "../../../../nn/dropout/plan.ts";
import { encodeAdapter } from "../../../../nn/formats/adapter.ts";
import type { AdapterConfig } from "../../../../nn/formats/peft_config.ts";
import { isHead, trainHead } from "../../../../nn/models/heads.ts";
import { loadModel } from "../../../../nn/models/load.ts";
import type { Model } from "../../../../nn/models/model.ts";
import { classifier } from "../../../../nn/models/registry.ts";
import type { Optimiser } from "../../../../nn/optim/optimiser.ts";
import { Trainable } from "../../../../nn/optim/trainable.ts";
import { checkLayers, requireActive, runKeys } from "../../../config/config.ts";
import { fit, type FitHooks, type FitResult, optimiserOf } from "../../../fit.ts";
import { classDistribution } from "../../../metrics/predictive.ts";
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

/** A model on a device, with what trains it. */
interface Adapted {
  readonly scope: Scope;
  readonly model: Model;
  readonly optimiser: Optimiser;
  readonly adapter: AdapterConfig;
  readonly plan: DropoutPlan;
}

/** Loads a model and adapts it, as `deno task train` does. */
async function adapt({ base, config, task }: PreparedRun, device: Device): Promise<Adapted> {
  checkLayers(config, base.config.layers);
  const plan = dropoutPlan(config.method, base.config.causal, config);
  requireActive(plan, base.config.layers);
  const scope = device.scope("run");
  try {
    const key = foldKey(runKeys(config).initial, "initialisation");
    const model = classifier({ ...base.config, labels: task.labels });
    const { initialised } = await loadModel(model, await base.weights(), device, key);
    const drawn = initialised.filter((path) => !isHead(path));
    const named = { directory: base.name, ...(base.revision && { commit: base.revision }) };
    const fresh = newAdapter(config, base.config, named, true);
    const adapter = addAdapter(model, savingToo(fresh, drawn), device, key);
    trainHead(model, drawn);
    const optimiser = optimiserOf(await Trainable.of(model, device), config);
    return { scope, model, optimiser, adapter, plan };
  } catch (error) {
    scope.close();
    throw error;
  }
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
    private readonly device: Device,
    private readonly parts: Adapted,
  ) {}

  /**
   * Loads the model and adapts it.
   *
   * @throws {OptionError | FileError} If the settings or weights do not fit the model
   */
  static async open(run: PreparedRun, device: Device): Promise<FineTune> {
    return new FineTune(run, device, await adapt(run, device));
  }

  /**
   * Trains from the last step on, to the end or until the signal.
   *
   * @throws {TrainingError} If a loss, a gradient or a parameter is not finite
   */
  async train({ onStep, onEvaluation, ...hooks }: FitHooks = {}): Promise<FitResult> {
    const { config, task } = this.run;
    const { model, optimiser, plan } = this.parts;
    const { masks: key, order: orderKey } = runKeys(config);
    using _training = this.device.scope("training");
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
        this.device,
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
      const { config, task } = this.run;
      const { model, adapter, optimiser, plan } = this.parts;
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
    this.parts.scope.close();
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
