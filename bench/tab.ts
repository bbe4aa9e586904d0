// A model of a billion parameters, quantised and trained in a tab of Chromium, and here.
// deno task bench tab
import { fileURLToPath } from "node:url";
import { quantisedFormats } from "../core/dtype.ts";
import { OptionError } from "../core/errors.ts";
import * as library from "../mod.ts";
import { bytesAsWeights } from "../nn/formats/tensor_bytes.ts";
import { trainQuantised } from "../tests/browser/tab_probe.js";
import type { TabJob, TabVisit, TrainedSteps } from "../tests/browser/tab_visit.ts";
import { findProgram, outputOf } from "../tests/support/programs.ts";
import { type Command, command } from "../train/commands/command.ts";
import { Checkpoint } from "../train/files/checkpoint.ts";
import { common, size } from "./bench.ts";
import { report } from "./measure.ts";
import { llama1B, writeShardedModel } from "./sharded_model.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const gigabytes = (bytes: number) => Number((bytes / 1e9).toFixed(3));

/** A row of the table. */
function rowOf(from: string, { losses, digest, bytes, seconds }: TrainedSteps, resident?: number) {
  return {
    from,
    losses: losses.join(" "),
    adapter: digest.slice(0, 12),
    model: gigabytes(bytes.model),
    peak: gigabytes(bytes.peak),
    largestOfStep: gigabytes(bytes.largestOfStep),
    loadSeconds: Math.round(seconds.load),
    stepSeconds: Math.round(seconds.steps),
    ...(resident !== undefined && { resident: gigabytes(resident) }),
  };
}

/** Trains in tabs and here, and reports. */
export const tabBench: Command = command({
  summary: "Quantise and train a model of a billion parameters in a tab of Chromium",
  usage: "  deno task bench tab --quantize nf4",
  verb: "measure",
  options: {
    layers: size("layers of the model; 16 are those of Llama 3.2 1B", 16),
    steps: size("steps of training", 1),
    quantize: {
      kind: "choice",
      choices: quantisedFormats,
      help: "format of the layers' matrices",
      default: "nf4",
    },
    json: common.json,
  },
  async run({ layers, steps, quantize, json }) {
    const executablePath = findProgram("chromium");
    if (executablePath === undefined) {
      throw new OptionError("Cannot measure as the program chromium is required: found none");
    }
    const folder = await Deno.makeTempDir();
    try {
      const [model, site] = [`${folder}/model`, `${folder}/site`];
      const fields = { ...llama1B, num_hidden_layers: layers };
      await Deno.mkdir(model);
      const written = await writeShardedModel(model, fields, 5e8);
      await outputOf("deno", ["task", "bundle", site], here(".."));
      const from = ["files", "server"] as const;
      const job: TabJob = { executablePath, site, model, quantize, steps, from };
      const flags = ["--allow-all", "--frozen", `--lock=${here("../deno.dev.lock")}`];
      const visit = ["run", ...flags, here("../tests/browser/tab_visit.ts"), JSON.stringify(job)];
      const visits = JSON.parse(await outputOf("deno", visit)) as TabVisit[];
      const rows = visits.map((one) => rowOf(`tab, ${one.from}`, one, one.resident[1]));
      using checkpoint = await Checkpoint.open(model);
      const weights = bytesAsWeights(checkpoint);
      const own = await trainQuantised(library, weights, fields, { quantize, steps });
      report([...rows, rowOf("Deno", own)], json, `${gigabytes(written)} GB in bf16; sizes in GB`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
