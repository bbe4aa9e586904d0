/**
 * From a checkpoint to the numbers of a model.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import type { Quantised } from "../../core/dtype.ts";
import type { Key } from "../../core/random.ts";
import type { Model } from "./model.ts";
import type { WeightSource } from "./weight_source.ts";

/** How a checkpoint is loaded. */
export interface LoadOptions {
  /**
   * Whether matrices of 16 bits stay so: half the memory, and the same numbers. Default false. On a
   * device that stores activations in bf16 all matrices are in it, as products would round them.
   */
  readonly half?: boolean;
  /**
   * Whether memory is reserved alone: the shapes of the file are checked, and its numbers are not read.
   * Default false.
   */
  readonly blank?: boolean;
  /**
   * Bits of the layers' frozen matrices: 8, or 4 as QLoRA has them, each with a scale for 64 numbers.
   * Embeddings, heads, biases and norms stay as they are. By default none are quantised.
   */
  readonly quantize?: Quantised | undefined;
}

/** What became of a checkpoint's tensors. */
export interface LoadReport {
  /** Tensors that filled a parameter. */
  readonly used: readonly string[];
  /** The same by the path of the parameter. */
  readonly sources: ReadonlyMap<string, string>;
  /** Tensors known to be of no use here: buffers, other heads. */
  readonly ignored: readonly string[];
  /** Tensors of the file that no parameter takes. */
  readonly unexpected: readonly string[];
  /** Parameters that were initialised instead. */
  readonly initialised: readonly string[];
}

/**
 * Fills a model's parameters; those with an initializer may be missing. The scope that is open owns
 * the tensors. What does the work is loaded then.
 *
 * @param key Key of what is initialised
 * @throws {FileError} If a tensor is missing, is there under two names, has another shape or holds a
 * number that is not finite
 */
export async function loadModel(
  model: Model,
  source: WeightSource,
  device: Device,
  key: Key,
  options: LoadOptions = {},
): Promise<LoadReport> {
  const { fillModel } = await import("./fill_model.ts");
  return await fillModel(model, source, device, key, options);
}
