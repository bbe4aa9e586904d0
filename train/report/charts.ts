/**
 * The curves of a report: which panels there are, and the data that the page draws them from.
 *
 * @module
 */

import { titleOf } from "./figures.ts";
import { embeddedJson, type Html, html } from "./html.ts";
import type { RunRecord } from "./run_record.ts";
import {
  type Curve,
  curveOf,
  downsampled,
  epochsPerStep,
  mostPoints,
  smoothed,
  smoothingSpan,
} from "./series.ts";

/**
 * How a curve is drawn: `raw` thin and pale, `line` plain, `task` dotted, `dev` dashed with a mark at
 * each evaluation.
 */
export type CurveKind = "raw" | "line" | "task" | "dev";

/** A curve of a panel. */
export interface PanelSeries extends Curve {
  /** Number of its run, whose colour it has where there are several. */
  readonly run: number;
  /** How it is drawn. */
  readonly kind: CurveKind;
  /** What it is, in the legend. */
  readonly label: string;
}

/** A panel: curves over the same axes. */
export interface CurvePanel {
  /** Identifier in the page. */
  readonly id: string;
  /** What is above it. */
  readonly title: string;
  /** What it shows, in a sentence. */
  readonly note: string;
  /** Its curves; at least one. */
  readonly series: readonly PanelSeries[];
}

/** The panels of some runs; those that no run has data for are left out. */
export function panelsOf(runs: readonly RunRecord[]): CurvePanel[] {
  const names = [...new Set(runs.flatMap(({ evaluations }) => evaluations.flatMap(Object.keys)))]
    .filter((name) => !["step", "epoch", "loss"].includes(name));
  const dev = (name: string): CurvePanel => ({
    id: `metric-${name}`,
    title: titleOf(name),
    note: "On the development data.",
    series: each(runs, (run) => [["dev", titleOf(name), curveOf(run.evaluations, name)]]),
  });
  const logged = (id: string, title: string, note: string): CurvePanel => ({
    id,
    title,
    note,
    series: each(runs, ({ steps }) => [["line", title, curveOf(steps, id)]]),
  });
  return [
    lossPanel(runs),
    ...names.filter((name) => !repeatsLoss(runs, name)).map(dev),
    logged("compensation", "Compensation", "KL or JS between two passes, before its weight."),
    logged("grad_norm", "Gradient norm", "Before it is clipped."),
    logged("learning_rate", "Learning rate", "By the schedule."),
  ].filter(({ series }) => series.length > 0);
}

function lossPanel(runs: readonly RunRecord[]): CurvePanel {
  return {
    id: "loss",
    title: "Loss",
    note:
      "Of training, before each update, as it is and smoothed; and of the development data (marks).",
    series: each(runs, ({ steps, evaluations }) => {
      const raw = curveOf(steps, "loss");
      const span = smoothingSpan(steps.length);
      const isCompensated = steps.some(({ compensation }) => compensation !== undefined);
      return [
        ["raw", "training, each step", raw],
        ["line", "training, smoothed", smoothed(raw, span)],
        ...(isCompensated
          ? [["task", "task loss, smoothed", smoothed(curveOf(steps, "task_loss"), span)] as const]
          : []),
        ["dev", "dev", curveOf(evaluations, "loss")],
      ];
    }),
  };
}

type Drawn = readonly [kind: CurveKind, label: string, curve: Curve];

/** The curves of each run that have points, of which few enough are kept. */
function each(
  runs: readonly RunRecord[],
  draw: (run: RunRecord) => readonly Drawn[],
): PanelSeries[] {
  return runs.flatMap((one, run) =>
    draw(one).filter(([, , { steps }]) => steps.length > 0).map(([kind, label, curve]) => {
      const { steps, values } = downsampled(curve, mostPoints);
      const rounded = values.map((value) => Number(value.toPrecision(6)));
      return { run, kind, label, steps, values: rounded };
    })
  );
}

/** Whether a figure is the loss under another name, as `nll` is where nothing is dropped. */
export function repeatsLoss(runs: readonly RunRecord[], name: string): boolean {
  return runs.every(({ evaluations }) =>
    evaluations.every(({ loss, [name]: value }) =>
      value === undefined || (loss !== undefined && Math.abs(value - loss) <= 1e-9 * Math.abs(loss))
    )
  );
}

/** The section of the curves: a place for each panel, and the data that the page's script draws. */
export function chartsSection(runs: readonly RunRecord[]): Html {
  const panels = panelsOf(runs);
  if (panels.length === 0) {
    return html`
      <section aria-labelledby="curves">
        <h2 id="curves">Curves</h2>
        <p class="missing">No step has been logged yet: metrics.jsonl is empty or missing.</p>
      </section>
    `;
  }
  const data = {
    runs: runs.map((run) => ({ name: run.name, epochsPerStep: epochsPerStep(run) })),
    panels,
  };
  return html`<section aria-labelledby="curves"><h2 id="curves">Curves</h2>
${remarks(runs)}
<noscript><p class="missing">The curves are drawn by a script, which this viewer does not run. All
other parts of the report stand without it.</p></noscript>
<div class="controls" id="controls" hidden></div>
      <p class="skip" id="spoken" aria-live="polite"></p>
<div class="panels">${panels.map(panelPlace)}</div>
<p class="small">${samplingNote(runs)}</p>
<script type="application/json" id="data">${embeddedJson(data)}</script></section>`;
}

function panelPlace({ id, title, note }: CurvePanel): Html {
  return html`
    <figure class="panel" data-panel="${id}">
      <figcaption>
        <h3 id="${id}-title">${title}</h3>
        <p class="small">${note}</p>
      </figcaption>
      <div class="plot"></div>
      <div class="legend"></div>
    </figure>
  `;
}

/** What runs lack, in sentences. */
function remarks(runs: readonly RunRecord[]): Html[] {
  return runs.flatMap(({ name, steps, evaluations }) => {
    const lacking = steps.length === 0
      ? "has no step yet"
      : evaluations.length === 0
      ? "was not evaluated yet, so that it has no dev loss and no metrics"
      : undefined;
    return lacking === undefined ? [] : [html`<p class="missing">${name} ${lacking}.</p>`];
  });
}

function samplingNote(runs: readonly RunRecord[]): string {
  const spans = [...new Set(runs.map(({ steps }) => smoothingSpan(steps.length)))];
  const most = Math.max(...runs.map(({ steps }) => steps.length));
  const note =
    `Smoothed: an exponential moving average over ${spans.join(" or ")} steps. Drag to ` +
    "zoom, double-click to see all; with the keyboard, arrow keys move along a panel that has the " +
    "focus.";
  return most <= mostPoints
    ? note
    : `${note} Of ${
      most.toLocaleString("en-GB")
    } steps each curve keeps the ${mostPoints} points ` +
      "that shape it most (largest triangle three buckets).";
}
