/**
 * Work without gradients that several processes do together: each reads model and texts itself, batches
 * are dealt out, and process 0 speaks for all.
 *
 * @module
 */

import metadata from "../../deno.json" with { type: "json" };
import type { Backend } from "../../core/backend.ts";
import type { TrainConfig } from "../config/config.ts";
import { type Facts, requireAgreement } from "../distributed/agreement.ts";
import type { Group } from "../distributed/group.ts";
import { settingFacts } from "../distributed/joined_run.ts";
import { weightsFingerprint } from "../files/weights_fingerprint.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { indifferentSettings } from "../run/resume.ts";
import type { ProgressHooks } from "../tasks/progress.ts";

/** A run whose model is used, and on what. */
export interface SharedWork {
  /** What processes do, as `evaluate`. */
  readonly verb: string;
  /** Folder of the run. */
  readonly run: string;
  /** Its configuration. */
  readonly config: TrainConfig;
  /** What computes. */
  readonly backend: Backend;
  /** What else all must have alike, such as a digest of the texts. */
  readonly facts: Facts;
}

/**
 * Requires that all processes do the same.
 *
 * @throws {TrainingError} In every process, if one has another version, model, adapter, setting or fact
 */
export async function requireSameWork(
  group: Group,
  { verb, run, config, backend, facts }: SharedWork,
): Promise<void> {
  if (group.size === 1) return;
  const { directory } = await resolveModel(config.model, "model");
  const all = {
    "version": metadata.version,
    "backend": backend.name,
    "base model": await weightsFingerprint(directory),
    "run": await weightsFingerprint(run),
    ...settingFacts(config, [...indifferentSettings, "model", "data", "adapter"]),
    ...facts,
  };
  await requireAgreement(group, all, { verb });
}

/** Progress that process 0 alone shows. */
export function progressOfFirst({ rank }: Group, work: ProgressHooks): ProgressHooks {
  return rank === 0 ? work : {};
}
