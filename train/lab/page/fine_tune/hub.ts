/**
 * Models of the hub, fetched into the page's storage.
 *
 * @module
 */

import { DownloadError, OptionError } from "../../../../core/errors.ts";
import {
  checkpointIndex as index,
  wholeCheckpoint as whole,
} from "../../../../nn/formats/shards.ts";
import { weightMapOf } from "../../../../nn/formats/weight_map.ts";
import { tokenizerFiles } from "../../../../nn/tokenizer/file_names.ts";
import { addressOf } from "../../../hub/client.ts";
import { parseRepository } from "../../../hub/repository.ts";
import type { ModelFiles } from "./model_files.ts";
import type { ModelChoice } from "./protocol.ts";
import { keepFile, keptModel, modelLocked } from "./store.ts";

/** Told of bytes of a file that arrived, and of all of them, 0 where that is not known. */
export type OnFetched = (file: string, done: number, total: number) => void;

const hub = "huggingface.co";

/** Marks that all files of a model are there. */
const complete = ".complete";

/** A file of a repository; undefined where it has none of this name. */
async function request(name: string, file: string): Promise<Response | undefined> {
  const { id, revision } = parseRepository(name);
  const source = addressOf(`https://${hub}`, id, revision, file);
  let response: Response;
  try {
    response = await fetch(source);
  } catch {
    const message = `Cannot fetch the file as a network that reaches ${hub} is required`;
    throw new DownloadError(message, source);
  }
  if (response.ok) return response;
  if (response.status === 404) return undefined;
  const open = "Cannot fetch the file as a repository that is open to all is required";
  throw new DownloadError(`${open}: found status ${response.status}`, source, response.status);
}

/** Fetches one file into the storage, where the repository has it. */
async function fetchFile(name: string, file: string, onFetched: OnFetched): Promise<boolean> {
  const response = await request(name, file);
  if (response?.body == null) return false;
  const total = Number(response.headers.get("content-length") ?? 0);
  await keepFile(name, file, response.body, (done) => onFetched(file, done, total));
  return true;
}

/** Names of the files that hold the weights, by an index that is fetched where there are several. */
async function shardsOf(name: string): Promise<string[]> {
  const found = await request(name, index);
  if (found === undefined) return [whole];
  return [index, ...new Set(weightMapOf(await found.text(), `${name}/${index}`).values())];
}

/**
 * The files of a repository, fetched where they are not kept yet and may be.
 *
 * @throws {OptionError} If the name is none of a repository, or nothing is kept and may be fetched
 * @throws {DownloadError} If the network or the hub refuses, or the repository lacks a file
 */
export async function hubModel(
  { name, mayFetch }: ModelChoice & { kind: "hub" },
  onFetched: OnFetched,
): Promise<ModelFiles> {
  parseRepository(name);
  // Workers of several methods, and of several tabs, fetch a model once.
  return await modelLocked(name, async () => {
    const kept = await keptModel(name);
    if (kept?.files.has(complete)) return kept;
    if (mayFetch) return await fetchModel(name, onFetched);
    throw new OptionError(
      `Cannot open ${name} as this browser keeps no such repository: press Fetch to ask ${hub}`,
    );
  });
}

async function fetchModel(name: string, onFetched: OnFetched): Promise<ModelFiles> {
  const required = async (file: string) => {
    if (await fetchFile(name, file, onFetched)) return;
    throw new DownloadError(`Cannot open model as ${file} is required: found none`, name);
  };
  await required("config.json");
  for (const file of tokenizerFiles) {
    if (file !== "config.json") await fetchFile(name, file, onFetched);
  }
  for (const file of await shardsOf(name)) await required(file);
  await keepFile(name, complete, new Blob([]).stream());
  return (await keptModel(name))!;
}
