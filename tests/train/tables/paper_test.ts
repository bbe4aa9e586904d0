import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { paperMethod } from "../../../train/tables/beside_paper.ts";
import { paperPValues, paperTables } from "../../../train/tables/paper_figures.ts";
import { tablesOf } from "../../../train/tables/tables.ts";
import { sweepOf } from "../../support/sweep_results.ts";

const cellsOf = (table: number, model: string) =>
  paperTables.find((one) => one.table === table && one.model === model)!.rows;

Deno.test("the averages of 14 of 16 rows of table 1 are those of their cells", () => {
  const rows = cellsOf(1, "RoBERTa-large").map(({ method, cells, average, note }) => {
    const values = Object.values(cells).map(({ value }) => value);
    assertEquals(Object.keys(cells), ["rte", "mrpc", "stsb", "sst2"]);
    return { method, note, mean: values.reduce((a, b) => a + b) / 4, average: average! };
  });
  assertEquals(rows.length, 16);
  // Printed with two decimals.
  const wrong = rows.filter(({ mean, average }) => Math.abs(mean - average) > 0.00501);
  assertEquals(wrong.map(({ method }) => method), [
    "hiddenkey- + input cutoff",
    "hiddenkey- + output dropout",
  ]);
  for (const { mean, average, note } of wrong) {
    assertAlmostEquals(mean - average, 0.75, 0.0051);
    assert(note!.includes(`the cells average ${mean.toFixed(2)}, not what is printed`), note);
  }
});

Deno.test("GLUE's figures but one lie on the grids of their development sets", () => {
  const off: string[] = [];
  const sizes = { rte: 277, mrpc: 408, sst2: 872 };
  for (const { method, cells } of cellsOf(1, "RoBERTa-large").slice(1)) {
    for (const [task, size] of Object.entries(sizes)) {
      // Medians of five seeds, some of which are printed with one decimal.
      const right = cells[task]!.value / 100 * size;
      const apart = Math.abs(right - Math.round(right)) / size * 100;
      if (apart > 0.0501) off.push(`${method} on ${task}: ${cells[task]!.note}`);
    }
  }
  assertEquals(off.length, 1, off.join("\n"));
  assert(
    off[0]!.includes("input cutoff on rte") && off[0]!.endsWith("is no share of 277 examples"),
  );
});

Deno.test("methods of sweeps have the paper's names, with their usual structures", () => {
  const names = ["dropkey", "dropkey (span)", "hiddencut", "dropattention", "hiddenkey-", "lora"];
  assertEquals(names.map(paperMethod), [
    "dropkey (column)",
    "dropkey (span)",
    "hiddencut (element)",
    "dropattention (column)",
    "hiddenkey-",
    "lora",
  ]);
  const rows = new Set(paperTables.flatMap((table) => table.rows.map(({ method }) => method)));
  for (const name of names) assert(rows.has(paperMethod(name)), name);
  for (const { against } of paperPValues) {
    for (const method of Object.keys(against)) assert(rows.has(method), method);
  }
});

Deno.test("the paper's figures stand beside medians of ours, in percent", () => {
  const { paper } = tablesOf(sweepOf([
    { method: "lora", figures: [0.5, 0.6, 0.9], settings: { model: "./models/tiny" } },
    { method: "dropkey (column)", figures: [0.7, 0.65, 0.6], settings: { model: "org/name" } },
    { method: "neftune", figures: [0.7, 0.7, 0.7] },
    { method: "dropkey", varied: { rate: 0.1 }, figures: [0.7] },
  ]));
  assertEquals(paper.map(({ table, model, models }) => [table, model, models]), [
    [1, "RoBERTa-large", ["tiny", "org/name"]],
    [5, "LLaMA2-7B", ["tiny", "org/name"]],
  ]);
  const [lora, dropkey, ...others] = paper[0]!.rows;
  assertEquals(others, []);
  assertEquals([lora!.ours, lora!.difference, lora!.paper], [60, NaN, { value: 84.48, sd: 0.98 }]);
  assertAlmostEquals(dropkey!.ours, 65, 1e-12);
  assertAlmostEquals(dropkey!.difference, 5, 1e-12);
  assertAlmostEquals(dropkey!.paperDifference, 87.36 - 84.48, 1e-12);
  assertAlmostEquals(dropkey!.sd, 5, 1e-12);
});

Deno.test("what is not sure of a cell is said of it alone, and E2E's are means", () => {
  const { paper } = tablesOf(sweepOf([
    { method: "lora", task: "e2e", metric: "bleu", figures: [60, 61, 68] },
    { method: "hiddenkey-", figures: [0.5] },
    { method: "hiddenkey-", task: "mrpc", figures: [0.5] },
  ]));
  const e2e = paper.filter(({ task }) => task === "e2e");
  assertEquals(e2e.map(({ model, statistic }) => [model, statistic]), [
    ["GPT-2 medium", "mean"],
    ["LLaMA2-7B", "mean"],
  ]);
  assertEquals([e2e[0]!.rows[0]!.ours, e2e[0]!.rows[0]!.paper.value], [63, 68.5]);
  const notes = paper.filter(({ table }) => table === 1).map(({ rows }) => rows[0]!.notes.length);
  assertEquals(notes, [2, 1]);
});

Deno.test("table 8 stands beside the p-values of the same two methods, whichever is the baseline", () => {
  const six = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7];
  const sweep = sweepOf([
    { method: "lora", figures: six },
    { method: "hiddenkey", figures: six.map((figure) => figure + 0.1) },
    { method: "dropkey", figures: six.map((figure, i) => figure + (i === 0 ? -0.1 : 0.1)) },
  ]);
  const ours = (baseline: string) => {
    const tests = tablesOf(sweep, { baseline }).paperTests;
    assertEquals(tests.map(({ tasks }) => tasks), ["glue", "glue", "glue", "glue"]);
    return Object.fromEntries(tests.map(({ method, ours }) => [method, ours]));
  };
  assertEquals(ours("lora"), {
    "lora": 2 / 64,
    "dropkey (column)": NaN,
    "hiddencut (element)": NaN,
    "hiddenkey-": NaN,
  });
  // A difference of 0.2 once and of 0 else: every assignment of signs is as far.
  assertEquals(ours("hiddenkey"), { ...ours("lora"), "dropkey (column)": 1 });
});

Deno.test("the average of table 1 stands beside the mean of our medians, of methods with all tasks", () => {
  const all = ["rte", "mrpc", "stsb", "sst2"] as const;
  const metricOf = (task: string) => task === "stsb" ? "pearson" : "accuracy";
  const arms = all.flatMap((task, i) => [
    { method: "lora", task, metric: metricOf(task), figures: [0.5, 0.6 + 0.1 * i, 1] },
    { method: "hiddencut", task, metric: metricOf(task), figures: [0.7 + 0.1 * i] },
    { method: "lora", task, metric: metricOf(task), varied: { rank: 4 }, figures: [0.1] },
  ]);
  const { paper } = tablesOf(sweepOf([...arms, { method: "dropkey", figures: [0.5] }]));
  const averages = paper.filter(({ task }) => task === "the average over rte, mrpc, stsb, sst2");
  assertEquals(averages.map(({ rows }) => rows.map(({ label, runs }) => [label, runs])), [
    [["lora", 12], ["hiddencut", 4]],
  ]);
  const [lora, hiddencut] = averages[0]!.rows;
  assertAlmostEquals(lora!.ours, (60 + 70 + 80 + 90) / 4, 1e-9);
  assertAlmostEquals(hiddencut!.difference, 10, 1e-9);
  assertEquals([lora!.paper, hiddencut!.paper], [{ value: 90.6 }, { value: 91.43 }]);
  assertAlmostEquals(hiddencut!.paperDifference, 0.83, 1e-9);
});

Deno.test("only figures of the paper's metrics stand beside it, and GLUE's p-values beside no other average", () => {
  const six = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7];
  const better = six.map((figure) => figure + 0.1);
  const mixed = six.map((figure, i) => figure + (i === 0 ? -0.1 : 0.1));
  const texts = (["e2e", "webnlg"] as const).flatMap((task) => [
    { task, metric: "bleu", method: "lora", figures: six },
    { task, metric: "bleu", method: "hiddenkey", figures: mixed },
  ]);
  const rte = [{ method: "lora", figures: six }, { method: "hiddenkey", figures: better }];
  const { paperTests, averages } = tablesOf(sweepOf([...texts, ...rte]));
  assertEquals(averages.map(({ tasks }) => tasks), [["e2e", "webnlg"]]);
  const ours = (tasks: string) =>
    paperTests.find((test) => test.tasks === tasks && test.method === "lora")!.ours;
  assertEquals([ours("glue"), ours("e2e")], [2 / 64, 14 / 64]);
  const losses = rte.map((arm) => ({ ...arm, metric: "loss", isHigherBetter: false }));
  const { paper, paperTests: none } = tablesOf(sweepOf(losses));
  assertEquals([paper, none], [[], []]);
});
