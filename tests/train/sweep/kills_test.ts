import { assert, assertEquals } from "@std/assert";
import { runSweep } from "../../../train/sweep/run_sweep.ts";
import { differencesOf, leftoversIn, runContents } from "../../kills/compare.ts";
import { killSweep } from "../../kills/sweep.ts";
import { watchFiles } from "../../support/faults.ts";
import { plannedSweep, reopened } from "../../support/sweeps.ts";
import { Workspace } from "../../support/workspace.ts";

Deno.test("a sweep of three processes that are killed ends as one that never was", async () => {
  const found = await killSweep({ kills: 3, seeds: 1, epochs: 10, seed: 1 });
  assertEquals(found.differences, []);
  assertEquals(found.runs, 12);
  assert(found.starts >= 12 && found.starts <= 12 + found.kills);
});

Deno.test("a run that is halted at any file operation of the sweep's own ends as if it never was", async () => {
  await using workspace = await Workspace.open();
  const make = () => plannedSweep(workspace, { seeds: 1, settings: { epochs: 1 } });
  const whole = await make();
  const [run] = whole.plan.runs;
  const place = `${whole.folder}/runs/${run!.id}`;
  using watched = watchFiles({ under: place });
  await runSweep(whole, [run!]);
  watched[Symbol.dispose]();
  const expected = await runContents(`${place}/run`);
  const own = watched.operations.flatMap(({ path }, at) =>
    path.startsWith(`${place}/run/`) ? [] : [at]
  );
  assert(own.length > 10);
  for (const at of own) {
    const sweep = await make();
    const under = `${sweep.folder}/runs/${run!.id}`;
    using files = watchFiles({ under, at, fault: "halt" });
    await runSweep(sweep, [run!]).catch(() => {});
    files[Symbol.dispose]();
    assert(files.fired);
    const again = await reopened(sweep);
    const { done, before, left } = await runSweep(again, [run!]);
    assertEquals([done + before.length, left], [1, []], `halted at ${at}`);
    assertEquals(differencesOf(expected, await runContents(`${under}/run`)), []);
    assertEquals(leftoversIn(under), [], `halted at ${at}`);
  }
});
