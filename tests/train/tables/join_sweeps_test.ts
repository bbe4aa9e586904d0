import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { joinSweeps, type NamedSweep } from "../../../train/tables/join_sweeps.ts";
import { tablesOf } from "../../../train/tables/tables.ts";
import { type madeHead, sweepOf } from "../../support/sweep_results.ts";

const settings = { model: "./tiny" };

function sweepOn(task: "rte" | "mrpc", path: string, head: Partial<typeof madeHead> = {}) {
  const arms = [
    { task, method: "lora", figures: [0.5, 0.6, 0.7], settings },
    { task, method: "hiddenkey", figures: [0.6, 0.7, 0.9], settings },
  ];
  return { ...sweepOf(arms, head), path };
}

Deno.test("sweeps of other tasks are one: tables of each task, and the average over all", () => {
  const rte = sweepOn("rte", "a");
  const mrpc = sweepOn("mrpc", "b", {
    name: "table4",
    plan: "fedcba9876543210",
    tuned: { lr: [1e-3, 1e-5] },
  });
  const whole = joinSweeps([rte, mrpc]);
  assertEquals(whole.head, {
    name: "table1, table4",
    plan: "0123456789abcdef, fedcba9876543210",
    baseline: "lora",
    tuned: { lr: [1e-5, 1e-4, 1e-3] },
    version: "0.1.0",
  });
  const tables = tablesOf(whole);
  assertEquals(tables.tasks.map(({ task }) => task), ["rte", "mrpc"]);
  assertEquals(tables.tasks[1]!.scores, tablesOf(mrpc).tasks[0]!.scores);
  const [average] = tables.averages;
  assertEquals(average!.tasks, ["rte", "mrpc"]);
  assertAlmostEquals(average!.rows[0]!.mean, 0.6, 1e-12);
});

Deno.test("one sweep is itself", () => {
  const rte = sweepOn("rte", "a");
  assertEquals(joinSweeps([rte]), rte);
});

Deno.test("sweeps that no table can hold together are refused with what differs", () => {
  const rte = sweepOn("rte", "a");
  const refused = (other: NamedSweep, words: string) =>
    assertThrows(() => joinSweeps([rte, other]), OptionError, words);
  refused(
    sweepOn("rte", "b"),
    "Cannot join sweeps as tasks of its own are required of each: found rte in a and b",
  );
  refused(
    sweepOn("mrpc", "b", { baseline: "hiddenkey" }),
    "Cannot join sweeps as one baseline is required: found lora in a and hiddenkey in b",
  );
  refused(
    sweepOn("mrpc", "b", { tuned: { rate: [0.1, 0.2] } }),
    "Cannot join sweeps as one set of tuned options is required: found lr in a and rate in b",
  );
  const large = sweepOf([{
    task: "mrpc",
    method: "lora",
    figures: [1],
    settings: { model: "big" },
  }]);
  refused(
    { ...large, path: "b" },
    "Cannot join sweeps as one model is required: found tiny in a and big in b",
  );
});
