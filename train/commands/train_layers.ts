/**
 * What `train` is told beside its flags, and by whom: presets, the run that is resumed, a file.
 *
 * @module
 */

import { readConfigFile } from "../config/config_file.ts";
import type { GivenConfig } from "../config/config.ts";
import { type Layer, resolveLayers } from "../config/parse.ts";
import { dependsOnModel, presetLayers, requirePresets } from "../config/presets.ts";
import { trainOptions } from "../config/train_options.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { readConfig } from "../run/load_model.ts";
import { savedOptions } from "../run/open_run.ts";
import { findResumed } from "../run/resume.ts";
import { showDownloads } from "./downloads.ts";

/** Layers of options of a run. */
type TrainLayer = Layer<typeof trainOptions>;

/** What says where layers come from, and the flags themselves. */
interface Flags extends GivenConfig {
  readonly config?: string;
  readonly resume?: string;
  readonly preset?: readonly string[];
}

/**
 * The layers between defaults and flags: preset < resumed run < file.
 *
 * @throws {OptionError | FileError} If a preset is unknown, or a run or a file cannot be read
 */
export async function trainLayers(given: Flags): Promise<TrainLayer[]> {
  const { config: path, resume, preset: presets = [] } = given;
  requirePresets(presets);
  const own = [
    ...(resume === undefined ? [] : [await resumedLayer(resume)]),
    ...(path === undefined
      ? []
      : [{ source: `file ${path}`, values: await readConfigFile(trainOptions, path) }]),
  ];
  const { task, model } = Object.assign({}, ...own.map(({ values }) => values), given);
  if (task === undefined) return own;
  const usual = [...presetLayers(presets, task), ...own];
  if (model === undefined || !presets.some(dependsOnModel)) return usual;
  // What is missing is said before anything is downloaded.
  resolveLayers(trainOptions, "train", [...usual, { source: "flag", values: given }]);
  const { directory } = await resolveModel(model, "model", showDownloads());
  const { architecture } = await readConfig(directory);
  return [...presetLayers(presets, task, architecture), ...own];
}

async function resumedLayer(resume: string): Promise<TrainLayer> {
  const { run, saved, step } = await findResumed(resume);
  return { source: `run ${run} (resumed)`, values: savedOptions(run, saved, step) };
}
