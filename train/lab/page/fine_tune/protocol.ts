/**
 * What the page and the worker of a run say to each other.
 *
 * @module
 */

import type { Quantised } from "../../../../core/dtype.ts";
import type { Method } from "../../../../nn/dropout/methods.ts";
import type { EvaluationRecord } from "../../../evaluation.ts";
import type { StepRecord } from "../../../step.ts";

/** Where a model is from. */
export type ModelChoice =
  | { readonly kind: "demo" }
  /** A folder that was put into the page's storage. */
  | { readonly kind: "folder"; readonly name: string }
  /** A repository of the hub, in the page's storage or, where that is wanted, fetched into it. */
  | { readonly kind: "hub"; readonly name: string; readonly mayFetch: boolean };

/** What is learned. */
export type DataChoice =
  | { readonly kind: "demo" }
  /** A table; the extension of its name says which kind. */
  | { readonly kind: "table"; readonly name: string; readonly text: string };

/** What is chosen of a run's settings; names and meanings are those of `train`'s options. */
export interface RunSettings {
  /** Dropout method. */
  readonly method: Method;
  /** Dropout rate. */
  readonly rate: number;
  /** Weight of the compensation. */
  readonly kl: number;
  /** Inner size of the update. */
  readonly rank: number;
  /** Peak learning rate. */
  readonly lr: number;
  /** Passes over the training data. */
  readonly epochs: number;
  /** Most optimiser steps; absent: all of the passes. */
  readonly maxSteps?: number;
  /** Examples in a batch. */
  readonly batch: number;
  /** Seed of order, initialisation and masks. */
  readonly seed: number;
  /** Bits of the layers' frozen matrices; absent: those of floats. */
  readonly quantize?: Quantised;
  /** Whether frozen matrices of 16 bits stay so; default false. */
  readonly half?: boolean;
}

/** Where a run is computed. */
export type Machine = "cpu" | "webgpu";

/** A run that is asked for. */
export interface Job {
  /** Base model. */
  readonly model: ModelChoice;
  /** Examples. */
  readonly data: DataChoice;
  /** What is chosen beside them. */
  readonly settings: RunSettings;
  /** Backend. */
  readonly machine: Machine;
}

/** What a run says of itself before its first step. */
export interface RunFacts {
  /** Steps of the whole run. */
  readonly steps: number;
  /** Passes over the training data that they come to. */
  readonly epochs: number;
  /** Training examples. */
  readonly train: number;
  /** Examples that it is judged by. */
  readonly dev: number;
  /** Words of the classes. */
  readonly classes: readonly string[];
  /** Whether an example is a pair of texts. */
  readonly pairs: boolean;
  /** A training example, as a start for texts of one's own. */
  readonly sample: readonly string[];
  /** What is remarkable of the data, one line each. */
  readonly notes: readonly string[];
  /** What computes; absent where nothing was opened. */
  readonly backend?: string;
}

/** What the page asks of a worker. */
export type Request =
  /** Puts files of a folder into the page's storage. */
  | { readonly kind: "keep"; readonly name: string; readonly files: readonly File[] }
  /** Reads model and data without training. */
  | { readonly kind: "check"; readonly job: Job }
  /** Opens a run and trains it. */
  | { readonly kind: "train"; readonly job: Job }
  | { readonly kind: "stop" }
  /** Goes on where it was stopped. */
  | { readonly kind: "resume" }
  | { readonly kind: "ask"; readonly texts: readonly string[] }
  /** Makes the folder of the adapter. */
  | { readonly kind: "zip" };

/** What a worker tells on the way. */
export type News =
  | {
    readonly kind: "fetching";
    readonly file: string;
    readonly done: number;
    readonly total: number;
  }
  | { readonly kind: "opened"; readonly facts: RunFacts }
  | { readonly kind: "step"; readonly record: StepRecord }
  | { readonly kind: "evaluation"; readonly record: EvaluationRecord };

/** What a worker answers in the end. */
export type Reply =
  | { readonly kind: "kept" }
  | {
    readonly kind: "checked";
    readonly facts: RunFacts;
    /** Bytes of the tensors that there will be at once. */
    readonly memory: number;
  }
  | { readonly kind: "ended"; readonly isStopped: boolean }
  | { readonly kind: "stopping" }
  | { readonly kind: "answer"; readonly probabilities: readonly number[] }
  | { readonly kind: "zipped"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** It cannot be done; a sentence says why. */
  | { readonly kind: "failed"; readonly message: string };

/** A message with the number of the request that it belongs to. */
export interface Numbered<T> {
  /** Number of the request. */
  readonly id: number;
  /** What is said. */
  readonly message: T;
}
