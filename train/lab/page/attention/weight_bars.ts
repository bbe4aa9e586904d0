/**
 * The weights that each method gives, side by side for each word, before a ghost of what they were.
 *
 * @module
 */

import { element, setAttributes } from "../dom.ts";
import { type RowMethod, rowMethods, type RowResults } from "./compute.ts";
import { methodTitles } from "./method_titles.ts";
import { byMethod, methodName, threePlaces } from "./methods.ts";
import { rowWords } from "./row.ts";

/** The bars as they are drawn. */
export interface WeightBars {
  /** What stands in the page. */
  readonly root: HTMLElement;
  /** Shows the weights of a row. */
  draw(results: RowResults): void;
}

/** One group of bars for each word. */
export function weightBars(): WeightBars {
  const ghosts = rowWords.map(() => element("span", { class: "ghost" }));
  const bars = byMethod((method) => rowWords.map(() => bar(method)));
  const shown = rowWords.map(() => element("span", { class: "value number" }));
  const columns = rowWords.map((word, key) =>
    element(
      "div",
      { class: "column" },
      element(
        "div",
        { class: "weights" },
        ghosts[key]!,
        ...rowMethods.map((method) => bars[method][key]!),
      ),
      shown[key]!,
      element("span", { class: "name" }, word),
    )
  );
  const plot = element("div", { class: "columns", "aria-hidden": "true" }, ...columns);
  const rows = rowMethods.map((method) => element("tr", { "data-method": method }));
  const root = element("div", { class: "panel" }, legend(), plot, spokenTable(rows));
  return {
    root,
    draw(results) {
      const largest = Math.max(...results.before, ...results.dropkey.weights);
      const height = (weight: number) => `${100 * weight / largest}%`;
      ghosts.forEach((ghost, key) =>
        ghost.style.setProperty("--height", height(results.before[key]!))
      );
      rowMethods.forEach((method, row) => {
        const { weights } = results[method];
        bars[method].forEach((bar, key) =>
          bar.style.setProperty("--height", height(weights[key]!))
        );
        const cells = Array.from(weights, (weight) => element("td", {}, threePlaces(weight)));
        rows[row]!.replaceChildren(element("th", { scope: "row" }, methodTitles[method]), ...cells);
        setAttributes(rows[row]!, { "data-weights": weights.join() });
      });
      shown.forEach((place, key) => {
        const weight = results.dropkey.weights[key]!;
        place.textContent = weight === 0 ? "0" : weight.toFixed(2).replace(/^0/, "");
        place.classList.toggle("gone", weight === 0);
      });
    },
  };
}

function bar(method: RowMethod): HTMLElement {
  return element("span", { class: `bar ${method}` });
}

function legend(): HTMLElement {
  return element(
    "p",
    { class: "legend" },
    element(
      "span",
      { class: "method" },
      element("span", { class: "sample ghosted", "aria-hidden": "true" }),
      "before the drop",
    ),
    ...rowMethods.map(methodName),
  );
}

/** The same numbers for those who do not see the bars. */
function spokenTable(rows: readonly HTMLElement[]): HTMLElement {
  const heads = rowWords.map((word) => element("th", { scope: "col" }, word));
  const table = element(
    "table",
    {},
    element("caption", {}, "Weights after the drop"),
    element("thead", {}, element("tr", {}, element("td"), ...heads)),
    element("tbody", {}, ...rows),
  );
  return element("div", { class: "spoken" }, table);
}
