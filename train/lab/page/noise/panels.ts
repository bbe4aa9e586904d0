/**
 * Three panels by rate: what lands on dropped logits, as a share and in size, and the variance over
 * masks.
 *
 * @module
 */

import { element } from "../dom.ts";
import type { FigureName } from "../../../noise/figures.ts";
import { drawPanel, type Line, type LineStyle } from "../../../noise/panel.ts";
import { titles, type Variant, variants } from "../../../noise/variants.ts";
import type { NoisePoint } from "./measure.ts";

const styles: Readonly<Record<Variant, LineStyle>> = {
  "dropkey": { colour: "var(--dropkey)", dash: "none", marker: "circle" },
  "dropattention-nograd": { colour: "var(--nograd)", dash: "none", marker: "square" },
  "dropattention": { colour: "var(--dropattention)", dash: "5 3", marker: "triangle" },
  "hiddencut": { colour: "var(--hiddencut)", dash: "1.5 2.5", marker: "diamond" },
};

const paint = { ink: "var(--edge)", grid: "var(--rule)", ground: "var(--panel)" } as const;
const size = { width: 330, height: 290 } as const;
const frame = { left: 58, top: 34, width: 262, height: 210 } as const;

/** A panel: a figure of the study, and how it is shown. */
interface NoisePanel {
  readonly name: FigureName;
  readonly title: string;
  readonly label: string;
  readonly logarithmic: boolean;
}

const panels: readonly NoisePanel[] = [
  {
    name: "share",
    title: "Share on dropped logits",
    label: "of the squared gradient (%)",
    logarithmic: false,
  },
  {
    name: "dropped",
    title: "Expected size there, E|dL/dg|",
    label: "times a logit’s without dropout",
    logarithmic: false,
  },
  {
    name: "variance",
    title: "Variance over masks",
    label: "over the clean squared norm",
    logarithmic: true,
  },
];

/** The panels as they are drawn. */
export interface NoisePanels {
  /** What stands in the page. */
  readonly root: HTMLElement;
  /** Shows what was measured so far. */
  draw(points: readonly NoisePoint[], rates: readonly number[]): void;
}

/** Three panels under one legend. */
export function noisePanels(): NoisePanels {
  const plots = panels.map(() => element("div", { class: "plot", "aria-hidden": "true" }));
  return {
    root: element("div", {}, legend(), element("div", { class: "maps" }, ...plots)),
    draw(points, rates) {
      panels.forEach((panel, i) => plots[i]!.innerHTML = draw(panel, points, rates));
    },
  };
}

function draw(panel: NoisePanel, points: readonly NoisePoint[], rates: readonly number[]): string {
  const factor = panel.name === "share" ? 100 : 1;
  const lines = variants.map((variant): Line => ({
    style: styles[variant],
    points: points.filter((point) => point.variant === variant).flatMap(({ rate, figures }) => {
      const figure = figures[panel.name];
      if (figure === undefined) return [];
      const { value, low, high } = figure;
      return [{ x: rate, y: factor * value, low: factor * low, high: factor * high }];
    }),
  }));
  const drawn = drawPanel({ ...panel, span: [0, 1], lines, rates, paint }, frame);
  return `<svg viewBox="0 0 ${size.width} ${size.height}">${drawn}</svg>`;
}

/** Classes of the page for the methods of the study. */
const classes: Readonly<Record<Variant, string>> = {
  "dropkey": "dropkey",
  "dropattention-nograd": "nograd",
  "dropattention": "dropattention",
  "hiddencut": "hiddencut",
};

function legend(): HTMLElement {
  const entries = variants.map((variant) =>
    element(
      "span",
      { class: "method" },
      element("span", { class: `sample ${classes[variant]}`, "aria-hidden": "true" }),
      titles[variant],
    )
  );
  return element("p", { class: "legend" }, ...entries);
}
