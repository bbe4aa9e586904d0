import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { tablesCommand } from "../../../train/commands/tables.ts";
import type { Tables } from "../../../train/tables/contents.ts";
import { FolderLock } from "../../../train/files/lock.ts";
import { sweepMethod } from "../../../train/sweep/methods.ts";
import { openSweep } from "../../../train/sweep/open_sweep.ts";
import { writeOutcome } from "../../../train/sweep/outcome.ts";
import { folderOfRun, writePlan } from "../../../train/sweep/plan_folder.ts";
import { task } from "../../support/cli.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** A sweep's folder whose runs were done by hand, all but the last; hiddenkey has 0.1 more. */
async function sweepFolder(name: string): Promise<string> {
  const { plan } = await openSweep({
    name,
    tasks: [{ task: "rte", settings: {} }],
    methods: ["lora", "hiddenkey"].map(sweepMethod),
    tune: ["lr"],
    grids: { lr: [1e-4, 1e-3, 1e-2] },
    tuneSeeds: 1,
    seeds: 7,
    presets: [],
    model: workspace.model("bert"),
    data: `${workspace.root}/data`,
  });
  const folder = workspace.out(name);
  await writePlan(folder, plan);
  for (const { id, arm, seed, settings } of plan.runs.slice(0, -1)) {
    const lr = settings.lr ?? 1e-3;
    const gain = arm.method === "hiddenkey" ? 0.1 : 0;
    const accuracy = 0.5 + gain + 0.01 * (seed % 3) - 0.02 * Math.abs(Math.log10(lr) + 3);
    await Deno.mkdir(`${folderOfRun(folder, id)}/run`, { recursive: true });
    const lines = [{ step: 1, loss: 0.7 }, { step: 2, loss: 0.5 }, {
      step: 2,
      eval_accuracy: accuracy,
    }];
    await Deno.writeTextFile(
      `${folderOfRun(folder, id)}/run/metrics.jsonl`,
      lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
    const figures = { accuracy, loss: 0.5 };
    await writeOutcome(folder, id, {
      ...{
        status: "done",
        settings: { ...settings, lr },
        last: figures,
        best: figures,
        seconds: 2,
      },
    });
  }
  return folder;
}

async function tablesOfFolder(folder: string, ...args: string[]): Promise<Tables> {
  const out = `${folder}/tables.json`;
  await tablesCommand.run([folder, "--out", out, "--force", ...args]);
  return JSON.parse(await Deno.readTextFile(out));
}

Deno.test("the folder of a sweep is read as it is, with what is left counted", async () => {
  const folder = await sweepFolder("own");
  const tables = await tablesOfFolder(folder);
  const [lora, hiddenkey] = tables.tasks[0]!.scores;
  assertEquals([lora!.n, hiddenkey!.n, hiddenkey!.planned, hiddenkey!.unfinished], [7, 6, 7, 1]);
  const [comparison] = tables.tasks[0]!.comparisons;
  assertEquals([comparison!.n, comparison!.p, comparison!.verdict], [6, 2 / 64, "better"]);
  assertEquals(tables.tuning.map(({ chosen }) => chosen), [
    [{ option: "lr", value: 1e-3, isAtEdge: false }],
    [{ option: "lr", value: 1e-3, isAtEdge: false }],
  ]);
  assertEquals(tables.tuning[0]!.tried.map(({ settings }) => settings["lr"]), [1e-4, 1e-3, 1e-2]);
  assertEquals(tables.courses, []);
  // While a process works on a run, and with the permissions of the task.
  const { id } = (await Deno.readTextFile(`${folder}/plan.jsonl`)).trim().split("\n")
    .map((line) => JSON.parse(line)).at(-1);
  await Deno.mkdir(`${folder}/runs/${id}`);
  await using _lock = await FolderLock.take(`${folder}/runs/${id}`);
  const { code, out, err } = await task("tables", folder);
  assertEquals([code, err], [0, ""]);
  assertStringIncludes(out, "| **hiddenkey** | 6 of 7 (1 unfinished) |");
  assertStringIncludes(
    tables.warnings.join("\n"),
    "Of 14 runs, 1 did not end yet (hiddenkey on rte)",
  );
});

Deno.test("courses are drawn where they are asked for, and of figure 6 without", async () => {
  const [own, figure6] = [await sweepFolder("courses"), await sweepFolder("figure6")];
  const asked = await tablesOfFolder(own, "--courses");
  const usual = await tablesOfFolder(figure6);
  const without = await tablesOfFolder(figure6, "--no-courses");
  for (const { courses } of [asked, usual]) {
    assertEquals(courses[0]!.courses.map(({ runs, loss }) => [runs, loss.steps]), [
      [7, [1, 2]],
      [6, [1, 2]],
    ]);
    assert(courses[0]!.courses[1]!.evaluations[0]!.mean > 0.6);
  }
  assertEquals(without.courses, []);
});
