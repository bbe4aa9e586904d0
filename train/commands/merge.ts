/**
 * `deno task merge`: writes a base model with an adapter as one model directory.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { deviceChoice, deviceOptions } from "../device/backend.ts";
import { helpText, type OptionTable, parseFlags } from "../config/options.ts";
import type { FloatDtype } from "../../nn/formats/safetensors_values.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { mergeAdapter } from "../merge/merge.ts";
import { runConfig } from "../run/open_run.ts";
import { readRun } from "../run/run_folder.ts";
import { classNames } from "../tasks/labelled.ts";
import { showDownloads } from "./downloads.ts";

const options: OptionTable = {
  run: {
    kind: "text",
    help: "folder of a run, which names its base model",
    defaultText: "--adapter",
  },
  adapter: { kind: "text", help: "folder or repository of a PEFT adapter", defaultText: "--run" },
  model: { kind: "text", help: "folder or repository of the base model", defaultText: "the run's" },
  out: { kind: "text", help: "folder for the merged model", required: true },
  dtype: {
    kind: "choice",
    choices: ["f64", "f32", "f16", "bf16"],
    help: "type of all weights",
    defaultText: "the base model's",
  },
  ...deviceOptions,
  backend: { ...deviceOptions.backend, default: "cpu" },
  verbose: { kind: "switch", help: "show stack traces" },
  help: { kind: "switch", help: "show this text" },
};

const usage = `Merges an adapter into its base model and writes a directory that transformers loads.

  deno task merge --run DIR --out DIR
  deno task merge --adapter DIR --model DIR --out DIR`;

/** Runs the command and returns the exit code. */
export async function mergeCommand(args: readonly string[]): Promise<number> {
  const { values, words } = parseFlags(options, args);
  if (words.length > 0) {
    throw new OptionError(`Cannot use the word ${words[0]}: flags are required`);
  }
  if (values["help"]) {
    console.log(helpText(usage, options));
    return 0;
  }
  const { run, adapter, out, dtype, model } = values as Record<string, string | undefined>;
  if (out === undefined) throw new OptionError("Cannot merge without --out: it is required");
  if ((run === undefined) === (adapter === undefined)) {
    throw new OptionError("Cannot merge as one of --run and --adapter is required");
  }
  const { labels, ...places } = run === undefined
    ? { model: baseOf(model), adapter: adapter! }
    : await ofRun(run, model);
  const hooks = showDownloads();
  const { difference, largest, tensors, changed, leftOut } = await mergeAdapter({
    model: (await resolveModel(places.model, "model", hooks)).directory,
    adapter: (await resolveModel(places.adapter, "adapter", hooks)).directory,
    out,
    ...(dtype !== undefined && { dtype: dtype.toUpperCase() as FloatDtype }),
    ...(labels !== undefined && { labels }),
    device: deviceChoice({ backend: "cpu", ...values }, "f32"),
  });
  console.log(`wrote ${out}: ${tensors} tensors, ${changed} of them changed`);
  if (leftOut.length > 0) console.log(`left out, as nothing uses them: ${leftOut.join(", ")}`);
  console.log(
    `largest logit difference to base and adapter apart: ${difference.toExponential(2)} ` +
      `(largest logit ${largest.toPrecision(3)})`,
  );
  return 0;
}

function baseOf(model: string | undefined): string {
  if (model !== undefined) return model;
  throw new OptionError("Cannot merge --adapter without --model: it is required");
}

/** Base model, adapter and class names of a run. */
async function ofRun(run: string, given: string | undefined) {
  const { task, model } = await runConfig(run, given === undefined ? {} : { model: given });
  const labels = classNames(task, (await readRun(run)).classes);
  return { model, adapter: run, labels };
}
