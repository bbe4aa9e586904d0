// A tab reads a model that it could not hold, and trains as Deno does.
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { writeShardedModel } from "../../../bench/sharded_model.ts";
import * as library from "../../../mod.ts";
import { bytesAsWeights } from "../../../nn/formats/tensor_bytes.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import type { TabJob, TabVisit, TrainedSteps } from "../../browser/tab_visit.ts";
import { trainQuantised } from "../../browser/tab_probe.js";
import { findProgram, outputOf } from "../../support/programs.ts";

const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);
const chromium = findProgram("chromium");

/** A LLaMA whose largest matrix has more than one part of 4 MiB. */
const config = {
  model_type: "llama",
  vocab_size: 9001,
  hidden_size: 256,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 640,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
};
const settings = { quantize: "nf4", steps: 3 } as const;

let folder = "";
Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "hiddenkey-" });
  await writeShardedModel(folder, config, 3_000_000);
});
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));

/** What Deno makes of the folder, read from disk. */
async function trainedHere(): Promise<TrainedSteps> {
  using checkpoint = await Checkpoint.open(folder);
  return await trainQuantised(library, bytesAsWeights(checkpoint), config, settings);
}

/** The folder's files as a page is given them. */
async function chosen(): Promise<File[]> {
  const files: File[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    files.push(new File([await Deno.readFile(`${folder}/${name}`)], name));
  }
  return files;
}

Deno.test("a quantised model of chosen files trains as one from disk, to the bit", async () => {
  const files = await chosen();
  // Two shards, their index and the configuration.
  assertEquals(files.length, 4);
  const weights = await library.openSafetensors(files);
  const { losses, digest } = await trainQuantised(library, weights, config, settings);
  const expected = await trainedHere();
  assertEquals({ losses, digest }, { losses: expected.losses, digest: expected.digest });
  assertEquals(losses.every(Number.isFinite) && new Set(losses).size, 3);
});

Deno.test("a step holds no matrix of floats but one of a layer: the embedding stays in 16 bits", async () => {
  const { bytes } = await trainedHere();
  const matrix = 4 * config.hidden_size * config.intermediate_size;
  const embedding = 2 * config.hidden_size * config.vocab_size;
  assertGreater(bytes.model, embedding);
  // In floats the embedding alone would be twice as large.
  assertLess(bytes.model, 1.3 * embedding);
  assertEquals(bytes.largestOfStep, matrix);
});

Deno.test({
  name: "a tab trains of chosen files and of a server's ranges as Deno does, to the bit" +
    (chromium === undefined ? " (needs chromium)" : ""),
  ignore: chromium === undefined,
  async fn() {
    const site = `${folder}/site`;
    await outputOf("deno", ["task", "bundle", site], here("../../.."));
    const job: TabJob = {
      executablePath: chromium!,
      site,
      model: folder,
      from: ["files", "server"],
      ...settings,
    };
    // Playwright reads below /proc, which Deno grants with all permissions alone.
    const flags = ["--allow-all", "--frozen", `--lock=${here("../../../deno.dev.lock")}`];
    const script = here("../../browser/tab_visit.ts");
    const visits = JSON.parse(
      await outputOf("deno", ["run", ...flags, script, JSON.stringify(job)]),
    ) as TabVisit[];
    const { losses, digest, bytes } = await trainedHere();
    const made = visits.map(({ from, complaints, losses, digest, bytes }) => ({
      ...{ from, complaints, losses, digest, bytes },
    }));
    const expected = { losses, digest, bytes };
    // A browser itself complains of a file that is asked for and not there.
    const absent = "Failed to load resource: the server responded with a status of 404 (Not Found)";
    assertEquals(made, [
      { from: "files", complaints: [], ...expected },
      { from: "server", complaints: [absent], ...expected },
    ]);
  },
});
