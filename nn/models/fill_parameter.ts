/**
 * Numbers of a source as the value of a parameter.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { empty, tensorFromParts } from "../../core/memory.ts";
import type { Parameter } from "../layers/module.ts";
import { finiteParts } from "./finite_weights.ts";
import { fileOf, type WeightSource } from "./weight_source.ts";

/** Where numbers go. */
export interface FillTarget {
  /** Holds them. */
  readonly device: Device;
  /** Whether memory is reserved alone, and no number is read; default false. */
  readonly blank?: boolean;
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
  { device, blank = false }: FillTarget,
): Promise<void> {
  const { float } = device;
  if (blank) return void (parameter.value = empty(device, parameter.shape));
  const given = source.parts?.(name, float) ?? [source.read(name, float)];
  const parts = finiteParts(given, { name, path: fileOf(source, name) });
  parameter.value = await tensorFromParts(device, parameter.shape, float, parts, name);
}
