/**
 * Adapting a model as an adapter configuration of PEFT's says: its rules for targets, ranks, alphas
 * and tied weights.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { Linear } from "../layers/linear.ts";
import type { WeightSource } from "../models/weight_source.ts";
import { modules, parameters } from "../layers/module.ts";
import type { Model } from "../models/model.ts";
import { excerpt } from "../../core/excerpt.ts";
import type { AdapterConfig } from "./peft_config.ts";
import { chooseTargets, patternValues } from "./peft_targets.ts";
import { ownerOf, peftPrefix } from "./peft_tensors.ts";
import { applyLora } from "../lora/apply.ts";
import { heads } from "../models/heads.ts";

/**
 * Adapts a model, which has its numbers already, to an adapter of any kind that PEFT writes.
 *
 * @param source The adapter's tensors, which {@linkcode fillAdapter} then reads
 * @param path Name of the configuration file, for messages
 * @throws {FileError} If the configuration names what this model does not have, or what cannot be
 * adapted
 * @example
 * ```ts ignore
 * const adapter = parseAdapterConfig(await (await fetch("adapter_config.json")).json());
 * const weights = await (await fetch("adapter_model.safetensors")).arrayBuffer();
 * const source = parseSafetensors(weights, "adapter_model.safetensors");
 * applyAdapterConfig(model, adapter, source);
 * await fillAdapter(model, adapter, source, device);
 * ```
 */
export function applyAdapterConfig(
  model: Model,
  adapter: AdapterConfig,
  source: WeightSource,
  path = "adapter_config.json",
): void {
  if (unties(model, adapter, source)) model.untie();
  const { rank, alpha, rslora = false, rankPattern = {}, alphaPattern = {} } = adapter;
  const all = [...modules(model)];
  const paths = all.map(([place]) => place);
  const linears = all.flatMap(([place, module]) => module instanceof Linear ? [place] : []);
  for (const name of adapter.modulesToSave) {
    const known = heads.some((head) => head === name) ||
      paths.some((place) => place.endsWith(name));
    if (!known) {
      throw new FileError(
        `Cannot use modules_to_save of this adapter as a module of this model is required: ` +
          `found ${excerpt(name)}`,
        path,
      );
    }
  }
  const targets = chooseTargets(adapter, paths, linears, path);
  const numbers = (patterns: Readonly<Record<string, number>>) => {
    const valueOf = patternValues(patterns, path);
    return Object.fromEntries(targets.flatMap((place) => {
      const value = valueOf(place);
      return value === undefined ? [] : [[place, value]];
    }));
  };
  const [ranks, alphas] = [numbers(rankPattern), numbers(alphaPattern)];
  applyLora(model, { targets, rank, alpha, rslora, ranks, alphas });
}

/** Whether an adapter changes an output layer or an embedding that are one without the other. */
function unties(model: Model, { modulesToSave }: AdapterConfig, source: WeightSource): boolean {
  const { tied } = model;
  if (tied === undefined) return false;
  const [path] = [...parameters(model)].find(([, parameter]) => parameter === tied)!;
  return modulesToSave.some((name) => ownerOf(path).endsWith(name)) ||
    [...source.names()].some((name) => name.startsWith(`${peftPrefix}lm_head.`));
}
