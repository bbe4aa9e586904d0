import { assert, assertEquals, assertRejects } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { resolveConfig } from "../../../train/config/config.ts";
import { presetFor } from "../../../train/config/presets.ts";
import { acts, withSetting } from "../../../train/sweep/arms.ts";
import { makePlan } from "../../../train/sweep/make_plan.ts";
import { sweepMethod, sweepMethods } from "../../../train/sweep/methods.ts";
import type { SweepRequest } from "../../../train/sweep/request.ts";
import { runId } from "../../../train/sweep/run_id.ts";
import { sweepPreset, sweepPresetRows } from "../../../train/sweep/sweep_presets.ts";

const data = Object.fromEntries(
  ["rte", "mrpc", "stsb", "sst2", "cola", "qnli", "e2e", "webnlg"].map((
    task,
  ) => [task, `D/${task}`]),
);
const planned = (request: SweepRequest, architecture = "roberta") =>
  makePlan(request, { model: "M", architecture, data });
const preset = (name: string, changes: Partial<SweepRequest> = {}) =>
  planned({ ...sweepPreset(name)!, ...changes });

Deno.test("the id of a run is the hash of what it computes", async () => {
  const settings = { task: "rte", data: "D", model: "M", method: "hiddenkey", seed: 3 } as const;
  const id = await runId({ settings });
  assertEquals(id, "cfe0159663cf");
  const turned = { seed: 3, method: "hiddenkey", model: "M", data: "D", task: "rte" } as const;
  assertEquals(await runId({ settings: turned }), id);
  // Defaults that are named, and where it is computed and written, are no part of it.
  const same = {
    ...settings,
    lr: 5e-4,
    backend: "cuda",
    card: "1",
    out: "x",
    saveEvery: 5,
  } as const;
  assertEquals(await runId({ settings: same }), id);
  for (const other of [{ seed: 4 }, { lr: 1e-3 }, { precision: "tf32" }, { data: "E" }] as const) {
    assert(await runId({ settings: { ...settings, ...other } }) !== id);
  }
  const chosen = await runId({ settings, tunedBy: ["b", "a"] });
  assertEquals(chosen, await runId({ settings, tunedBy: ["a", "b"] }));
  assert(chosen !== id);
});

Deno.test("each preset plans the runs of its table or figure", async () => {
  const counts = new Map<string, number>();
  for (const [name] of sweepPresetRows) {
    const { runs, head } = await preset(name, { seeds: 3 });
    counts.set(name, runs.length / 3);
    assertEquals(head.name, name);
    assertEquals(new Set(runs.map(({ id }) => id)).size, runs.length);
  }
  assertEquals(Object.fromEntries(counts), {
    table1: 4 * 15,
    table2: 5,
    table3: 5,
    table4: 4,
    table5: 4,
    table8: 4 * 15,
    figure4: 1 + 3 * 8,
    figure5: 3 * 7,
    figure6: 3,
  });
  const [one, eight] = [await preset("table1"), await preset("table8")];
  assertEquals(eight.runs, one.runs);
  assertEquals([one.head.baseline, eight.head.baseline], ["lora", "hiddenkey"]);
  assertEquals(one.runs.length, 600);
});

Deno.test("runs have the paper's settings of their task and architecture", async () => {
  for (const { arm, settings, seed } of (await preset("table1")).runs) {
    const { method: _, ...paper } = presetFor("paper", arm.task);
    for (const [key, value] of Object.entries(paper)) {
      assertEquals(settings[key as keyof typeof settings], value, key);
    }
    assertEquals([settings.seed, settings.evalStart], [seed, false]);
    assertEquals([settings.model, settings.data], ["M", `D/${arm.task}`]);
    resolveConfig(settings);
  }
  const llama = await planned(sweepPreset("table5")!, "llama");
  assertEquals(llama.runs.map(({ settings }) => settings.lr).slice(0, 2), [5e-4, 5e-4]);
  const course = await preset("figure6");
  assertEquals(course.runs[0]!.settings.evalStart, true);
});

Deno.test("rates and weights tell arms apart only where they do something", async () => {
  const { runs } = await preset("figure4", { seeds: 1 });
  const lora = runs.filter(({ arm }) => arm.method === "lora");
  assertEquals(lora.map(({ arm }) => arm.varied), [{}]);
  assertEquals(runs[1]!.arm, { task: "rte", method: "hiddencut", varied: { rate: 0.01 } });
  const base = { task: "rte", data: "D", model: "M" } as const;
  const where = (name: string) =>
    [...sweepMethods].filter(([, { settings }]) => acts(name, { ...base, ...settings }))
      .map(([word]) => word);
  const idle = ["lora", "neftune", "loraplus", "weight-decay", "label-smoothing"];
  assertEquals(where("rate"), [...sweepMethods.keys()].filter((word) => !idle.includes(word)));
  assertEquals(where("kl"), ["hiddenkey", "hiddenkey-+js", "r-drop"]);
  assertEquals(where("lr"), [...sweepMethods.keys()]);
});

Deno.test("a rate that is varied is that of every place of a method", () => {
  const { settings } = sweepMethod("lora-dropout-ab");
  const rated = withSetting(settings, "rate", 0.2);
  assertEquals(rated.rate, 0.2);
  assertEquals(rated.site!.map(({ position, rate }) => [position, rate]), [
    ["lora", undefined],
    ["update", undefined],
  ]);
  assertEquals(settings.site!.map(({ rate }) => rate), [0.5, 0.5]);
});

const tuned: Partial<SweepRequest> = { tune: ["lr", "rate", "kl"], seeds: 3, tuneSeeds: 2 };

Deno.test("tuning tries every point with seeds that are not reported, before what is", async () => {
  const grids = { lr: [2e-4, 1e-4], kl: [1, 2, 5] };
  const { runs, head } = await preset("table4", { ...tuned, grids });
  assertEquals(head.tuned, {
    lr: [1e-4, 2e-4],
    rate: [0.01, 0.02, 0.05, 0.1, 0.15, 0.2],
    kl: [1, 2, 5],
  });
  const tried = runs.filter(({ stage }) => stage === "tune");
  assertEquals(tried.length, 2 * 2 * (2 + 2 * 6 * 3));
  assertEquals(runs.slice(0, tried.length), tried);
  const reported = runs.slice(tried.length);
  assertEquals(new Set(reported.map(({ seed }) => seed)), new Set([1, 2, 3]));
  assertEquals(new Set(tried.map(({ seed }) => seed)), new Set([100001, 100002]));
  for (const { settings } of tried) assertEquals(settings.devFraction, 0.1);
  const byId = new Map(runs.map((run) => [run.id, run]));
  for (const { arm, settings, tunedBy } of reported) {
    const own = tunedBy!.map((id) => byId.get(id)!);
    assertEquals(own.length, arm.method === "lora" ? 4 : 72);
    assert(own.every((run) => run.arm.task === arm.task && run.arm.method === arm.method));
    assertEquals([settings.lr, settings.devFraction, settings.devPart], [
      undefined,
      undefined,
      undefined,
    ]);
    assertEquals("rate" in settings || "kl" in settings, false);
  }
});

Deno.test("RTE tries the rates that the paper tried on it alone", async () => {
  const { runs, head } = await preset("table5", { tune: ["rate"], tuneSeeds: 1 });
  const ratesOn = (task: string) =>
    new Set(
      runs.flatMap(({ arm, stage }) =>
        arm.task === task && stage === "tune" ? arm.varied.rate! : []
      ),
    );
  assertEquals([ratesOn("rte").size, ratesOn("mrpc").size], [8, 6]);
  assertEquals(head.tuned.rate!.length, 8);
});

Deno.test("one half of dev chooses and the other is reported, by methods without a choice too", async () => {
  const request = { tune: ["rate"], tuneOn: "dev-half", seeds: 1 } as const;
  const { runs } = await preset("table4", request);
  for (const { stage, settings } of runs) {
    assertEquals(settings.devPart, stage === "tune" ? "select" : "report");
    assertEquals(settings.devFraction, undefined);
  }
  assertEquals(runs.filter(({ arm, tunedBy }) => arm.method === "lora" && tunedBy).length, 0);
});

Deno.test("what contradicts itself is not planned", async () => {
  const lora = sweepMethod("lora");
  const mine = { name: "mine", settings: { method: "dropkey" } };
  const site = [{ position: "lora", rate: 0.5 }] as const;
  const cases: [Partial<SweepRequest>, string][] = [
    [{ methods: [lora, lora] }, "found lora twice"],
    [{ methods: [lora, { ...lora, name: "other" }] }, "lora on cola and other on cola"],
    [{ baseline: "hiddencut" }, "one of the methods lora, hiddenkey is required"],
    [{ tuneOn: "dev-half" }, "--tune is required"],
    [{ tune: ["lr"], settings: { lr: 1e-3 } }, "found it fixed"],
    [{ tune: ["rate"], vary: { rate: [0.1] } }, "found it in the arms"],
    [{ tune: ["rat"] }, "the nearest known one is rate"],
    [{ vary: { rnak: [1] } }, "the nearest known one is rank"],
    [{ tune: ["warmup"] }, "--grid warmup=A,B,… is required"],
    [{ vary: { rank: [0] } }, "--rank"],
    [{ seeds: 100001 }, "at most 100000 seeds"],
    [{ presets: ["papr"] }, "papr"],
    [{ settings: { devFraction: 0.2, devPart: "select" } }, "--dev-fraction"],
    [{ tasks: [{ task: "rte", settings: {} }, { task: "rte", settings: { lr: 1 } }] }, "rte twice"],
    [{ tune: ["lr"], tasks: [{ task: "rte", settings: { lr: 1 } }] }, "found it fixed on rte"],
    [{ tune: ["rate"], methods: [lora, { ...mine, settings: { rate: 0.2 } }] }, "fixed by mine"],
    [{ tune: ["rate"], methods: [lora, { ...mine, settings: { site } }] }, "fixed by mine"],
    // What is reported would choose settings too.
    [{ tune: ["lr"], settings: { devFraction: 0.2 } }, "Cannot tune with devFraction"],
    [{ tune: ["lr"], settings: { devPart: "report" } }, "Cannot tune with devPart"],
    [{ vary: { devPart: ["select", "report"] } }, "arms that differ in devPart"],
    [{ tune: ["devFraction"], grids: { devFraction: [0.1] } }, "arms that differ in devFraction"],
    [{ methods: [lora, { ...mine, settings: { bestMetric: "loss" } }] }, "differ in bestMetric"],
    [{ vary: { task: ["rte", "mrpc"] } }, "Cannot plan with task among the settings"],
    [{ settings: { seed: 3 } }, "Cannot plan with seed among the settings"],
  ];
  for (const [changes, says] of cases) {
    await assertRejects(() => preset("table4", changes), OptionError, says);
  }
});
