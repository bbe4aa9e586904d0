/** Small sweeps over the models and data of a workspace. */

import type { GivenConfig } from "../../train/config/config.ts";
import { sweepMethod } from "../../train/sweep/methods.ts";
import { openSweep } from "../../train/sweep/open_sweep.ts";
import { type SweepPlan, writePlan } from "../../train/sweep/plan_folder.ts";
import type { SweepRequest } from "../../train/sweep/request.ts";
import { SweepState } from "../../train/sweep/sweep_state.ts";
import type { Workspace } from "./workspace.ts";

/** Settings of runs of four steps. */
export const smallRuns: GivenConfig = {
  ...{ backend: "cpu", threads: 1, batch: 8, trainLimit: 16, devLimit: 8, rank: 2, epochs: 2 },
};

/** What is asked for of a workspace: LoRA and HiddenKey on RTE with two seeds, unless something else is. */
export function smallRequest(
  workspace: Workspace,
  { settings, ...changes }: Partial<SweepRequest> = {},
): SweepRequest {
  return {
    name: "small",
    tasks: [{ task: "rte", settings: {} }],
    methods: ["lora", "hiddenkey"].map(sweepMethod),
    seeds: 2,
    presets: [],
    model: workspace.model("bert"),
    data: `${workspace.root}/data`,
    settings: { ...smallRuns, ...settings },
    ...changes,
  };
}

/** A plan of it. */
export async function smallPlan(
  workspace: Workspace,
  changes?: Partial<SweepRequest>,
): Promise<SweepPlan> {
  return (await openSweep(smallRequest(workspace, changes))).plan;
}

/** The same in a new folder. */
export async function plannedSweep(
  workspace: Workspace,
  changes?: Partial<SweepRequest>,
): Promise<SweepState> {
  const folder = await Deno.makeTempDir({ dir: workspace.root });
  await writePlan(folder, await smallPlan(workspace, changes));
  return await SweepState.open(folder);
}

/** The same folder, read anew. */
export function reopened({ folder }: SweepState): Promise<SweepState> {
  return SweepState.open(folder);
}

/** Changes the last number of a model's weights. */
export async function changeWeights(model: string): Promise<void> {
  const path = `${model}/model.safetensors`;
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 2]! ^= 1;
  await Deno.writeFile(path, bytes);
}
