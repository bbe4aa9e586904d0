/**
 * The adapter of a run that begins with none.
 *
 * @module
 */

import type { AdapterConfig } from "../../nn/formats/peft_config.ts";
import { declaredBy, ownerOf } from "../../nn/formats/peft_tensors.ts";
import { heads } from "../../nn/models/heads.ts";
import type { ModelConfig } from "../../nn/models/model.ts";
import { architectureOf } from "../../nn/models/registry.ts";
import type { TrainConfig } from "../config/config.ts";
import type { ModelSource } from "../hub/resolve_model.ts";
import type { NewAdapter } from "./adapter.ts";

/** An adapter that saves the modules of some parameters whole too, where it does not yet. */
export function savingToo<A extends AdapterConfig>(adapter: A, drawn: readonly string[]): A {
  const saved = declaredBy(adapter, new Set());
  const owners = drawn.filter((path) => !saved(path)).map(ownerOf);
  return { ...adapter, modulesToSave: [...new Set([...adapter.modulesToSave, ...owners])] };
}

/**
 * What an adapter is to be, by the configuration.
 *
 * @param classifies Whether the model gets a head, which is saved whole
 */
export function newAdapter(
  { rank, alpha, rslora, targets }: TrainConfig,
  architecture: ModelConfig,
  base: Omit<ModelSource, "name">,
  classifies: boolean,
): NewAdapter {
  return {
    targets: targets ?? architectureOf(architecture).targets,
    rank,
    alpha,
    rslora,
    modulesToSave: classifies ? heads : [],
    taskType: classifies ? "SEQ_CLS" : "CAUSAL_LM",
    baseModel: base.id ?? base.directory,
    revision: base.commit,
  };
}
