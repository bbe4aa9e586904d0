/**
 * Which files of a repository are needed: never pickled weights, never those of other frameworks.
 *
 * @module
 */

import { weightMapOf } from "../../nn/formats/weight_map.ts";
import { exists, readText } from "../files/files.ts";

/** What a repository is used as, which decides the files that are required of it. */
export type SnapshotKind = "model" | "adapter";

const index = "model.safetensors.index.json";
const weights: Record<SnapshotKind, string> = {
  model: "model.safetensors",
  adapter: "adapter_model.safetensors",
};
const configs: Record<SnapshotKind, string> = {
  model: "config.json",
  adapter: "adapter_config.json",
};

/** Files of tokenizers; what only Python's tools read is fetched too, as the cache is shared. */
const tokenizers = [
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
  "encoder.json",
  "vocab.bpe",
  "spm.model",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
];

/** Files of which a snapshot must have one. */
export type Alternatives = readonly string[];

/** What every snapshot of a kind must have, shards aside. */
const required: Record<SnapshotKind, readonly Alternatives[]> = {
  model: [
    [configs.model],
    ["tokenizer.json", "vocab.txt", "vocab.json", "encoder.json", "spm.model"],
    [weights.model, index],
  ],
  adapter: [[configs.adapter], [weights.adapter]],
};

/** The first requirement that a list of files does not meet. */
export function missingFiles(
  kind: SnapshotKind,
  files: readonly string[],
): Alternatives | undefined {
  return required[kind].find((names) => !names.some((name) => files.includes(name)));
}

/** What to fetch of a repository, shards aside; weights last. */
export function filesToDownload(kind: SnapshotKind, files: readonly string[]): string[] {
  const whole = files.includes(weights[kind]) ? weights[kind] : index;
  const names = kind === "model"
    ? [configs.model, "generation_config.json", ...tokenizers, whole]
    : [configs.adapter, whole];
  return names.filter((name) => files.includes(name));
}

/** Shards that a folder's index names; none where the weights are one file. */
export async function shardsOf(kind: SnapshotKind, directory: string): Promise<string[]> {
  const path = `${directory}/${index}`;
  if (kind === "adapter" || await exists(`${directory}/${weights.model}`)) return [];
  return await exists(path) ? [...new Set(weightMapOf(await readText(path), path).values())] : [];
}

/** The first files that a folder lacks, of which it must have one; undefined where it is whole. */
export async function missingIn(
  kind: SnapshotKind,
  directory: string,
): Promise<Alternatives | undefined> {
  const present: string[] = [];
  for (const name of required[kind].flat()) {
    if (await exists(`${directory}/${name}`)) present.push(name);
  }
  const missing = missingFiles(kind, present);
  if (missing !== undefined) return missing;
  for (const shard of await shardsOf(kind, directory)) {
    if (!await exists(`${directory}/${shard}`)) return [shard];
  }
  return undefined;
}
