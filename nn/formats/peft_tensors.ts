/**
 * The names of an adapter's tensors, and which of a model's parameters belong to it.
 *
 * @module
 */

import type { AdapterConfig } from "./peft_config.ts";

/** Prefix of every tensor name. */
export const peftPrefix = "base_model.model.";

/** Whether a parameter is of a low-rank update. */
export function isUpdate(place: string): boolean {
  return /\.lora_[AB]\.weight$/.test(place);
}

/**
 * The parameter a tensor is for.
 *
 * @param name Name of the tensor, with its prefix
 * @returns Undefined where it repeats another: with all biases PEFT saves those of a head thrice
 */
export function placeOf(name: string): string | undefined {
  if (/\.(original_module|modules_to_save)\.(.*\.)?bias$/.test(name)) return undefined;
  return name.slice(peftPrefix.length).replace(/\.base_layer\.(weight|bias)$/, ".$1");
}

/** The name of a parameter's tensor; adapted layers keep their own parameters a level lower. */
export function adapterTensorName(place: string, adapted: ReadonlySet<string>): string {
  const own = !isUpdate(place) && adapted.has(ownerOf(place));
  return peftPrefix + (own ? place.replace(/(?=[^.]+$)/, "base_layer.") : place);
}

/** Path of the module that a parameter is of. */
export function ownerOf(place: string): string {
  return place.slice(0, Math.max(0, place.lastIndexOf(".")));
}

/**
 * Tells which parameters an adapter holds: updates, modules saved whole, and biases.
 *
 * @param adapted Paths of the adapted layers
 */
export function declaredBy(
  { modulesToSave, bias = "none" }: AdapterConfig,
  adapted: ReadonlySet<string>,
): (place: string) => boolean {
  return (place) => {
    const owner = ownerOf(place);
    if (isUpdate(place)) return true;
    if (place.endsWith(".bias") && (bias === "all" || bias === "lora_only" && adapted.has(owner))) {
      return true;
    }
    const parents = owner.split(".").map((_, i, names) => names.slice(0, i + 1).join("."));
    return parents.some((parent) => modulesToSave.some((name) => parent.endsWith(name)));
  };
}
