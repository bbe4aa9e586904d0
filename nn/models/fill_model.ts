/**
 * Filling a model with the tensors of a checkpoint.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import type { Quantised } from "../../core/dtype.ts";
import { FileError } from "../../core/errors.ts";
import type { Key } from "../../core/random.ts";
import { parameters } from "../layers/module.ts";
import { fillMatrix, fillQuantised } from "./fill_matrix.ts";
import { fillParameter } from "./fill_parameter.ts";
import { initialize } from "./initialize.ts";
import type { Model } from "./model.ts";
import { architectureOf } from "./registry.ts";
import { fileOf, type Floats, partsOf, requireShape, type WeightSource } from "./weight_source.ts";

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

/** Tensors of heads, which another model may have. */
const headTensors = /^(cls|lm_head|classifier)\.|^score\.weight$|pooler\.[^.]+/;

/** Paths of what lies in one of a model's layers, which have numbers. */
const inLayer = /\.\d+\./;

/** Names a parameter may have in a checkpoint: with or without the base prefix, old norm names. */
function checkpointNames(path: string, prefix: string): string[] {
  const start = `${prefix}.`;
  const names = [path, path.startsWith(start) ? path.slice(start.length) : path];
  const old = names.map((name) =>
    name.replace(/LayerNorm\.weight$/, "LayerNorm.gamma")
      .replace(/LayerNorm\.bias$/, "LayerNorm.beta")
  );
  return [...new Set([...names, ...old])];
}

/** What `loadModel` gives. */
export async function fillModel(
  model: Model,
  source: WeightSource,
  device: Device,
  key: Key,
  { half = false, quantize, blank = false }: LoadOptions,
): Promise<LoadReport> {
  const { prefix, buffers } = architectureOf(model.config);
  const present = new Set(source.names());
  const find = (path: string) => {
    const [name, other] = checkpointNames(path, prefix).filter((one) => present.has(one));
    if (name === undefined || other === undefined) return name;
    throw new FileError(
      `Cannot use tensor ${name} as ${path} requires one tensor: found ${other} too`,
      fileOf(source, name),
    );
  };
  const only = await settleOutput(model, source, find, device);
  const sources = new Map<string, string>();
  const initialised: string[] = [];
  const narrow = half || device.activations !== undefined;
  for (const [path, parameter] of parameters(model)) {
    const name = find(path) ?? only.get(path);
    if (name === undefined) {
      if (parameter.initializer === undefined) {
        throw new FileError(`Cannot find tensor ${path}, which the model requires`, source.path);
      }
      initialize(parameter, path, device, key);
      initialised.push(path);
      continue;
    }
    requireShape(source, name, parameter);
    const isMatrix = parameter.shape.length === 2;
    const target = { device, blank };
    if (quantize !== undefined && isMatrix && inLayer.test(path) && !parameter.trainable) {
      await fillQuantised(parameter, source, name, target, quantize);
    } else if (isMatrix && narrow) {
      await fillMatrix(parameter, source, name, target);
    } else await fillParameter(parameter, source, name, target);
    sources.set(path, name);
  }
  model.prepare(device);
  const used = new Set(sources.values());
  const [ignored, unexpected]: [string[], string[]] = [[], []];
  for (const name of present) {
    if (used.has(name)) continue;
    (buffers.test(name) || headTensors.test(name) ? ignored : unexpected).push(name);
  }
  return { used: [...sources.values()], sources, ignored, unexpected, initialised };
}

/**
 * Settles what the output layer of a language model that ties it to the embedding is, as transformers
 * does: where a checkpoint holds both and they differ, it is one of its own; where it holds the output
 * layer alone, that is the embedding too.
 *
 * @param find Tensor of a parameter, where the checkpoint holds one
 * @returns The tensor that the embedding takes instead of its own, by the parameter's path
 */
async function settleOutput(
  model: Model,
  source: WeightSource,
  find: (path: string) => string | undefined,
  { float }: Device,
): Promise<ReadonlyMap<string, string>> {
  const { tied } = model;
  const output = find("lm_head.weight");
  if (tied === undefined || output === undefined) return new Map();
  const [path] = [...parameters(model)].find(([, parameter]) => parameter === tied)!;
  const embedding = find(path);
  if (embedding === undefined) return new Map([[path, output]]);
  requireShape(source, output, tied);
  requireShape(source, embedding, tied);
  if (!await sameNumbers(partsOf(source, output, float), partsOf(source, embedding, float))) {
    model.untie();
  }
  return new Map();
}

/** Whether two tensors of one size hold the same numbers, however they are cut into parts. */
async function sameNumbers(
  first: AsyncIterable<Floats>,
  second: AsyncIterable<Floats>,
): Promise<boolean> {
  const others = second[Symbol.asyncIterator]();
  let [other, at]: [Floats, number] = [new Float32Array(), 0];
  for await (const part of first) {
    for (const x of part) {
      while (at === other.length) {
        const { done, value } = await others.next();
        if (done) return false;
        [other, at] = [value, 0];
      }
      if (other[at++] !== x) return false;
    }
  }
  return true;
}
