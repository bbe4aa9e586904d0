import type { GivenConfig } from "../../train/config/config.ts";
import { presetLayers, type PresetName } from "../../train/config/presets.ts";
import type { TaskName } from "../../train/config/train_options.ts";

/** What presets come to together. */
export function mergePresets(
  names: readonly PresetName[],
  task: TaskName,
  architecture?: string,
): GivenConfig {
  const layers = presetLayers(names, task, architecture);
  return Object.assign({}, ...layers.map(({ values }) => values));
}
