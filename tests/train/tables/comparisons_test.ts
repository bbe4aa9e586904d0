import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { tablesOf } from "../../../train/tables/tables.ts";
import { type MadeArm, sweepOf } from "../../support/sweep_results.ts";

const only = <T>([value, ...others]: readonly T[]): T => {
  assertEquals(others, []);
  return value!;
};
const tableOf = (...arms: MadeArm[]) => only(tablesOf(sweepOf(arms)).tasks);

Deno.test("an arm's figures are those of its seeds", () => {
  const { scores } = tableOf({ method: "lora", figures: [0.8, 0.5, 0.7, 0.6] });
  const score = only(scores);
  assertEquals([score.n, score.seeds, score.figures], [4, [1, 2, 3, 4], [0.8, 0.5, 0.7, 0.6]]);
  assertAlmostEquals(score.mean, 0.65, 1e-12);
  // Deviations of 0.05 and 0.15, twice each: (2 × 0.0025 + 2 × 0.0225) / 3.
  assertAlmostEquals(score.sd, Math.sqrt(0.05 / 3), 1e-12);
  assertAlmostEquals(score.median, 0.65, 1e-12);
  assertAlmostEquals(score.interquartileMean, 0.65, 1e-12);
  assert(score.interval.low > 0.5 && score.interval.low < 0.65);
  assert(score.interval.high < 0.8 && score.interval.high > 0.65);
});

const six = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7];
const raised = [0.51, 0.62, 0.73, 0.51, 0.62, 0.73];

Deno.test("six wins of six are better where nothing else is compared", () => {
  const { comparisons } = tableOf(
    { method: "lora", figures: six },
    { method: "hiddenkey", figures: raised },
  );
  const one = only(comparisons);
  assertEquals([one.n, one.unpaired, one.baseline], [6, 0, "lora"]);
  assertAlmostEquals(one.difference, 0.02, 1e-12);
  // All signs as they are or all turned, of 2^6.
  assertEquals([one.p, one.smallestP], [2 / 64, 2 / 64]);
  assertEquals([one.adjusted, one.adjustedOverAll, one.verdict], [2 / 64, 2 / 64, "better"]);
});

Deno.test("six wins of six are undecided among two methods: the adjusted test alone decides", () => {
  const { comparisons } = tableOf(
    { method: "lora", figures: six },
    { method: "hiddenkey", figures: raised },
    { method: "dropkey", figures: [0.5, 0.6, 0.7, 0.6, 0.5, 0.7] },
  );
  const [first, second] = comparisons;
  assertEquals([first!.p, first!.adjusted, first!.verdict], [2 / 64, 4 / 64, "undecided"]);
  // Differences of 0, 0, 0, 0.1, -0.1, 0 add up to 0: every assignment is as far.
  assertEquals([second!.p, second!.adjusted, second!.verdict], [1, 1, "undecided"]);
});

Deno.test("Holm's adjustment is over a task, and over all tasks beside it", () => {
  const tables = tablesOf(sweepOf((["rte", "mrpc"] as const).flatMap((task) => [
    { task, method: "lora", figures: six },
    { task, method: "hiddenkey", figures: raised },
  ])));
  const rows = tables.tasks.flatMap(({ comparisons }) => comparisons);
  assertEquals(rows.map(({ adjusted }) => adjusted), [2 / 64, 2 / 64]);
  assertEquals(rows.map(({ adjustedOverAll }) => adjustedOverAll), [4 / 64, 4 / 64]);
  assertEquals(rows.map(({ verdict }) => verdict), ["better", "better"]);
});

Deno.test("of a metric of which less is better, a smaller value is better", () => {
  const { comparisons } = tableOf(
    { method: "lora", metric: "loss", isHigherBetter: false, figures: six },
    { method: "hiddenkey", metric: "loss", isHigherBetter: false, figures: raised },
  );
  const one = only(comparisons);
  assertAlmostEquals(one.difference, 0.02, 1e-12);
  assertEquals(one.verdict, "worse");
  // A run with a smaller loss is the better one; no two of these are equal.
  const pairs = six.flatMap((base) => raised.map((own) => Number(own < base)));
  assertAlmostEquals(one.improvement.value, pairs.reduce((a, b) => a + b) / 36, 1e-12);
});

Deno.test("the probability of improvement counts ties as one half", () => {
  const { comparisons } = tableOf(
    { method: "lora", figures: [0.1, 0.2] },
    { method: "hiddenkey", figures: [0.2, 0.3] },
  );
  // Of four pairs of runs three are better and one is equal.
  assertEquals(only(comparisons).improvement.value, 3.5 / 4);
});

Deno.test("runs are paired by their seeds, and what has no partner is counted", () => {
  const { comparisons, scores } = tableOf(
    { method: "lora", figures: [0.5, 0.6, 0.7] },
    { method: "hiddenkey", figures: [0.65, 0.8, 0.9], firstSeed: 2 },
  );
  const one = only(comparisons);
  assertEquals([one.n, one.unpaired], [2, 2]);
  assertAlmostEquals(one.difference, (0.05 + 0.1) / 2, 1e-12);
  assertEquals(scores.map(({ n }) => n), [3, 3]);
});

Deno.test("runs that failed, are left or have no finite figure are counted beside the others", () => {
  const { scores, comparisons } = tableOf(
    { method: "lora", figures: [0.5, 0.6, 0.7, 0.8] },
    { method: "hiddenkey", figures: [0.6, undefined, NaN, Infinity, 0.9] },
    { method: "hiddenkey", figures: [undefined, undefined], firstSeed: 6, status: "waiting" },
  );
  const [, { n, planned, failed, notFinite, unfinished, mean }] = scores as [
    unknown,
    typeof scores[0],
  ];
  assertEquals([n, planned, failed, notFinite, unfinished], [2, 7, 1, 2, 2]);
  assertAlmostEquals(mean, 0.75, 1e-12);
  assertEquals([only(comparisons).n, only(comparisons).unpaired], [1, 4]);
});

Deno.test("one seed has no spread and decides nothing", () => {
  const { scores, comparisons } = tableOf(
    { method: "lora", figures: [0.5] },
    { method: "hiddenkey", figures: [0.9] },
  );
  assertEquals(scores.map(({ mean, sd }) => [mean, sd]), [[0.5, NaN], [0.9, NaN]]);
  const { verdict, interval, p, seedsNeeded } = only(comparisons);
  assertEquals([verdict, interval, p, seedsNeeded], [
    "undecided",
    { low: NaN, high: NaN },
    1,
    undefined,
  ]);
});

Deno.test("equal figures are undecided, with an interval at 0", () => {
  const { comparisons } = tableOf(
    { method: "lora", figures: six },
    { method: "hiddenkey", figures: six },
  );
  const { difference, interval, p, verdict, seedsNeeded } = only(comparisons);
  assertEquals([difference, interval, p, verdict], [0, { low: 0, high: 0 }, 1, "undecided"]);
  assertEquals(seedsNeeded, undefined);
});

Deno.test("an arm is compared with the baseline that is varied as it is, else with the plain one", () => {
  const tables = tablesOf(sweepOf([
    { method: "lora", varied: { rank: 1 }, figures: [0.1, 0.1] },
    { method: "lora", varied: { rank: 2 }, figures: [0.2, 0.2] },
    { method: "hiddenkey", varied: { rank: 2, rate: 0.1 }, figures: [0.5, 0.5] },
    { method: "lora", task: "mrpc", figures: [0.3, 0.3] },
    { method: "hiddenkey", task: "mrpc", varied: { rate: 0.1 }, figures: [0.5, 0.5] },
  ]));
  const rows = tables.tasks.flatMap(({ comparisons }) => comparisons);
  assertEquals(rows.map(({ baseline }) => baseline), ["lora, rank 2", "lora"]);
  assertAlmostEquals(rows[0]!.difference, 0.3, 1e-12);
});

Deno.test("the best evaluation counts where it is asked for", () => {
  const sweep = sweepOf([{ method: "lora", figures: [0.5, 0.5], best: { accuracy: 0.8 } }]);
  const means = (["last", "best"] as const).map((which) =>
    tablesOf(sweep, { which }).tasks[0]!.scores[0]!.mean
  );
  assertEquals(means, [0.5, 0.8]);
});

Deno.test("without a run of the baseline nothing is compared; an unknown one is refused", () => {
  const sweep = sweepOf([{ method: "hiddenkey", figures: six }]);
  const tables = tablesOf(sweep);
  assertEquals(tables.tasks[0]!.comparisons, []);
  assert(tables.warnings.some((text) => text.includes("baseline lora fits hiddenkey on rte")));
  assertThrows(
    () => tablesOf(sweep, { baseline: "hidenkey" }),
    OptionError,
    "Cannot compare with --baseline hidenkey as a method of the sweep is required: the nearest one " +
      "is hiddenkey",
  );
  assertEquals(tablesOf(sweep, { baseline: "hiddenkey" }).tasks[0]!.comparisons, []);
});

Deno.test("two runs of a seed, or two metrics of an arm or task, are refused", () => {
  const twice = sweepOf([{ method: "lora", figures: [0.5] }, { method: "lora", figures: [0.5] }]);
  assertThrows(
    () => tablesOf(twice),
    OptionError,
    "one run a seed is required: found seed 1 twice",
  );
  const metrics = sweepOf([
    { method: "lora", figures: [0.5] },
    { method: "hiddenkey", figures: [0.5], metric: "f1" },
  ]);
  assertThrows(() => tablesOf(metrics), OptionError, "found accuracy and f1");
});
