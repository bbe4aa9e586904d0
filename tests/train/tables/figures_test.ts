import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { clipped, drawPlot, type Plot } from "../../../train/tables/plot.ts";
import { drawForest } from "../../../train/tables/forest.ts";
import { sweepFigures } from "../../../train/tables/figures.ts";
import { tablesOf } from "../../../train/tables/tables.ts";
import {
  decimalsOf,
  fixedText,
  metricUnit,
  pText,
  signedText,
} from "../../../train/tables/units.ts";
import { type MadeArm, sweepOf } from "../../support/sweep_results.ts";

const plot: Plot = {
  id: "a",
  title: "A title",
  description: "A description",
  axes: ["rate", "accuracy"],
  isLogarithmic: true,
  lines: [{
    label: "hiddenkey",
    style: 0,
    points: [{ x: 0.01, y: 0, low: -1, high: 1 }, { x: 0.1, y: 5 }, { x: 1, y: 10 }, {
      x: 2,
      y: NaN,
    }],
  }],
};

/** Places of the points of a line of a plot. */
function pathOf(text: string, name: string): number[][] {
  const [, path] = new RegExp(`<path class="${name}" d="([^"]*)"`).exec(text)!;
  return path!.split(/[ML]/).slice(1).map((point) => point.split(" ").map(Number));
}

Deno.test("a logarithmic axis has equal steps for equal ratios, and no point that is none", () => {
  const { text } = drawPlot({
    ...plot,
    lines: [{ ...plot.lines[0]!, points: plot.lines[0]!.points.slice(0, 3) }],
  });
  const [a, b, c] = pathOf(text, "l0 line");
  assertAlmostEquals(b![0]! - a![0]!, c![0]! - b![0]!, 0.02);
  assertAlmostEquals(a![1]! - b![1]!, b![1]! - c![1]!, 0.02);
  assert(a![1]! > b![1]!);
  assertEquals(pathOf(drawPlot(plot).text, "l0 line").length, 3);
  const linear = drawPlot({ ...plot, isLogarithmic: false }).text;
  const [first, second, third] = pathOf(linear, "l0 line");
  // 0.09 of 1.99 against 0.9 of it.
  assertAlmostEquals((third![0]! - second![0]!) / (second![0]! - first![0]!), 10, 0.05);
});

Deno.test("an interval is a bar from its lower to its upper end, and a level's a band", () => {
  const { text } = drawPlot({
    ...plot,
    lines: [{ ...plot.lines[0]!, points: [{ x: 1, y: 0 }, { x: 2, y: 10, low: 5, high: 10 }] }],
    levels: [{ label: "lora", style: 1, y: 5, low: 0, high: 10 }],
  });
  const [bottom, top] = pathOf(text, "l0 line").map(([, y]) => y!);
  const [, from, to] = /<path class="l0" d="M[\d.]+ ([\d.]+)V([\d.]+)"/.exec(text)!;
  assertAlmostEquals(Number(from), (bottom! + top!) / 2, 0.02);
  assertAlmostEquals(Number(to), top!, 0.02);
  const [, y, height] = /<rect class="f1 band"[^>]* y="([\d.]+)"[^>]* height="([\d.]+)"/.exec(
    text,
  )!;
  assertAlmostEquals(Number(y), top!, 0.02);
  assertAlmostEquals(Number(height), bottom! - top!, 0.02);
});

Deno.test("a ninth line is dashed, as its colour is the first one's", () => {
  const { text } = drawPlot({ ...plot, lines: [{ ...plot.lines[0]!, style: 8 }] });
  assertMatch(text, /<path class="l0 line dashed"/);
});

Deno.test("a difference is a filled dot where the adjusted test decides, else a hollow one", () => {
  const row = { difference: 0.02, interval: { low: 0.01, high: 0.04 } };
  const { text } = drawForest({
    id: "a",
    title: "A title",
    axis: "points",
    unit: metricUnit("accuracy"),
    rows: [
      { label: "hiddenkey", ...row, verdict: "better" },
      { label: "dropkey", ...row, verdict: "undecided" },
      {
        label: "one seed",
        difference: -0.02,
        interval: { low: NaN, high: NaN },
        verdict: "undecided",
      },
    ],
  });
  const dots = [...text.matchAll(/<circle\s+class="(\w+)"\s+cx="([\d.]+)"/g)].slice(0, 3);
  assertEquals(dots.map(([, kind]) => kind), ["decided", "hollow", "hollow"]);
  const [first, , third] = dots.map(([, , x]) => Number(x));
  const [, zero] = /<path\s+class="ideal"\s+d="M([\d.]+) /.exec(text)!;
  assertAlmostEquals(first! - Number(zero), Number(zero) - third!, 0.02);
  const whiskers = [...text.matchAll(/class="whisker"\s+d="M([\d.]+) [\d.]+H([\d.]+)/g)];
  assertEquals(whiskers.length, 2);
  const [, low, high] = whiskers[0]!.map(Number);
  assertAlmostEquals((first! - low!) * 2, high! - first!, 0.05);
  assert(text.includes("+2.0 (+1.0 to +4.0)") && text.includes("−2.0<"), text);
});

Deno.test("long names are clipped by characters, not by halves of them", () => {
  assertEquals([clipped("abc", 3), clipped("abcd", 3), clipped("👍👍👍👍", 3)], [
    "abc",
    "ab…",
    "👍👍…",
  ]);
});

Deno.test("rates are on a logarithmic axis where they are far apart; others are levels", () => {
  const six = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7];
  const arms: MadeArm[] = [
    { method: "lora", figures: six },
    ...[0.01, 0.1].map((rate) => ({ method: "dropkey", varied: { rate }, figures: six })),
    ...[1, 2, 4].map((rank) => ({
      method: "lora",
      task: "mrpc" as const,
      varied: { rank },
      figures: six,
    })),
  ];
  const [rate, rank] = sweepFigures(tablesOf(sweepOf(arms)));
  assertEquals([rate!.title, rank!.title], [
    "rte: Accuracy by dropout rate",
    "mrpc: Accuracy by rank",
  ]);
  assert(rate!.caption.endsWith("; lora as a band."), rate!.caption);
  assertMatch(rate!.svg.text, /<desc[^>]*>[^<]*dropkey from 60 at 0.01 to 60 at 0.1<\/desc>/);
});

Deno.test("courses are means over the seeds, of the steps that all of them have", () => {
  const course = (shift: number, steps: number) =>
    Array.from({ length: steps }, (_, i) => ({
      step: i + 1,
      loss: shift,
      ...(i % 2 === 1 && { eval_accuracy: 0.5 + shift }),
    }));
  const { courses } = tablesOf(sweepOf([
    { method: "lora", figures: [0.5], course: course(0.1, 6) },
    { method: "lora", figures: [0.5], firstSeed: 2, course: course(0.3, 4) },
    { method: "hiddenkey", figures: [0.5] },
  ]));
  assertEquals(courses.map((table) => [table.task, table.courses.length]), [["rte", 1]]);
  const [{ loss, evaluations, runs }] = courses[0]!.courses as [typeof courses[0]["courses"][0]];
  assertEquals([runs, loss.steps], [2, [1, 2, 3, 4]]);
  for (const value of loss.values) assertAlmostEquals(value, 0.2, 1e-12);
  assertEquals(evaluations.map(({ step }) => step), [2, 4]);
  for (const { mean, interval } of evaluations) {
    assertAlmostEquals(mean, 0.7, 1e-12);
    assert(interval.low >= 0.6 - 1e-12 && interval.high <= 0.8 + 1e-12);
  }
});

Deno.test("numbers have the decimals that their intervals support", () => {
  const [accuracy, loss] = [metricUnit("accuracy"), metricUnit("loss")];
  // Halves of 0.98 and 1.7 points; 12 points; none.
  const decimals = [[0.0098, 0.017], [0.017], [0.12], [NaN, 0]].map((halves) =>
    decimalsOf(halves, accuracy)
  );
  assertEquals(decimals, [2, 1, 0, 2]);
  assertEquals([decimalsOf([0.00012], loss), decimalsOf([0.012], loss)], [4, 3]);
  assertEquals(
    [fixedText(0.8448, 2, 100), fixedText(NaN, 2), fixedText(-0.001, 2), fixedText(-0.01, 2)],
    ["84.48", "–", "0.00", "−0.01"],
  );
  assertEquals([signedText(0.01, 2), signedText(0.001, 2), signedText(-1, 1)], [
    "+0.01",
    "0.00",
    "−1.0",
  ]);
  assertEquals(
    [1, 0.5, 0.0625, 2 / 64, 0.0078125, 0.001953125, 0.00012, NaN].map(pText),
    ["1.00", "0.50", "0.063", "0.031", "0.0078", "0.0020", "1.2e-4", "–"],
  );
});
