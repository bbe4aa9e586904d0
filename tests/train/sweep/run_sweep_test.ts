import { assert, assertEquals, assertRejects } from "@std/assert";
import { DeviceError, FileError } from "../../../core/errors.ts";
import { FolderLock } from "../../../train/files/lock.ts";
import { collect } from "../../../train/sweep/collect.ts";
import { writeOutcome } from "../../../train/sweep/outcome.ts";
import { forgetFailed, runSweep } from "../../../train/sweep/run_sweep.ts";
import { readStarts } from "../../../train/sweep/starts.ts";
import { statusOf } from "../../../train/sweep/status.ts";
import type { SweepState } from "../../../train/sweep/sweep_state.ts";
import { copyFolder } from "../../../train/files/folder.ts";
import { changeWeights, plannedSweep, reopened } from "../../support/sweeps.ts";
import { Workspace } from "../../support/workspace.ts";
import { differencesOf, leftoversIn, runContents } from "../../kills/compare.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Contents of all runs of a sweep. */
async function contentsOfRuns({ folder, plan }: SweepState): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const { id } of plan.runs) {
    const contents = await runContents(`${folder}/runs/${id}/run`);
    for (const [path, text] of Object.entries(contents)) all[`${id}${path}`] = text;
  }
  return all;
}

const statuses = async (sweep: SweepState) =>
  (await collect(sweep.folder)).results.map(({ status }) => status);
const tuned = { tune: ["lr"], grids: { lr: [0.001, 0.01] }, tuneSeeds: 1 };

Deno.test("all runs are made once, those that choose settings first", async () => {
  const sweep = await plannedSweep(workspace, tuned);
  const ended: string[] = [];
  const onEnd = ({ id }: { readonly id: string }) => ended.push(id);
  const counts = await runSweep(sweep, sweep.plan.runs, {}, { onEnd });
  assertEquals(ended, sweep.plan.runs.map(({ id }) => id));
  assertEquals([counts.done, counts.failed, counts.before, counts.left], [8, 0, [], []]);
  const again = await reopened(sweep);
  const second = await runSweep(again, again.plan.runs, {}, { onEnd });
  assertEquals([second.done, second.before.length, ended.length], [0, 8, 8]);
  const { results } = await collect(sweep.folder);
  const [lora, hiddenkey] = ["lora", "hiddenkey"].map((method) =>
    results.filter(({ arm, stage }) => arm.method === method && stage === "report")
      .map(({ settings }) => settings["lr"])
  );
  for (const rates of [lora!, hiddenkey!]) {
    assertEquals(new Set(rates).size, 1);
    assert([0.001, 0.01].includes(rates[0] as number));
  }
  assertEquals(leftoversIn(sweep.folder), []);
});

Deno.test("runs at once have the numbers of each alone, to the bit", async () => {
  const vary = { rank: [2, 4] };
  const [alone, together] = [
    await plannedSweep(workspace, { vary }),
    await plannedSweep(workspace, { vary }),
  ];
  await runSweep(alone, alone.plan.runs);
  let [now, most] = [0, 0];
  const { done } = await runSweep(together, together.plan.runs, { together: 3 }, {
    onBegin() {
      most = Math.max(most, ++now);
      return {};
    },
    onEnd: () => now--,
  });
  assertEquals([done, most], [8, 3]);
  assertEquals(differencesOf(await contentsOfRuns(alone), await contentsOfRuns(together)), []);
});

Deno.test("a run that diverges has failed, and is tried again where that is asked for", async () => {
  const sweep = await plannedSweep(workspace, { settings: { lr: 1e38, clip: 0 }, seeds: 1 });
  const { failed, done } = await runSweep(sweep, sweep.plan.runs);
  assertEquals([failed, done], [2, 0]);
  const { results } = await collect(sweep.folder);
  for (const { status, error, last } of results) {
    assertEquals([status, last], ["failed", {}]);
    assert(/finite/.test(error!), error);
  }
  const { failures } = await statusOf(await reopened(sweep));
  assertEquals(failures.map(({ error }) => error), results.map(({ error }) => error));
  const second = await reopened(sweep);
  const { failed: again, failedBefore } = await runSweep(second, second.plan.runs);
  assertEquals([again, failedBefore.length], [0, 2]);
  assertEquals(await forgetFailed(sweep.folder, sweep.plan.runs), 2);
  assertEquals(await statuses(sweep), ["left", "left"]);
  const third = await reopened(sweep);
  assertEquals((await runSweep(third, third.plan.runs)).failed, 2);
});

Deno.test("what cannot choose its settings is told, and the others are made", async () => {
  const grids = { lr: [1e38] };
  const sweep = await plannedSweep(workspace, { ...tuned, grids, settings: { clip: 0 }, seeds: 1 });
  const { failed, done, impossible } = await runSweep(sweep, sweep.plan.runs);
  assertEquals([failed, done, impossible.length], [2, 0, 2]);
  assertEquals(await statuses(sweep), ["failed", "failed", "waiting", "waiting"]);
  const { remarks } = await statusOf(await reopened(sweep));
  assertEquals(remarks, [
    "lora on rte: each point that was tried has a run that failed",
    "hiddenkey on rte: each point that was tried has a run that failed",
  ]);
});

Deno.test("runs that are reported wait for those that choose their settings", async () => {
  const sweep = await plannedSweep(workspace, tuned);
  const reported = sweep.plan.runs.filter(({ stage }) => stage === "report");
  const { left, done } = await runSweep(sweep, reported);
  assertEquals([left.length, done], [4, 0]);
  assertEquals(await statuses(sweep), [...Array(4).fill("left"), ...Array(4).fill("waiting")]);
});

Deno.test("a run that another process holds is made when that lets it go", async () => {
  const sweep = await plannedSweep(workspace, { seeds: 1 });
  const [first] = sweep.plan.runs;
  const place = `${sweep.folder}/runs/${first!.id}`;
  await Deno.mkdir(place, { recursive: true });
  const lock = await FolderLock.take(place);
  assertEquals(await statuses(sweep), ["running", "left"]);
  const ended: string[] = [];
  let waits = 0;
  await runSweep(sweep, sweep.plan.runs, { interval: 10 }, {
    onEnd: ({ id }) => ended.push(id),
    onWait() {
      waits++;
      void lock[Symbol.asyncDispose]();
    },
  });
  assertEquals(ended, sweep.plan.runs.map(({ id }) => id).reverse());
  assertEquals(waits, 1);
});

Deno.test("a run that its holder ended while its lock was asked for is not made again", async () => {
  const sweep = await plannedSweep(workspace, { seeds: 1 });
  const { tryTake } = FolderLock;
  FolderLock.tryTake = async (place) => {
    const id = place.split("/").at(-1)!;
    const figures = { settings: {}, last: {}, best: {}, seconds: 1 };
    await writeOutcome(sweep.folder, id, { status: "done", ...figures });
    return await tryTake.call(FolderLock, place);
  };
  try {
    const { done, before } = await runSweep(sweep, sweep.plan.runs);
    assertEquals([done, before.length], [0, 2]);
  } finally {
    FolderLock.tryTake = tryTake;
  }
  assertEquals(leftoversIn(sweep.folder), []);
});

Deno.test("what came of a run that cannot be read ends all, and no lock stays", async () => {
  const sweep = await plannedSweep(workspace, { seeds: 1 });
  const { tryTake } = FolderLock;
  let path = "";
  FolderLock.tryTake = async (place) => {
    path = `${place}/outcome.json`;
    await Deno.writeTextFile(path, "{");
    return await tryTake.call(FolderLock, place);
  };
  try {
    await assertRejects(() => runSweep(sweep, sweep.plan.runs), FileError, "outcome.json");
  } finally {
    FolderLock.tryTake = tryTake;
  }
  await Deno.remove(path);
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 10_000);
  const { signal } = stop;
  const { done } = await runSweep(await reopened(sweep), sweep.plan.runs, { signal });
  clearTimeout(timer);
  assertEquals(done, 2);
});

Deno.test("an interrupt leaves runs to go on, with the numbers of those that never stopped", async () => {
  const settings = { saveEvery: 1 };
  const [whole, stopped] = [
    await plannedSweep(workspace, { settings }),
    await plannedSweep(workspace, { settings }),
  ];
  await runSweep(whole, whole.plan.runs);
  const stop = new AbortController();
  let steps = 0;
  const counts = await runSweep(stopped, stopped.plan.runs, { signal: stop.signal }, {
    onBegin: () => ({
      onStep() {
        if (++steps === 6) stop.abort();
      },
    }),
  });
  assertEquals([counts.done, counts.left.length], [1, 3]);
  assertEquals(await statuses(stopped), ["done", "left", "left", "left"]);
  const again = await reopened(stopped);
  assertEquals((await runSweep(again, again.plan.runs)).done, 3);
  assertEquals(differencesOf(await contentsOfRuns(whole), await contentsOfRuns(stopped)), []);
});

Deno.test("a run goes on with the defaults that it began with", async () => {
  const sweep = await plannedSweep(workspace, { seeds: 1, settings: { saveEvery: 1 } });
  const { folder, plan: { runs: [run] } } = sweep;
  const stop = new AbortController();
  const onBegin = () => ({ onStep: () => stop.abort() });
  await runSweep(sweep, [run!], { signal: stop.signal }, { onBegin });
  const path = `${folder}/runs/${run!.id}/run/run.json`;
  const saved = JSON.parse(await Deno.readTextFile(path));
  assertEquals([saved.config.padMultiple, saved.config.kernels], [undefined, "auto"]);
  Object.assign(saved.config, { padMultiple: 4, kernels: "javascript" });
  await Deno.writeTextFile(path, JSON.stringify(saved));
  const again = await reopened(sweep);
  const refused: string[] = [];
  const onRefused = (_: unknown, { message }: Error) => refused.push(message);
  const { done } = await runSweep(again, [run!], {}, { onRefused });
  assertEquals([done, refused], [1, []]);
  const { config } = JSON.parse(await Deno.readTextFile(path));
  assertEquals([config.padMultiple, config.kernels], [4, "auto"]);
});

Deno.test("a run that was over before it was told counts the seconds of all its steps", async () => {
  const sweep = await plannedSweep(workspace, { seeds: 1, settings: { saveEvery: 3 } });
  const { folder, plan: { runs: [run] } } = sweep;
  await runSweep(sweep, [run!]);
  const metrics = `${folder}/runs/${run!.id}/run/metrics.jsonl`;
  const lines = (await Deno.readTextFile(metrics)).trimEnd().split("\n").map((line) => {
    const record = JSON.parse(line);
    return `${
      JSON.stringify("seconds" in record ? { ...record, seconds: 1000 * record.step } : record)
    }\n`;
  });
  await Deno.writeTextFile(metrics, lines.join(""));
  await Deno.remove(`${folder}/runs/${run!.id}/outcome.json`);
  await runSweep(await reopened(sweep), [run!]);
  const { results: [done] } = await collect(folder);
  assertEquals([done!.status, Math.floor(done!.seconds! / 1000)], ["done", 4]);
  const starts = await readStarts(folder, run!.id);
  assertEquals(starts.map(({ goesOn, step }) => [goesOn, step]), [[false, 0], [true, 4]]);
});

Deno.test("a run does not go on with other weights than it began with", async () => {
  const model = workspace.out("model");
  await copyFolder(workspace.model("bert"), model);
  const sweep = await plannedSweep(workspace, { model, seeds: 1, settings: { saveEvery: 1 } });
  const stop = new AbortController();
  const hooks = { onBegin: () => ({ onStep: () => stop.abort() }) };
  await runSweep(sweep, sweep.plan.runs.slice(0, 1), { signal: stop.signal }, hooks);
  await changeWeights(model);
  const refused: string[] = [];
  const again = await reopened(sweep);
  const { done } = await runSweep(again, again.plan.runs, {}, {
    onRefused: ({ id }, { message }) => refused.push(id, message),
  });
  assertEquals([done, refused[0]], [1, sweep.plan.runs[0]!.id]);
  assert(refused[1]!.includes("the weights it began with"), refused[1]);
  assertEquals(await statuses(sweep), ["left", "done"]);
});

Deno.test("what is not the run's own fault is left; a lost device ends all", async () => {
  const sweep = await plannedSweep(workspace, { seeds: 1 });
  const refused: string[] = [];
  const counts = await runSweep(sweep, sweep.plan.runs, { device: { backend: "cuda" } }, {
    onRefused: (_, { message }) => refused.push(message),
  });
  assertEquals([counts.left.length, refused.length], [2, 2]);
  assert(refused[0]!.includes("--backend cuda"), refused[0]);
  assertEquals(await statuses(sweep), ["left", "left"]);
  const lost = () => {
    throw new DeviceError("Cannot go on as the device is lost");
  };
  const fresh = await reopened(sweep);
  const hooks = { onBegin: () => ({ onStep: lost }) };
  await assertRejects(() => runSweep(fresh, fresh.plan.runs, { together: 2 }, hooks), DeviceError);
  assertEquals(await statuses(sweep), ["left", "left"]);
});
