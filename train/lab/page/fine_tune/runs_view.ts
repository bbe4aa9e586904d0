/**
 * Runs as they go: three figures, and a table that says the same in numbers.
 *
 * @module
 */

import { element } from "../dom.ts";
import { scrolled } from "./controls.ts";
import { colourOf, CurveFigure, type RunCurve } from "./curves.ts";
import type { PageRun, Phase } from "./runs.ts";

/** Steps of which the training loss is the mean. */
const window = 16;

/** Milliseconds between two drawings: less is not seen, and would take the page's time. */
const interval = 150;

const phases: Readonly<Record<Phase, string>> = {
  opening: "opens",
  training: "trains",
  stopped: "stopped",
  done: "done",
  failed: "failed",
};

/** Means of the last values before each place. */
function trailing(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value, i) => {
    sum += value - (values[i - window] ?? 0);
    return sum / Math.min(i + 1, window);
  });
}

function trainingCurve({ method, steps }: PageRun): RunCurve {
  return { method, x: steps.map(({ epoch }) => epoch), y: trailing(steps.map((s) => s.task_loss)) };
}

function devCurve({ method, evaluations }: PageRun, metric: string, scale = 1): RunCurve {
  const y = evaluations.map((one) => scale * one[metric]!);
  return { method, x: evaluations.map(({ epoch }) => epoch), y };
}

const head = [
  ...["Method", "Passes", "Training loss"],
  ...["Loss on unseen", "Least loss on unseen", "Right on unseen"],
];

function rowOf(run: PageRun): HTMLElement {
  const { method, steps, evaluations, phase, message } = run;
  const losses = evaluations.map((one) => one["eval_loss"]!);
  const last = evaluations.at(-1);
  const passes = `${(steps.at(-1)?.epoch ?? 0).toFixed(1)}, ${phases[phase]}`;
  const figures = [
    trailing(steps.map((step) => step.task_loss)).at(-1)?.toFixed(3),
    losses.at(-1)?.toFixed(3),
    losses.length === 0 ? undefined : Math.min(...losses).toFixed(3),
    last && `${(100 * last["eval_accuracy"]!).toFixed(1)} %`,
  ];
  const name = element("span", { class: `swatch ${colourOf(method)}` }, method);
  const cells = phase === "failed"
    ? [element("td", { colspan: figures.length, class: "error" }, message)]
    : figures.map((text) => element("td", { class: "number" }, text ?? "–"));
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, name),
    element("td", {}, phase === "opening" && message !== "" ? message : passes),
    ...cells,
  );
}

/** The runs in the page. */
export class RunsView {
  /** Element to put into the page. */
  readonly root: HTMLElement;
  readonly #training = new CurveFigure(
    "Loss on what is learned",
    `Mean of ${window} steps, by the labels that are given, right or wrong.`,
  );
  readonly #loss = new CurveFigure(
    "Loss on unseen examples",
    "Less is better; it punishes most what is wrong and sure.",
  );
  readonly #accuracy = new CurveFigure("Right on unseen, in percent", "More is better.");
  readonly #rows = element("tbody");
  readonly #legend = element("p", { class: "legend" });
  #runs: readonly PageRun[] = [];
  #isDue = false;

  /** Makes empty figures. */
  constructor() {
    const titles = head.map((title) => element("th", { scope: "col" }, title));
    const table = element(
      "table",
      { class: "results" },
      element("caption", {}, "The same in numbers"),
      element("thead", {}, element("tr", {}, ...titles)),
      this.#rows,
    );
    this.root = element(
      "div",
      { hidden: true },
      this.#legend,
      element(
        "div",
        { class: "figures" },
        this.#training.root,
        this.#loss.root,
        this.#accuracy.root,
      ),
      scrolled("Results", table),
    );
  }

  /** Shows these runs from now on. */
  show(runs: readonly PageRun[]): void {
    this.#runs = runs;
    this.root.hidden = runs.length === 0;
    this.#legend.replaceChildren(
      ...runs.map(({ method }) => element("span", { class: `swatch ${colourOf(method)}` }, method)),
    );
    this.changed();
  }

  /** Draws soon: many steps are drawn at once. */
  changed(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => {
      this.#isDue = false;
      this.#draw();
    }, interval);
  }

  #draw(): void {
    const ends = this.#runs.map(({ facts, job }) => facts?.epochs ?? job.settings.epochs);
    const most = Math.max(...ends);
    this.#training.draw(this.#runs.map(trainingCurve), most);
    this.#loss.draw(this.#runs.map((run) => devCurve(run, "eval_loss")), most);
    this.#accuracy.draw(this.#runs.map((run) => devCurve(run, "eval_accuracy", 100)), most);
    this.#rows.replaceChildren(...this.#runs.map(rowOf));
  }
}
