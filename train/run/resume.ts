/**
 * What a run is resumed from, and whether it goes on as it was.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shortened } from "../../core/excerpt.ts";
import type { TrainConfig } from "../config/config.ts";
import { kebab } from "../config/options.ts";
import { canonicalJson } from "../files/canonical_json.ts";
import { exists } from "../files/files.ts";
import { type Changes, readRun, type SavedRun } from "./run_folder.ts";
import { checkpointSteps, findCheckpoint, stepOfCheckpoint } from "./training_checkpoint.ts";

/** A run that is resumed. */
export interface Resumed {
  /** Its folder. */
  readonly run: string;
  /** What it goes on from; undefined where it was stopped before its first checkpoint. */
  readonly checkpoint: string | undefined;
  /** Optimiser steps done there. */
  readonly step: number;
  /** What run.json says. */
  readonly saved: SavedRun;
  /** Whether the run came to its end, and was not named by one of its checkpoints. */
  readonly isFinished: boolean;
}

/**
 * Finds what a path means: a checkpoint, or the last one of a run. A run that was stopped before its
 * first checkpoint begins again.
 *
 * @throws {FileError} If there is neither
 */
export async function findResumed(path: string): Promise<Resumed> {
  const clean = path.replace(/\/+$/, "");
  const isRun = !await exists(`${clean}/trainer_state.json`) && await exists(`${clean}/run.json`);
  if (isRun && (await checkpointSteps(clean)).length === 0) {
    const saved = await readRun(clean);
    return { run: clean, checkpoint: undefined, step: 0, saved, isFinished: isOver(saved) };
  }
  const { run, checkpoint } = await findCheckpoint(clean);
  const saved = await readRun(run);
  const step = await stepOfCheckpoint(checkpoint);
  return { run, checkpoint, step, saved, isFinished: isRun && isOver(saved) };
}

/** The folder of the run that a path means: of a run, or of one of its checkpoints. */
export async function runOf(path: string): Promise<string> {
  const clean = path.replace(/\/+$/, "");
  const isCheckpoint = await exists(`${clean}/trainer_state.json`);
  return isCheckpoint || !await exists(`${clean}/run.json`)
    ? (await findCheckpoint(clean)).run
    : clean;
}

function isOver({ result }: SavedRun): boolean {
  return result !== undefined;
}

/** Settings that no result depends on: where and how it is computed, and what is kept of it. */
export const indifferentSettings = [
  ...["backend", "card", "kernels", "threads", "blas"] as const,
  ...["distributed", "mpi", "nccl", "rendezvous", "distributedTimeout"] as const,
  ...["gradientCheckpointing", "out", "saveEvery", "keep", "result", "tensorboard"] as const,
] satisfies readonly (keyof TrainConfig)[];

/** Settings of a run that is resumed that are not those it was made with. */
export function changesOf(before: TrainConfig, config: TrainConfig): Changes {
  const names = new Set([...Object.keys(before), ...Object.keys(config)]);
  const valueOf = (one: TrainConfig, name: string) => one[name as keyof TrainConfig] ?? null;
  const changed = [...names].flatMap((name) => {
    const [from, to] = [valueOf(before, name), valueOf(config, name)];
    return (indifferentSettings as readonly string[]).includes(name) ||
        canonicalJson(from) === canonicalJson(to)
      ? []
      : [[name, { from, to }] as const];
  });
  return Object.fromEntries(changed);
}

/**
 * Refuses changes.
 *
 * @throws {OptionError} If there are some
 */
export function requireUnchanged(changes: Changes): void {
  const list = Object.entries(changes);
  if (list.length === 0) return;
  const found = list.map(([name, { to }]) => `--${kebab(name)} ${textOf(to)}`).join(" and ");
  const required = list.map(([, { from }]) => textOf(from)).join(" and ");
  throw new OptionError(
    `Cannot resume with ${found} as the run has ${required}: --change goes on with it, and says so ` +
      "in run.json",
  );
}

function textOf(value: unknown): string {
  if (value === null) return "the default";
  return shortened(typeof value === "string" ? value : JSON.stringify(value), 200);
}
