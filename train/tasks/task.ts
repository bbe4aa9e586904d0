/**
 * What a trainer needs to know of a task.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import type { EncodedExample } from "../../nn/layers/batch.ts";
import type { Model } from "../../nn/models/model.ts";
import type { Split } from "../data/example.ts";
import type { Group } from "../distributed/group.ts";
import type { Collect } from "./prediction.ts";
import type { ProgressHooks } from "./progress.ts";
import type { Sampling } from "./sampling.ts";

/** Values of metrics by name, such as `accuracy`. */
export type Metrics = Readonly<Record<string, number>>;

/** Which examples of a task are read. */
export interface TaskParts {
  /** Whether the training examples are read, which takes time; there are none otherwise. */
  readonly train: boolean;
  /** Split that is evaluated; its examples must have answers. */
  readonly split: Exclude<Split, "train">;
  /** Words of the classes, where a saved run knows them. */
  readonly classes?: readonly string[] | undefined;
}

/** How the development data are evaluated; what its `onProgress` throws ends it. */
export interface EvaluationOptions extends ProgressHooks {
  /** Whether training is over: costly metrics are computed then. */
  readonly final: boolean;
  /**
   * What is dropped in several passes, whose mean is judged, without texts that a model writes; absent:
   * nothing is dropped.
   */
  readonly sampling?: Sampling | undefined;
  /** Called with what is said of each example, once all of them are read. */
  readonly collect?: Collect | undefined;
  /** The processes that share the work, each of which calls this; default this one alone. */
  readonly group?: Group | undefined;
}

/** Data of a task, tokenised, and its evaluation. */
export interface Task {
  /** Name as the benchmark prints it, for logs and the model card. */
  readonly name: string;
  /** Classes of the head; 1 for regression, 0 for language models. */
  readonly labels: number;
  /** Words of the classes, at the positions of their numbers; none for scores and texts. */
  readonly classes: readonly string[];
  /** Whether labels are scores, else classes or tokens. */
  readonly regression: boolean;
  /** Training examples, tokenised and cut to the longest sequence. */
  readonly train: readonly EncodedExample[];
  /** Examples that are evaluated, in the same way. */
  readonly dev: readonly EncodedExample[];
  /** Training examples that lost tokens to the longest sequence. */
  readonly cut: number;
  /** Token that fills sequences up; attention never sees it. */
  readonly padId: number;
  /** Metric that the task is judged by: `loss`, of which less is better, or another. */
  readonly primary: string;
  /** Whether the last evaluation has metrics that take too long for the others. */
  readonly costly: boolean;
  /** Remarks on the data, one line each. */
  readonly notes: readonly string[];
  /**
   * Evaluates a model on the development data. The metrics have `loss` among them: mean cross-entropy
   * in nats of an example or target token, or mean squared error.
   */
  evaluate(model: Model, device: Device, options: EvaluationOptions): Promise<Metrics>;
  /**
   * Does of an evaluation what takes most memory: its largest batch, and the longest prompts.
   *
   * @param batch Examples that are read together
   */
  rehearse(model: Model, device: Device, batch: number): Promise<void>;
}
