import { assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { runAt, schedulerIndex } from "../../../train/sweep/scheduler_index.ts";

const from = (values: Record<string, string>) => schedulerIndex((name) => values[name]);

Deno.test("Slurm, Kubernetes and MPI number the runs of a plan, and it is said which did", () => {
  assertEquals(from({}), undefined);
  for (const source of ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "PMI_RANK"]) {
    assertEquals(from({ [source]: "12" }), { index: 12, source });
  }
  const both = { PMI_RANK: "1", SLURM_ARRAY_TASK_ID: "2" };
  assertEquals(from(both), { index: 2, source: "SLURM_ARRAY_TASK_ID" });
});

Deno.test("a number that is none, or beyond the plan, is refused", () => {
  for (const text of ["", "-1", "1.5", "0x1", "1e3", "a"]) {
    assertThrows(() => from({ PMI_RANK: text }), OptionError, "Cannot use PMI_RANK");
  }
  const runs = ["a", "b"];
  assertEquals(runAt(runs, { index: 1, source: "--index" }), "b");
  assertThrows(() => runAt(runs, { index: 2, source: "--index" }), OptionError, "below 2");
  assertThrows(() => runAt([], { index: 0, source: "--index" }), OptionError, "below 0");
});
