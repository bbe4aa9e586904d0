/**
 * The tensors of a merged model: what an adapter leaves alone comes from the base file as it is, the
 * rest is computed when it is asked for.
 *
 * @module
 */

import { loraLayers } from "../../nn/lora/lora.ts";
import { type Parameter, parameters } from "../../nn/layers/module.ts";
import type { Checkpoint } from "../files/checkpoint.ts";
import { isUpdate, ownerOf } from "../../nn/formats/peft_tensors.ts";
import {
  decodeFloats,
  encodeFloats,
  type FloatDtype,
  isFloat,
} from "../../nn/formats/safetensors_values.ts";
import type { Model } from "../../nn/models/model.ts";
import type { Loaded } from "../run/load_model.ts";
import type { TensorParts } from "../../nn/formats/safetensors_write.ts";

/** A tensor of a merged model. */
export interface MergedTensor extends TensorParts {
  /** Whether the adapter changed or added it. */
  readonly changed: boolean;
}

/**
 * Lists the tensors, in the base's own names and types. Where a head joins a base without one, all
 * names are written in full: a base model's short names cannot stand beside it.
 *
 * @param given Parameters that the adapter's file holds
 * @param asked Type of all tensors; the base's where absent
 */
export function mergedTensors(
  { model, report: { sources } }: Pick<Loaded<Model>, "model" | "report">,
  given: ReadonlySet<string | undefined>,
  source: Checkpoint,
  asked: FloatDtype | undefined,
): MergedTensor[] {
  const entries = [...parameters(model)].filter(([path]) => !isUpdate(path));
  const inBase = entries.every(([path]) => sources.has(path));
  const layers = new Map(loraLayers(model));
  const usual = source.names().map((name) => source.entry(name).dtype).find(isFloat) ?? "F32";
  return entries.map(([path, parameter]) => {
    const from = sources.get(path);
    const stored = from === undefined ? usual : source.entry(from).dtype;
    const dtype = asked ?? (isFloat(stored) ? stored : usual);
    const layer = path.endsWith(".weight") ? layers.get(ownerOf(path)) : undefined;
    const changed = layer !== undefined || given.has(path) || from === undefined;
    const tensor = { name: inBase ? from! : path, dtype, shape: parameter.shape, changed };
    if (!changed && stored === dtype) return { ...tensor, parts: () => source.parts(from) };
    return {
      ...tensor,
      async *parts() {
        if (!changed) {
          for (const part of source.parts(from)) {
            yield encodeFloats(decodeFloats(part, stored, "f64"), dtype, tensor.name);
          }
          return;
        }
        // One merged weight at a time, so that the model is not held twice.
        layer?.merge();
        yield encodeFloats(await floatsOf(parameter), dtype, tensor.name);
        layer?.unmerge();
      },
    };
  });
}

async function floatsOf({ value }: Parameter): Promise<Float32Array | Float64Array> {
  return await value.read() as Float32Array | Float64Array;
}
