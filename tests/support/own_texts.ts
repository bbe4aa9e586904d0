/** Runs on the user's own texts, with the tiny model and tokenizer of the golden conversations. */

import golden from "../golden/chat/values.json" with { type: "json" };
import type { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import { type GivenConfig, resolveConfig } from "../../train/config/config.ts";
import type { OwnTextName } from "../../train/data/text_tasks.ts";
import { readConfig } from "../../train/run/load_model.ts";
import { loadTokenizer } from "../../train/run/load_tokenizer.ts";
import { openTask } from "../../train/tasks/open.ts";
import type { Task } from "../../train/tasks/task.ts";
import { folderOf } from "./tables.ts";

const base = decodeURIComponent(new URL("../golden/chat/base", import.meta.url).pathname);

/** Rows of tables. */
export type Rows = readonly Readonly<Record<string, unknown>>[];

/** Lines of JSON. */
export function linesOf(rows: Rows): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

/** A temporary folder with a model, its chat template, and data. */
export async function ownFolder(
  train: Rows,
  dev: Rows = train,
  template: string | undefined = golden.templates.chatml,
): Promise<
  AsyncDisposable & { readonly data: string; readonly model: string; readonly path: string }
> {
  const files: Record<string, Uint8Array | string> = {
    "data/train.jsonl": linesOf(train),
    "data/dev.jsonl": linesOf(dev),
  };
  for (const { name } of Deno.readDirSync(base)) {
    files[`model/${name}`] = await Deno.readFile(`${base}/${name}`);
  }
  if (template !== "") files["model/chat_template.jinja"] = template;
  const folder = await folderOf(files);
  const { path } = folder;
  return {
    path,
    data: `${path}/data`,
    model: `${path}/model`,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Opens a task of such a folder. */
export async function openOwn(
  task: OwnTextName,
  { data, model }: { readonly data: string; readonly model: string },
  changes: GivenConfig = {},
): Promise<{ task: Task; tokenizer: Tokenizer }> {
  const config = resolveConfig({ task, data, model, ...changes });
  const tokenizer = await loadTokenizer(model);
  return { task: await openTask(config, await readConfig(model), tokenizer), tokenizer };
}
