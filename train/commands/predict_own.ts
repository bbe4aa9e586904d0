/**
 * What `predict` writes behind the user's own prompts and conversations.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import type { TokenSampling } from "../../nn/generation/sample.ts";
import type { TrainConfig } from "../config/config.ts";
import { type OwnExample, readOwnTexts } from "../data/own_texts.ts";
import type { OwnTextName } from "../data/text_tasks.ts";
import type { Group } from "../distributed/group.ts";
import { openRun } from "../run/open_run.ts";
import { checkIds } from "../tasks/check_ids.ts";
import { continueTokens } from "../tasks/continuation.ts";
import { OwnTokenizer } from "../tasks/own_prompts.ts";
import { textLines } from "../tasks/prediction_lines.ts";
import { type ProgressHooks, progressOf } from "../tasks/progress.ts";
import { showDownloads } from "./downloads.ts";
import type { GivenInputs } from "./predict_inputs.ts";

/** Which prompts are read, by which run, and how texts are written. */
export interface OwnInputs {
  /** Folder of the run. */
  readonly run: string;
  /** Its configuration. */
  readonly config: TrainConfig;
  /** Where it is computed. */
  readonly device: Device;
  /** Where prompts come from. */
  readonly given: GivenInputs;
  /** Prompts that are continued together. */
  readonly batch: number;
  /** How tokens are drawn; undefined for none. */
  readonly drawing: TokenSampling | undefined;
  /** Whether lines are JSON objects. */
  readonly form: { readonly json: boolean };
  /** Who is told of the progress. */
  readonly work: ProgressHooks;
  /** The processes that share the prompts. */
  readonly group: Group;
}

/**
 * A line for each row of a file or each text, which is a prompt, or what a user says.
 *
 * @throws {FileError | OptionError} If a row is malformed, or a prompt cannot be continued
 */
export async function ownContinuations(inputs: OwnInputs, task: OwnTextName): Promise<string[]> {
  const { run, config, device, given, batch, drawing, form, work, group } = inputs;
  const examples = await readInputs(given, task);
  const { model, architecture, tokenizer } = await openRun(run, config, device, showDownloads());
  const own = new OwnTokenizer(tokenizer, architecture, task === "chat", config.model);
  const prompts = examples.map((example) => {
    const prompt = own.continued(example);
    const { row, index } = example;
    const rules = { config: architecture, tokenizer };
    checkIds(prompt, rules, { path: row?.path, name: `prompt ${index}` });
    return prompt;
  });
  const texts = await continueTokens(model, device, prompts.map(({ ids }) => ids), {
    tokenizer,
    config: architecture,
    newTokens: config.newTokens,
    search: config,
    batch,
    eosIds: [...architecture.eosIds, ...own.endIds],
    sampling: drawing,
    onWritten: progressOf("generating", prompts.length, work),
    group,
  });
  return textLines(prompts.map(({ text }) => text), texts, form.json);
}

async function readInputs(
  { input, text = [] }: GivenInputs,
  task: OwnTextName,
): Promise<OwnExample[]> {
  if (input !== undefined) return await readOwnTexts(task, [input], false);
  return text.map((one, index) => ({
    text: task === "chat"
      ? { messages: [{ role: "user", content: one }] }
      : { prompt: one, completion: undefined },
    index,
  }));
}
