/**
 * What runs were computed with: whether files changed under their names, or this package did, between
 * the runs of a sweep.
 *
 * @module
 */

import { isRecord, type JsonObject } from "../../nn/formats/json_record.ts";
import type { TrainConfig } from "../config/config.ts";
import { exists, isFolder } from "../files/files.ts";
import { weightsFingerprint } from "../files/weights_fingerprint.ts";

/** What a run was computed with: a version and fingerprints. */
export interface RunSources {
  /** Of this package, whose defaults the settings of a plan leave out. */
  readonly version?: string;
  /** Of the model's folder; absent for a repository of the hub, which a commit names. */
  readonly weights?: string;
  /** Of its training examples, as the model sees them. */
  readonly trainingData?: string;
  /** Of the examples that it is judged on. */
  readonly developmentData?: string;
}

/** A run whose sources are known. */
export interface SourcedRun {
  /** All its settings. */
  readonly settings: JsonObject;
  /** What it was computed with; absent where nothing is known. */
  readonly sources?: RunSources;
}

/** Settings that data follow, whatever the source. */
const ofData = ["task", "data", "model", "textA", "textB", "label", "maxLength", "pack"];

/** What is compared, in words, and the settings with which it must be the same. */
const kinds = [
  ["version", "the version of this package", []],
  ["weights", "the weights of the model", ["model"]],
  ["trainingData", "the training data", [...ofData, "trainLimit", "devFraction"]],
  ["developmentData", "the development data", [...ofData, "devLimit", "devPart", "devFraction"]],
] as const satisfies readonly (readonly [keyof RunSources, string, readonly string[]])[];

/** Fingerprint of a run's model; undefined for what is neither a folder nor a GGUF file. */
export async function weightsOfRun({ model }: TrainConfig): Promise<string | undefined> {
  const isHere = model !== undefined &&
    (await isFolder(model) || (model.endsWith(".gguf") && await exists(model)));
  return isHere ? await weightsFingerprint(model) : undefined;
}

/** Sources as JSON has them; undefined where there are none. */
export function sourcesOf(value: unknown): RunSources | undefined {
  if (!isRecord(value)) return undefined;
  const known = kinds.flatMap(([name]) => {
    const text = value[name];
    return typeof text === "string" ? [[name, text] as const] : [];
  });
  return known.length === 0 ? undefined : Object.fromEntries(known);
}

/**
 * What changed between runs, a clause each: `the training data of rte (3 runs with
 * others than the first 9)`.
 */
export function changedSources(runs: readonly SourcedRun[]): string[] {
  return kinds.flatMap(([name, words, settings]) => {
    const own = runs.filter(({ sources }) => sources?.[name] !== undefined);
    const groups = Map.groupBy(own, (run) => keyOf(run, settings));
    return [...groups.values()].flatMap((group) => {
      const [first] = group as [SourcedRun];
      const others = group.filter(({ sources }) => sources![name] !== first.sources![name]).length;
      const of = settings.length < 2 ? "" : ` of ${String(first.settings["task"])}`;
      return others === 0
        ? []
        : [`${words}${of} (${others} of ${group.length} runs have others than the first)`];
    });
  });
}

function keyOf({ settings }: SourcedRun, names: readonly string[]): string {
  // What is held back follows the order of the run.
  const drawn = names.includes("devFraction") && settings["devFraction"] !== undefined
    ? ["seed", "orderSeed"]
    : [];
  return JSON.stringify([...names, ...drawn].map((name) => settings[name] ?? null));
}
