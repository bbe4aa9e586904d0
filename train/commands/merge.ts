/**
 * `deno task merge`: writes a base model with an adapter as one model directory.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { deviceOptions } from "../config/device_options.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { mergeAdapter } from "../merge/merge.ts";
import { runConfig } from "../run/open_run.ts";
import { readRun } from "../run/run_folder.ts";
import { classNames } from "../tasks/labelled.ts";
import { type Command, command } from "./command.ts";
import { showDownloads } from "./downloads.ts";

/** Names of weight types, as options have them, and as safetensors files do. */
const dtypes = { f64: "F64", f32: "F32", f16: "F16", bf16: "BF16" } as const;

/** Merges an adapter into its base model, as a folder. */
export const mergeCommand: Command = command({
  summary: "Merge an adapter into its base model: a directory that transformers loads",
  usage: `  deno task merge --run DIR --out DIR
  deno task merge --adapter DIR --model DIR --out DIR`,
  verb: "merge",
  options: {
    run: {
      group: "model",
      kind: "text",
      help: "folder of a run, which names its base model",
      defaultText: "--adapter",
    },
    adapter: {
      group: "model",
      kind: "text",
      help: "folder or repository of a PEFT adapter",
      defaultText: "--run",
    },
    model: {
      group: "model",
      kind: "text",
      help: "folder or repository of the base model",
      defaultText: "the run's",
    },
    out: { group: "output", kind: "text", help: "folder for the merged model", required: true },
    dtype: {
      group: "output",
      kind: "choice",
      choices: ["f64", "f32", "f16", "bf16"],
      help: "type of all weights",
      defaultText: "the base model's",
    },
    ...deviceOptions,
    backend: { ...deviceOptions.backend, default: "cpu" },
  },
  async run({ run, adapter, out, dtype, model, ...device }) {
    const { labels, ...places } = await placesOf(run, adapter, model);
    const hooks = showDownloads();
    const { difference, largest, tensors, changed, leftOut } = await mergeAdapter({
      model: (await resolveModel(places.model, "model", hooks)).directory,
      adapter: (await resolveModel(places.adapter, "adapter", hooks)).directory,
      out,
      ...(dtype !== undefined && { dtype: dtypes[dtype] }),
      ...(labels !== undefined && { labels }),
      device,
      onMessage: hooks.onMessage,
    });
    console.log(`wrote ${out}: ${tensors} tensors, ${changed} of them changed`);
    if (leftOut.length > 0) console.log(`left out, as nothing uses them: ${leftOut.join(", ")}`);
    console.log(
      `largest logit difference to base and adapter apart: ${difference.toExponential(2)} ` +
        `(largest logit ${largest.toPrecision(3)})`,
    );
  },
});

/** Base model and adapter, and of a run the names of its classes. */
async function placesOf(
  run: string | undefined,
  adapter: string | undefined,
  model: string | undefined,
): Promise<{ model: string; adapter: string; labels?: readonly string[] | undefined }> {
  if ((run === undefined) === (adapter === undefined)) {
    throw new OptionError("Cannot merge as one of --run and --adapter is required");
  }
  if (run !== undefined) return await ofRun(run, model);
  if (model === undefined) {
    throw new OptionError("Cannot merge --adapter without --model: it is required");
  }
  return { model, adapter: adapter! };
}

/** Base model, adapter and class names of a run. */
async function ofRun(run: string, given: string | undefined) {
  const { task, model } = await runConfig(run, given === undefined ? {} : { model: given });
  const labels = classNames(task, (await readRun(run)).classes);
  return { model, adapter: run, labels };
}
