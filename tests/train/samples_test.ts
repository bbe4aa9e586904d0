/** `eval` and `predict` with and without `--samples`, on runs whose plan drops half of everything. */

import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import type { GivenConfig } from "../../train/config/config.ts";
import type { TaskName } from "../../train/config/train_options.ts";
import { readGlue } from "../../train/data/glue.ts";
import { openDevice } from "../../train/device/backend.ts";
import { openRun, runConfig } from "../../train/run/open_run.ts";
import { openTask } from "../../train/tasks/open.ts";
import { samplingOf } from "../../train/tasks/sampling.ts";
import type { Metrics } from "../../train/tasks/task.ts";
import { train } from "../../train/train.ts";
import { hiddenkey } from "../support/cli.ts";
import { Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const half = { method: "hiddenkey", rate: 0.5 } as const;
async function trained(task: TaskName, name: string, changes: GivenConfig = {}): Promise<string> {
  const out = workspace.out(name);
  await train(workspace.config(task, { ...changes, out }));
  return out;
}

const runs = {
  rte: trained("rte", "rte", half),
  stsb: trained("stsb", "stsb", half),
  e2e: trained("e2e", "e2e", { ...half, generate: 0 }),
  nothing: trained("rte", "nothing"),
};
for (const run of Object.values(runs)) run.catch(() => {});

async function evaluated(
  run: string,
  changes: GivenConfig = {},
  samples?: number,
): Promise<Metrics> {
  const config = await runConfig(run, changes);
  const { device } = await openDevice(config);
  await using _device = device;
  using _scope = device.scope("evaluation");
  const { model, architecture, tokenizer } = await openRun(run, config, device);
  const task = await openTask(config, architecture, tokenizer);
  const sampling = samplingOf(config, architecture, samples);
  return await task.evaluate(model, device, { final: true, sampling });
}

for (const task of ["rte", "stsb", "e2e"] as const) {
  Deno.test(`an evaluation of ${task} drops nothing where no samples are asked for`, async () => {
    const run = await runs[task];
    const usual = await evaluated(run);
    assertEquals(await evaluated(run), usual);
    assertEquals(await evaluated(run, { method: "lora", rate: 0 }), usual);
    const sampled = await evaluated(run, {}, 1);
    assertNotEquals(sampled["loss"], usual["loss"]);
  });
}

async function printed(...args: string[]): Promise<string> {
  const { code, out, err } = await hiddenkey(...args);
  // Beside figures of labels nothing is said.
  assertEquals([err.replace(/^the labels of all \d+ texts are known:\n(\w+ \S+\n)+$/, ""), code], [
    "",
    0,
  ]);
  return out;
}

async function evalJson(run: string, samples: number): Promise<Record<string, number>> {
  return JSON.parse(await printed("eval", run, "--json", "--samples", `${samples}`));
}

Deno.test("eval --samples judges the mean distribution, and says how far the passes disagree", async () => {
  const run = await runs.rte;
  const [four, again, one] = await Promise.all([
    evalJson(run, 4),
    evalJson(run, 4),
    evalJson(run, 1),
  ]);
  assertEquals(again, four);
  assertEquals(Object.keys(four), [
    "accuracy",
    "loss",
    "nll",
    "brier",
    "ece",
    "predictive_entropy",
    "mutual_information",
  ]);
  assert(four["nll"]! < four["loss"]!);
  assert(four["mutual_information"]! > 1e-4);
  assert(four["predictive_entropy"]! <= Math.log(2));
  assertEquals([one["nll"], one["mutual_information"]], [one["loss"], 0]);
});

Deno.test("predict --samples labels by the mean distribution that eval --samples judges", async () => {
  const run = await runs.rte;
  const dev = await readGlue("rte", workspace.data("rte"), "dev");
  const input = ["--input", `${workspace.data("rte")}/dev.tsv`];
  const usual = await printed("predict", "--run", run, ...input);
  let moved = 0;
  for (const samples of [1, 3]) {
    const { accuracy } = await evalJson(run, samples);
    const args = ["predict", "--run", run, ...input, "--samples", `${samples}`];
    const [out, apart] = [await printed(...args), await printed(...args, "--batch", "3")];
    assertEquals(apart, out);
    const labels = ["entailment", "not_entailment"];
    const rows = out.trimEnd().split("\n").slice(1);
    const right = rows.filter((row, i) => row === `${i}\t${labels[dev[i]!.label!]}`).length;
    assertEquals(right / dev.length, accuracy);
    if (out !== usual) moved++;
  }
  assert(moved > 0, "no label is moved by dropout");
});

Deno.test("eval --samples of scores has their deviation, predict their mean", async () => {
  const run = await runs.stsb;
  const [one, four] = await Promise.all([evalJson(run, 1), evalJson(run, 4)]);
  assertEquals(Object.keys(four), ["pearson", "spearman", "mse", "loss", "score_deviation"]);
  assertEquals(one["score_deviation"], 0);
  assert(four["score_deviation"]! > 1e-3);
  const input = ["--run", run, "--input", `${workspace.data("stsb")}/dev.tsv`];
  const scores = async (...more: string[]) => {
    const [, ...rows] = (await printed("predict", ...input, ...more)).trimEnd().split("\n");
    return rows.map((row) => Number(row.split("\t")[1]));
  };
  const [first, mean] = [await scores("--samples", "1"), await scores("--samples", "4")];
  assertNotEquals(first, mean);
  const dev = await readGlue("stsb", workspace.data("stsb"), "dev");
  const error = first.reduce((sum, score, i) => sum + (score - dev[i]!.label!) ** 2, 0);
  assertAlmostEquals(error / dev.length, one["loss"]!, 5e-3);
});

Deno.test("eval --samples of a language model has token losses alone", async () => {
  const { loss, nll, perplexity, ...rest } = await evalJson(await runs.e2e, 3);
  assertEquals(rest, {});
  assert(nll! < loss!);
  assertAlmostEquals(perplexity!, Math.exp(nll!), 1e-9);
});

Deno.test("--samples is refused where every pass is the same, and where texts are written", async () => {
  const [nothing, e2e] = await Promise.all([runs.nothing, runs.e2e]);
  const rows = ["--input", `${workspace.data("rte")}/dev.tsv`];
  const inputs = ["--input", `${workspace.data("e2e")}/testset.csv`];
  const required = "Cannot use --samples 2 as a run that drops something is required: found one " +
    "with method lora, whose passes are all the same";
  const cases: [args: string[], told: string][] = [
    [["eval", "--run", nothing, "--samples", "2"], required],
    [["predict", "--run", nothing, ...rows, "--samples", "2"], required],
    [
      ["eval", "--run", e2e, "--samples", "2", "--generate", "1"],
      "Cannot use --generate with --samples as texts are written without dropout alone",
    ],
    [
      ["predict", "--run", e2e, ...inputs, "--samples", "2"],
      "Cannot use --samples as a task of classes or scores is required: found e2e, whose texts are " +
      "written without dropout alone",
    ],
    [
      ["eval", "--run", nothing, "--samples", "0"],
      'Cannot use --samples as an integer of at least 1 and below 10001 is required: found "0"',
    ],
  ];
  for (const [args, told] of cases) {
    const { code, err } = await hiddenkey(...args);
    assertEquals([code, err], [1, `error: ${told}\n`]);
  }
});
