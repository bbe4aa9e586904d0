/**
 * A GGUF file as a source of weights: under the names of a checkpoint, in its order of rows.
 *
 * @module
 */

import { FileError, OptionError } from "../../core/errors.ts";
import type { WeightSource } from "../models/weight_source.ts";
import type { GgufHeader, GgufTensor, ReadBytes } from "./gguf.ts";
import { type GgufArchitecture, ggufArchitecture, type GgufLayout } from "./gguf_architectures.ts";
import type { JsonObject } from "./json_record.ts";

/** A tensor under the name that a checkpoint gives it. */
interface Named extends GgufTensor {
  readonly layout: GgufLayout;
  /** Rows of a head, where rows are rotary. */
  readonly headRows: number;
}

/** Bytes that are decoded at once. */
const partSize = 2 ** 22;

/** The name of a tensor in a checkpoint, and the part of a layer that it is of; none for other tensors. */
function namesOf({ names, layer, parts }: GgufArchitecture, name: string) {
  const [, number, part, kind] = /^(?:blk\.(\d+)\.)?(.+)\.(weight|bias)$/.exec(name) ?? [];
  if (part === undefined) return undefined;
  const known = number === undefined ? names : parts;
  if (!Object.hasOwn(known, part)) return undefined;
  const start = number === undefined ? "" : `${layer}.${number}.`;
  return { path: `${start}${known[part]}.${kind}`, part };
}

/** The tensors by the names of a checkpoint; what has none there keeps its own. */
function namedTensors(header: GgufHeader, config: JsonObject, path: string): Map<string, Named> {
  const architecture = ggufArchitecture(header, path);
  const [queryHeads, keyHeads] = architecture.heads.map((field) => config[field]);
  const heads = Number(queryHeads);
  const found = new Map<string, Named>();
  for (const [name, tensor] of header.tensors) {
    const names = namesOf(architecture, name);
    const turned = names?.part === "attn_k" ? Number(keyHeads ?? heads) : heads;
    const layout = names === undefined ? "rows" : architecture.layout(names.part);
    const isMatrix = tensor.shape.length === 2;
    const own = names?.path ?? name;
    if (found.has(own)) {
      throw new FileError(
        `Cannot read GGUF as one tensor ${own} is required: found ${name} too`,
        path,
      );
    }
    found.set(own, {
      ...tensor,
      shape: layout === "transposed" && isMatrix ? tensor.shape.toReversed() : tensor.shape,
      layout: layout === "transposed" && !isMatrix ? "rows" : layout,
      headRows: tensor.shape[0]! / turned,
    });
  }
  return found;
}

/**
 * The row of a file that is row `row` of a checkpoint: llama.cpp turns neighbouring rows of a head,
 * checkpoints its first half against its second.
 */
function rotaryRow(row: number, headRows: number): number {
  const [head, inside, half] = [Math.floor(row / headRows), row % headRows, headRows / 2];
  return head * headRows + 2 * (inside % half) + Math.floor(inside / half);
}

/** Bytes in the order of the checkpoint's rows, part by part. */
function* rowParts(tensor: Named, read: ReadBytes): Generator<Uint8Array> {
  const { begin, end, shape, layout, headRows } = tensor;
  const rows = shape.length === 0 ? 1 : shape[0]!;
  const size = (end - begin) / rows;
  if (layout === "rotary rows") {
    const all = read(begin, end - begin);
    const ordered = new Uint8Array(all.length);
    for (let row = 0; row < rows; row++) {
      const from = size * rotaryRow(row, headRows);
      ordered.set(all.subarray(from, from + size), row * size);
    }
    yield ordered;
    return;
  }
  const step = size * Math.max(1, Math.floor(partSize / size));
  for (let at = begin; at < end; at += step) yield read(at, Math.min(step, end - at));
}

/** Numbers in row-major order, part by part. */
function* numbersOf(tensor: Named, read: ReadBytes): Generator<Float32Array> {
  const { type, shape, begin, end, layout } = tensor;
  if (layout === "transposed") {
    const [rows, columns] = shape as [number, number];
    const given = type.decode(read(begin, end - begin));
    const turned = new Float32Array(given.length);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        turned[row * columns + column] = given[column * rows + row]!;
      }
    }
    yield turned;
    return;
  }
  for (const bytes of rowParts(tensor, read)) {
    const part = type.decode(bytes);
    yield layout === "one more" ? part.map((x) => x - 1) : part;
  }
}

/**
 * The weights of a file.
 *
 * @param config What the model's config.json says, or would say
 * @throws {FileError} If the file holds a model that is not read
 */
export function ggufWeights(
  header: GgufHeader,
  config: JsonObject,
  read: ReadBytes,
  path: string,
): WeightSource {
  const tensors = namedTensors(header, config, path);
  const find = (name: string): Named => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new OptionError(`Cannot find tensor ${name} in ${path}`);
    return tensor;
  };
  const parts = function* (name: string, float: "f32" | "f64") {
    for (const part of numbersOf(find(name), read)) {
      yield float === "f32" ? part : Float64Array.from(part);
    }
  };
  return {
    path,
    names: () => tensors.keys(),
    shape: (name) => find(name).shape,
    read(name, float) {
      const all = [...parts(name, float)];
      const length = all.reduce((sum, part) => sum + part.length, 0);
      const out = float === "f32" ? new Float32Array(length) : new Float64Array(length);
      let at = 0;
      for (const part of all) out.set(part, (at += part.length) - part.length);
      return Promise.resolve(out);
    },
    async *parts(name, float) {
      yield* parts(name, float);
    },
    halves(name) {
      const tensor = find(name);
      const { half } = tensor.type;
      if (half === undefined || !tensor.layout.endsWith("rows")) return undefined;
      return { dtype: half, parts: rowParts(tensor, read) };
    },
  };
}
