/**
 * Numbers of a source as a matrix in fewer bits.
 *
 * @module
 */

import type { Quantised } from "../../core/dtype.ts";
import { encodeBf16 } from "../../core/half.ts";
import { empty, tensorFromParts } from "../../core/memory.ts";
import { emptyQuantised, quantisedTensor } from "../../core/quantised.ts";
import type { Parameter } from "../layers/module.ts";
import { fillParameter, type FillTarget } from "./fill_parameter.ts";
import { finiteHalves, finiteParts } from "./finite_weights.ts";
import { fileOf, type Floats, partsOf, type WeightSource } from "./weight_source.ts";

/** Fills a matrix that keeps the 16 bits of its source, or has those of the device's activations. */
export async function fillMatrix(
  parameter: Parameter,
  source: WeightSource,
  name: string,
  target: FillTarget,
): Promise<void> {
  const { device, blank = false } = target;
  const bits = source.halves?.(name);
  const rounded = device.activations === "bf16" && bits?.dtype !== "bf16";
  if (bits === undefined && !rounded) return await fillParameter(parameter, source, name, target);
  const tensor = { name, path: fileOf(source, name) };
  const dtype = rounded ? "bf16" : bits!.dtype;
  if (blank) return void (parameter.value = empty(device, parameter.shape, dtype));
  const parts = rounded
    ? roundedParts(finiteParts(partsOf(source, name, "f32"), tensor))
    : finiteHalves(bits!.parts, dtype, tensor);
  parameter.value = await tensorFromParts(device, parameter.shape, dtype, parts, name);
}

/** Fills a matrix with codes of its source's numbers, part by part. */
export async function fillQuantised(
  parameter: Parameter,
  source: WeightSource,
  name: string,
  { device, blank = false }: FillTarget,
  dtype: Quantised,
): Promise<void> {
  if (blank) return void (parameter.value = emptyQuantised(device, parameter.shape, dtype));
  const numbers = finiteParts(partsOf(source, name, "f32"), { name, path: fileOf(source, name) });
  parameter.value = await quantisedTensor(device, parameter.shape, dtype, numbers, name);
}

async function* roundedParts(parts: AsyncIterable<Floats>): AsyncGenerator<Uint16Array> {
  for await (const part of parts) yield encodeBf16(part as Float32Array);
}
