import { assert, assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { collect, writeResults } from "../../../train/sweep/collect.ts";
import { writeOutcome } from "../../../train/sweep/outcome.ts";
import type { Outcome } from "../../../train/sweep/outcome.ts";
import { runSweep } from "../../../train/sweep/run_sweep.ts";
import { statusOf } from "../../../train/sweep/status.ts";
import { plannedSweep, reopened } from "../../support/sweeps.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const outcome = (accuracy: number, seconds = 1): Outcome => ({
  status: "done",
  settings: {},
  last: { accuracy },
  best: { accuracy },
  seconds,
});

Deno.test("every planned run has a line in the order of the plan, whatever came of it", async () => {
  const sweep = await plannedSweep(workspace);
  const { folder, plan: { runs } } = sweep;
  await runSweep(sweep, runs.slice(0, 1));
  const failed = { ...outcome(0), status: "failed", last: {}, best: {}, error: "No." } as const;
  await Deno.mkdir(`${folder}/runs/${runs[2]!.id}`, { recursive: true });
  await writeOutcome(folder, runs[2]!.id, failed);
  const { head, results } = await collect(folder);
  assertEquals(head, sweep.plan.head);
  assertEquals(results.map(({ id }) => id), runs.map(({ id }) => id));
  assertEquals(results.map(({ status }) => status), ["done", "left", "failed", "left"]);
  const [done, left, wrong] = results;
  assertEquals([done!.metric, done!.isHigherBetter], ["accuracy", true]);
  assertEquals([done!.settings["rank"], done!.settings["lr"]], [2, 5e-4]);
  assertEquals(["out" in done!.settings, "out" in left!.settings], [false, false]);
  assert(done!.last["accuracy"]! >= 0 && done!.best["accuracy"]! >= done!.last["accuracy"]!);
  assert(done!.seconds! > 0 && done!.peakBytes! > 1000 && done!.backend!.startsWith("CPU"));
  assertEquals([left!.last, left!.best, left!.seconds], [{}, {}, undefined]);
  assertEquals([wrong!.error, wrong!.seconds], ["No.", 1]);
  await writeResults(`${folder}/results.jsonl`, { head, results });
  const lines = (await Deno.readTextFile(`${folder}/results.jsonl`)).trimEnd().split("\n");
  assertEquals(lines.map((line) => JSON.parse(line)), [head, ...results]);
});

Deno.test("courses have the losses of steps and the figures of evaluations", async () => {
  const sweep = await plannedSweep(workspace, { seeds: 1 });
  await runSweep(sweep, sweep.plan.runs.slice(0, 1));
  const { results: [done, left] } = await collect(sweep.folder, { courses: true });
  const steps = done!.course!.filter((line) => "loss" in line);
  const evaluations = done!.course!.filter((line) => "eval_accuracy" in line);
  assertEquals(steps.map(({ step }) => step), [1, 2, 3, 4]);
  assertEquals(evaluations.map(({ step }) => step), [2, 4]);
  assertEquals(evaluations.at(-1)!["eval_accuracy"], done!.last["accuracy"]);
  assertEquals("course" in left!, false);
  assertEquals("course" in (await collect(sweep.folder)).results[0]!, false);
});

Deno.test("generated texts are judged by BLEU of the last evaluation", async () => {
  const sweep = await plannedSweep(workspace, {
    tasks: [{ task: "e2e", settings: {} }],
    model: workspace.model("gpt2"),
    settings: { newTokens: 4, maxLength: 64 },
    seeds: 1,
  });
  await runSweep(sweep, sweep.plan.runs);
  for (const { metric, last, best, status } of (await collect(sweep.folder)).results) {
    assertEquals([status, metric], ["done", "bleu"]);
    assert(Number.isFinite(last["bleu"]) && Number.isFinite(best["loss"]));
  }
});

Deno.test("a value at the edge of its grid, failures and the time left are said", async () => {
  const grids = { lr: [0.001, 0.002, 0.01] };
  const sweep = await plannedSweep(workspace, { tune: ["lr"], grids, tuneSeeds: 1, seeds: 1 });
  const { folder, plan: { runs } } = sweep;
  const give = async (line: number, value: Outcome) => {
    await Deno.mkdir(`${folder}/runs/${runs[line]!.id}`, { recursive: true });
    await writeOutcome(folder, runs[line]!.id, value);
  };
  assertEquals((await statusOf(sweep)).secondsLeft, undefined);
  for (const [line, accuracy] of [0.5, 0.7, 0.6, 0.5, 0.6, 0.7].entries()) {
    await give(line, outcome(accuracy, line < 3 ? 10 * (line + 1) : 100));
  }
  const status = await statusOf(await reopened(sweep));
  assertEquals(status.remarks, [
    "hiddenkey on rte: the best lr, 0.01, lies at the edge of the grid",
  ]);
  assertEquals(status.stages.map(({ counts }) => [counts.done, counts.left]), [[6, 0], [0, 2]]);
  // LoRA's run is taken to need its median, HiddenKey's its own.
  assertEquals(status.secondsLeft, 20 + 100);
  const { results } = await collect(folder);
  assertEquals(results.slice(6).map(({ settings }) => settings["lr"]), [0.002, 0.01]);
  await give(6, { ...outcome(0.5), settings: { lr: 0.002 } });
  await give(7, { ...outcome(0.5), settings: { lr: 0.002 } });
  assertEquals((await statusOf(await reopened(sweep))).remarks, [
    "hiddenkey on rte: the best lr, 0.01, lies at the edge of the grid",
    "hiddenkey on rte: 1 runs have settings that are no longer chosen",
  ]);
  await give(0, { ...outcome(0), status: "failed", last: {}, best: {}, error: "No." });
  const { remarks, failures } = await statusOf(await reopened(sweep));
  assertEquals(remarks.length, 3);
  assertEquals(remarks[0], "lora on rte: 1 of the runs that were tried failed");
  assertEquals(failures.map(({ run, error }) => [run.id, error]), [[runs[0]!.id, "No."]]);
});

Deno.test("what is malformed is refused with its file", async () => {
  const sweep = await plannedSweep(workspace, { seeds: 1 });
  const place = `${sweep.folder}/runs/${sweep.plan.runs[0]!.id}`;
  await Deno.mkdir(place, { recursive: true });
  const cases: [string, string][] = [
    ["{", "outcome.json:1: Cannot parse file"],
    ['{"status":"over"}', "status done or failed"],
    ['{"status":"done"}', "an object in key settings"],
    ['{"status":"done","settings":{}}', "a number in key seconds"],
    ['{"status":"done","settings":{},"seconds":1,"last":{"a":"b"}}', "numbers in key last"],
  ];
  for (const [text, says] of cases) {
    await Deno.writeTextFile(`${place}/outcome.json`, text);
    await assertRejects(() => collect(sweep.folder), FileError, says);
  }
  await Deno.writeTextFile(
    `${place}/outcome.json`,
    '{"status":"done","settings":{},"seconds":1,"last":{"accuracy":null},"best":{}}',
  );
  assertEquals((await collect(sweep.folder)).results[0]!.last["accuracy"], NaN);
  await assertRejects(() => collect(workspace.out("none")), FileError, "plan.json");
});
