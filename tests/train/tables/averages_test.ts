import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { tablesOf } from "../../../train/tables/tables.ts";
import { type MadeArm, sweepOf } from "../../support/sweep_results.ts";

const averagesOf = (...arms: MadeArm[]) => tablesOf(sweepOf(arms)).averages;

const six = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7];

Deno.test("an average is the mean of the tasks' means, whatever their numbers of runs", () => {
  const [table, ...others] = averagesOf(
    { method: "lora", figures: [0.4, 0.6] },
    { method: "lora", task: "mrpc", figures: [0.7, 0.8, 0.9] },
    { method: "lora", task: "stsb", metric: "pearson", figures: [0.9, 0.9] },
  );
  assertEquals(others, []);
  assertEquals(table!.tasks, ["rte", "mrpc", "stsb"]);
  assertEquals(table!.metrics, ["accuracy", "accuracy", "pearson"]);
  const { mean, runs, interval, comparison } = table!.rows[0]!;
  assertAlmostEquals(mean, (0.5 + 0.8 + 0.9) / 3, 1e-12);
  assertEquals([runs, comparison], [7, undefined]);
  // Draws of RTE lie between 0.4 and 0.6, those of MRPC between 0.7 and 0.9.
  assert(interval.low >= (0.4 + 0.7 + 0.9) / 3 && interval.low < mean);
  assert(interval.high <= (0.6 + 0.9 + 0.9) / 3 && interval.high > mean);
});

Deno.test("averages are compared by the seeds that every task has", () => {
  const [table] = averagesOf(
    { method: "lora", figures: six },
    { method: "lora", task: "mrpc", figures: six },
    { method: "hiddenkey", figures: six.map((figure) => figure + 0.04) },
    { method: "hiddenkey", task: "mrpc", figures: [0.48, 0.58, 0.68, 0.48, 0.58] },
    { method: "lora", task: "cola", figures: six },
    { method: "hiddenkey", task: "cola", figures: six.map((figure) => figure + 0.04) },
  );
  const { comparison, baseline } = table!.rows[1]!;
  assertEquals([comparison!.n, comparison!.unpaired, baseline], [5, 1, "lora"]);
  // 0.04 on two tasks and -0.02 on the third.
  assertAlmostEquals(comparison!.difference, 0.02, 1e-12);
  assertEquals([comparison!.p, comparison!.verdict], [2 / 32, "undecided"]);
});

Deno.test("a win on the averages of each seed is found where no task alone decides", () => {
  const gains = [0.06, 0.05, 0.04, -0.03, 0.05, 0.06];
  const [table] = averagesOf(
    { method: "lora", figures: six },
    { method: "lora", task: "mrpc", figures: six },
    { method: "hiddenkey", figures: six.map((figure, i) => figure + gains[i]!) },
    {
      method: "hiddenkey",
      task: "mrpc",
      figures: six.map((figure, i) => figure + gains.at(5 - i)!),
    },
    { method: "dropkey", figures: six },
  );
  const { comparison } = table!.rows[1]!;
  assertEquals([comparison!.p, comparison!.adjusted, comparison!.verdict], [
    2 / 64,
    2 / 64,
    "better",
  ]);
  assertEquals(table!.rows[2]!.missing, ["mrpc"]);
  assertEquals([table!.rows[2]!.mean, table!.rows[2]!.comparison], [NaN, undefined]);
});

Deno.test("the probability of improvement over tasks is its mean", () => {
  const [table] = averagesOf(
    { method: "lora", figures: [0.1, 0.2] },
    { method: "lora", task: "mrpc", figures: [0.1, 0.2] },
    { method: "hiddenkey", figures: [0.2, 0.3] },
    { method: "hiddenkey", task: "mrpc", figures: [0.05, 0.3] },
  );
  assertEquals(table!.rows[1]!.comparison!.improvement.value, (3.5 / 4 + 2 / 4) / 2);
});

Deno.test("figures of different units or directions are not averaged", () => {
  const tables = averagesOf(
    { method: "lora", figures: [0.5] },
    { method: "lora", task: "e2e", metric: "bleu", figures: [68] },
    { method: "lora", task: "webnlg", metric: "loss", isHigherBetter: false, figures: [2] },
  );
  assertEquals(tables, []);
});

Deno.test("a method without the baseline on one of the tasks has an average and no comparison", () => {
  const [table] = averagesOf(
    { method: "lora", figures: six },
    { method: "hiddenkey", figures: six },
    { method: "hiddenkey", task: "mrpc", figures: six },
  );
  const row = table!.rows.find(({ method }) => method === "hiddenkey")!;
  assertAlmostEquals(row.mean, 0.6, 1e-12);
  assertEquals(row.comparison, undefined);
});
