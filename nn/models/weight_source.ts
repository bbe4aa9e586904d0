/**
 * Where the numbers of a model come from.
 *
 * @module
 */

import type { Half } from "../../core/dtype.ts";
import { FileError } from "../../core/errors.ts";
import { sameShape } from "../../core/shape.ts";
import type { Parameter } from "../layers/module.ts";

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
  halves?(name: string): HalfParts | undefined;
}

/** Bits of a tensor of 16 bits, part by part. */
export interface HalfParts {
  /** What they stand for. */
  readonly dtype: Half;
  /** Whole elements in each part, which is used up before the next is asked for. */
  readonly parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** Numbers on the host. */
export type Floats = Float32Array | Float64Array;

/** Numbers of a tensor part by part, all at once where the source knows no parts. */
export async function* partsOf(
  source: Pick<WeightSource, "read" | "parts">,
  name: string,
  float: "f32" | "f64",
): AsyncIterable<Floats> {
  yield* source.parts?.(name, float) ?? [await source.read(name, float)];
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

/** The file that a tensor lies in. */
export function fileOf(source: Pick<WeightSource, "file" | "path">, name: string): string {
  return source.file?.(name) ?? source.path;
}
