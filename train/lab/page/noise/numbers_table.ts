/**
 * What was measured as a table, for reading, for comparing and for those who do not see the panels.
 *
 * @module
 */

import type { FigureName } from "../../../noise/figures.ts";
import type { Estimate } from "../../../noise/statistics.ts";
import { titles, variants } from "../../../noise/variants.ts";
import { element } from "../dom.ts";
import type { NoisePoint } from "./measure.ts";

const columns: readonly (readonly [name: FigureName, title: string, factor: number])[] = [
  ["share", "share (%)", 100],
  ["dropped", "E|dL/dg|", 1],
  ["variance", "variance", 1],
  ["cosine", "cosine", 1],
];

/** The table as it is drawn. */
export interface NumbersTable {
  /** What stands in the page. */
  readonly root: HTMLElement;
  /** Shows what was measured so far. */
  draw(points: readonly NoisePoint[]): void;
}

/** A table of all figures, behind a button. */
export function numbersTable(): NumbersTable {
  const body = element("tbody");
  const heads = ["method", "p", "masks", ...columns.map(([, title]) => title)];
  const table = element(
    "table",
    {},
    element(
      "thead",
      {},
      element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head))),
    ),
    body,
  );
  const scroll = element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Measured figures" },
    table,
  );
  return {
    root: element(
      "details",
      {},
      element("summary", {}, "The numbers, with intervals of 95 %"),
      scroll,
    ),
    draw(points) {
      const sorted = variants.flatMap((variant) =>
        points.filter((point) => point.variant === variant)
      );
      body.replaceChildren(...sorted.map(line));
    },
  };
}

function line({ variant, rate, masks, figures }: NoisePoint): HTMLElement {
  return element(
    "tr",
    { "data-variant": variant, "data-rate": rate, "data-figures": JSON.stringify(figures) },
    element("th", { scope: "row" }, titles[variant]),
    element("td", { class: "number" }, String(rate)),
    element("td", { class: "number" }, String(masks)),
    ...columns.map(([name, , factor]) =>
      element("td", { class: "number" }, interval(figures[name], factor))
    ),
  );
}

function interval(estimate: Estimate | undefined, factor: number): string {
  if (estimate === undefined) return "–";
  const text = (value: number) => String(Number((factor * value).toPrecision(3))).replace("-", "−");
  const { value, low, high } = estimate;
  return low === high ? text(value) : `${text(value)} (${text(low)} to ${text(high)})`;
}
