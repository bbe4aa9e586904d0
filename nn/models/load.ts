/**
 * From a checkpoint to the numbers of a model.
 *
 * @module
 */

import type { Half } from "../../core/dtype.ts";
import { FileError, OptionError } from "../../core/errors.ts";
import { encodeBf16 } from "../../core/half.ts";
import { foldKey, type Key, normal, uniform } from "../../core/random.ts";
import { sameShape } from "../../core/shape.ts";
import type { Device } from "../../core/device.ts";
import { empty, tensorFromParts } from "../../core/memory.ts";
import { tensor } from "../../core/tensor.ts";
import { type Parameter, parameters } from "../layers/module.ts";
import { finiteHalves, finiteParts } from "./finite_weights.ts";
import type { Model } from "./model.ts";
import { architectureOf } from "./registry.ts";

/** Where numbers come from. */
export interface WeightSource {
  /** File or folder, for messages. */
  readonly path: string;
  /** File that holds a tensor, for messages; `path` where absent. */
  file?(name: string): string;
  /** Names of all tensors. */
  names(): Iterable<string>;
  /** Size of each axis of a tensor. */
  shape(name: string): readonly number[];
  /** Elements of one, row-major. */
  read(name: string, float: "f32" | "f64"): Promise<Float32Array | Float64Array>;
  /** The same part by part; each part is used up before the next is asked for. */
  parts?(name: string, float: "f32" | "f64"): AsyncIterable<Float32Array | Float64Array>;
  /** Bits of one, part by part, where its numbers have 16 bits. */
  halves?(name: string): { readonly dtype: Half; readonly parts: Iterable<Uint8Array> } | undefined;
}

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

/**
 * Fills a model's parameters; those with an initializer may be missing. The scope that is open owns
 * the tensors.
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
  { half = false, blank = false }: LoadOptions = {},
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
    const isNarrow = parameter.shape.length === 2 && (half || device.activations !== undefined);
    const narrow = isNarrow ? halvesOf(source, name, device) : undefined;
    const { shape } = parameter;
    if (blank) parameter.value = empty(device, shape, narrow?.dtype);
    else if (narrow === undefined) await fillParameter(parameter, source, name, device);
    else parameter.value = await tensorFromParts(device, shape, narrow.dtype, narrow.parts, name);
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

type Floats = Float32Array | Float64Array;

/** Numbers of a tensor part by part, all at once where the source knows no parts. */
async function* partsOf(
  source: Pick<WeightSource, "read" | "parts">,
  name: string,
  float: "f32" | "f64",
): AsyncIterable<Floats> {
  yield* source.parts?.(name, float) ?? [await source.read(name, float)];
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

/**
 * Refuses a tensor that does not fit a parameter.
 *
 * @throws {FileError} If its shape is another one
 */
export function requireShape(source: WeightSource, name: string, { shape }: Parameter): void {
  const found = source.shape(name);
  if (sameShape(found, shape)) return;
  throw new FileError(
    `Cannot use tensor ${name} as shape [${shape}] is required: found [${found}]`,
    fileOf(source, name),
  );
}

function fileOf(source: Pick<WeightSource, "file" | "path">, name: string): string {
  return source.file?.(name) ?? source.path;
}

/**
 * Fills one parameter from a source, without a second copy on the host where that gives parts.
 *
 * @throws {FileError} If an element is NaN or infinite
 * @throws {ShapeError} If the source gives more or fewer elements than the parameter has
 */
export async function fillParameter(
  parameter: Parameter,
  source: Pick<WeightSource, "read" | "parts" | "file" | "path">,
  name: string,
  device: Device,
): Promise<void> {
  const { float } = device;
  const given = source.parts?.(name, float) ?? [source.read(name, float)];
  const parts = finiteParts(given, { name, path: fileOf(source, name) });
  parameter.value = await tensorFromParts(device, parameter.shape, float, parts, name);
}

/** A matrix in 16 bits, part by part. */
interface Halves {
  readonly dtype: Half;
  readonly parts: Iterable<ArrayBufferView> | AsyncIterable<ArrayBufferView>;
}

/** Bits of a matrix that keeps the 16 of its source, or has those of the device's activations. */
function halvesOf(source: WeightSource, name: string, device: Device): Halves | undefined {
  const bits = source.halves?.(name);
  const tensor = { name, path: fileOf(source, name) };
  if (device.activations === "bf16" && bits?.dtype !== "bf16") {
    const floats = finiteParts(partsOf(source, name, "f32"), tensor);
    return { dtype: "bf16", parts: roundedParts(floats) };
  }
  return bits && { dtype: bits.dtype, parts: finiteHalves(bits.parts, bits.dtype, tensor) };
}

async function* roundedParts(parts: AsyncIterable<Floats>): AsyncGenerator<Uint16Array> {
  for await (const part of parts) yield encodeBf16(part as Float32Array);
}

/**
 * Fills one parameter by its initializer, from a stream of its own.
 *
 * @throws {OptionError} If it has none
 */
export function initialize(parameter: Parameter, path: string, device: Device, key: Key): void {
  const { initializer, shape, size } = parameter;
  const stream = foldKey(key, path);
  let data: Float64Array;
  switch (initializer?.kind) {
    case "zeros":
      data = new Float64Array(size);
      break;
    case "ones":
      data = new Float64Array(size).fill(1);
      break;
    case "normal":
      data = normal(stream, size).map((x) => x * initializer.deviation);
      break;
    case "uniform":
      data = uniform(stream, size).map((x) => (2 * x - 1) * initializer.bound);
      break;
    default:
      throw new OptionError(`Cannot initialise ${path} as it has no initializer`);
  }
  parameter.value = tensor(device, data, shape);
}
