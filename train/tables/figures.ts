/**
 * The figures of a sweep: differences, curves by what is varied, courses, and budgets of tuning.
 *
 * @module
 */

import type { Html } from "../report/html.ts";
import { titleOf } from "../report/figures.ts";
import { armLabel } from "./arms.ts";
import type { Tables, TaskTable } from "./contents.ts";
import { drawForest, type ForestRow } from "./forest.ts";
import { drawPlot, type Plot, type PlotLevel, type PlotLine, type PlotPoint } from "./plot.ts";
import { idOf } from "./sheets.ts";
import { metricUnit } from "./units.ts";

/** A figure of a page. */
export interface Figure {
  /** Identifier in the page, and name of its file. */
  readonly id: string;
  /** Identifier of the section that it belongs to. */
  readonly section: string;
  /** Heading. */
  readonly title: string;
  /** What it shows. */
  readonly caption: string;
  /** The figure. */
  readonly svg: Html;
}

/** What is varied in figures of the paper, by option. */
const paperFigures: Readonly<Record<string, string>> = {
  rate: "dropout rate",
  rank: "rank",
};

/** All figures that there are data for. */
export function sweepFigures(tables: Tables): Figure[] {
  const methods = tables.tasks.flatMap(({ scores }) => scores.map(({ method }) => method));
  const order = [...new Set([tables.baseline, ...methods])];
  const styleOf = (method: string) => order.indexOf(method);
  return [
    ...tables.tasks.flatMap((table) => curveFigures(table, styleOf)),
    ...tables.courses.flatMap((table) => courseFigures(table, styleOf)),
    ...forests(tables),
    ...tuningFigures(tables, styleOf),
  ];
}

type StyleOf = (method: string) => number;

function forests({ tasks, averages, baseline }: Tables): Figure[] {
  const forest = (section: string, title: string, metric: string, rows: readonly ForestRow[]) => {
    const unit = metricUnit(metric);
    const shown = rows.filter(({ difference }) => !Number.isNaN(difference));
    if (shown.length === 0) return [];
    const id = `${section}-forest`;
    const words = unit.name === "percent" ? "points (× 100)" : titleOf(metric);
    const axis = `difference to ${baseline}, ${words}`;
    return [{
      id,
      section,
      title,
      caption: `Paired differences to ${baseline} with intervals of 95 %.`,
      svg: drawForest({ id, title, axis, unit, rows: shown }),
    }];
  };
  return [
    ...tasks.flatMap(({ task, metric, comparisons }) =>
      forest(idOf("task", task), `${task}: differences to ${baseline}`, metric, comparisons)
    ),
    ...averages.flatMap(({ metrics, rows }, i) =>
      forest(
        i === 0 ? "averages" : `averages-${i + 1}`,
        `Averages: differences to ${baseline}`,
        metrics[0]!,
        rows.flatMap(({ label, comparison }) => comparison ? [{ label, ...comparison }] : []),
      )
    ),
  ];
}

/** A figure for each number that arms of a task are varied by. */
function curveFigures({ task, metric, scores }: TaskTable, styleOf: StyleOf): Figure[] {
  const { factor, words } = metricUnit(metric);
  const names = [...new Set(scores.flatMap(({ varied }) => Object.keys(varied)))];
  return names.flatMap((name) => {
    const having = scores.filter(({ varied }) => typeof varied[name] === "number");
    const values = [...new Set(having.map(({ varied }) => varied[name] as number))].sort((a, b) =>
      a - b
    );
    if (values.length < 2) return [];
    const place = ({ mean, interval: { low, high } }: TaskTable["scores"][number]) => ({
      y: factor * mean,
      low: factor * low,
      high: factor * high,
    });
    const groups = Map.groupBy(having, (score) => armLabel(score, [name]));
    const lines = [...groups].map(([label, own]): PlotLine => ({
      label,
      style: styleOf(own[0]!.method),
      points: own.map((score) => ({ x: score.varied[name] as number, ...place(score) }))
        .sort((a, b) => a.x - b.x),
    }));
    const levels = scores.filter((score) => !having.includes(score) && score.n > 0)
      .map((score): PlotLevel => ({
        label: score.label,
        style: styleOf(score.method),
        ...place(score),
      }));
    const title = `${task}: ${titleOf(metric)} by ${paperFigures[name] ?? name}`;
    return [plotFigure(idOf("task", task), {
      id: idOf(task, "by", name),
      title,
      caption: `${words}: means over the seeds with intervals of 95 %` +
        (levels.length === 0 ? "." : `; ${levels.map(({ label }) => label).join(", ")} as a band.`),
      axes: [paperFigures[name] ?? name, words],
      isLogarithmic: values[0]! > 0 && values.at(-1)! / values[0]! >= 8,
      lines,
      levels,
    })];
  });
}

/** A figure of a section, whose description is made from its lines. */
function plotFigure(
  section: string,
  { caption, ...plot }: Omit<Plot, "description"> & { readonly caption: string },
): Figure {
  const { id, title, lines } = plot;
  const text = (value: number) => Number(value.toPrecision(4));
  const described = lines.flatMap(({ label, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined) return [];
    return [
      `${label} from ${text(first.y)} at ${text(first.x)} to ${text(last.y)} at ${text(last.x)}`,
    ];
  });
  const description = `${caption} ${described.join("; ")}`;
  return { id, section, title, caption, svg: drawPlot({ ...plot, description }) };
}

/** Training loss and figures of the development data, by step. */
function courseFigures(
  { task, metric, courses }: Tables["courses"][number],
  styleOf: StyleOf,
): Figure[] {
  const { factor, words } = metricUnit(metric);
  const section = idOf("task", task);
  const lines = (pointsOf: (course: typeof courses[number]) => PlotPoint[], isPlain: boolean) =>
    courses.map((course): PlotLine => ({
      label: course.label,
      style: styleOf(course.method),
      points: pointsOf(course),
      isPlain,
    })).filter(({ points }) => points.length > 0);
  const losses = lines(
    ({ loss: { steps, values } }) => steps.map((x, i) => ({ x, y: values[i]! })),
    true,
  );
  const evaluations = lines(
    (course) =>
      course.evaluations.map(({ step, mean, interval: { low, high } }) => ({
        x: step,
        y: factor * mean,
        low: factor * low,
        high: factor * high,
      })),
    false,
  );
  const figure = (kind: string, title: string, axis: string, own: PlotLine[], caption: string) =>
    own.length === 0 ? [] : [plotFigure(section, {
      id: idOf(task, kind),
      title: `${task}: ${title}`,
      caption,
      axes: ["step", axis],
      isLogarithmic: false,
      lines: own,
    })];
  return [
    ...figure(
      "loss",
      "training loss by step",
      "training loss",
      losses,
      "Mean over the seeds of the training loss, smoothed.",
    ),
    ...figure(
      "course",
      `${titleOf(metric)} by step`,
      words,
      evaluations,
      `${words}, of the development data: means over the seeds with intervals of 95 %.`,
    ),
  ];
}

/** Points of a line beyond which markers would hide it. */
const mostMarkers = 20;

/** Expected best score by the number of settings that are tried. */
function tuningFigures({ tuning }: Tables, styleOf: StyleOf): Figure[] {
  return [...Map.groupBy(tuning, ({ task }) => task)].flatMap(([task, own]) => {
    const lines = own.filter(({ expected }) => expected.length > 1).map((arm): PlotLine => {
      const { factor } = metricUnit(arm.metric);
      return {
        label: arm.label,
        style: styleOf(arm.method),
        points: arm.expected.map((score, i) => ({ x: i + 1, y: factor * score })),
        isPlain: arm.expected.length > mostMarkers,
      };
    });
    if (lines.length === 0) return [];
    const { words } = metricUnit(own[0]!.metric);
    return [plotFigure("tuning", {
      id: idOf(task, "budget"),
      title: `${task}: expected validation score by budget`,
      caption: "Expected score of the best of so many settings.",
      axes: ["settings tried", words],
      isLogarithmic: false,
      lines,
    })];
  });
}
