/**
 * Curves of runs over each other, as one small figure.
 *
 * @module
 */

import { ticksOf } from "../../../report/scatter.ts";
import { element, svg } from "../dom.ts";

/** A curve. */
export interface RunCurve {
  /** The method, which gives the colour. */
  readonly method: string;
  /** Places, ascending. */
  readonly x: readonly number[];
  /** Values at them. */
  readonly y: readonly number[];
}

const [width, height] = [360, 246];
const [left, right, top, bottom] = [50, 12, 8, 46];
/** Curves of fewer places have a dot at each. */
const fewest = 30;
/** Places that a curve is drawn at, at most: what lies between is averaged. */
const mostPlaces = 300;

/** The mean of each of at most {@linkcode mostPlaces} runs of values. */
function thinned(values: readonly number[]): number[] {
  const size = Math.ceil(values.length / mostPlaces);
  if (size <= 1) return [...values];
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) => {
    const part = values.slice(i * size, (i + 1) * size);
    return part.reduce((sum, x) => sum + x, 0) / part.length;
  });
}

/** Least extent of an axis, as a share of its numbers: labels of a smaller one would be long. */
const leastShare = 0.02;

/** Extent of all numbers; from 0 to 1 where there are none. */
function extent(lists: readonly (readonly number[])[]): [number, number] {
  const all = lists.flat().filter(Number.isFinite);
  if (all.length === 0) return [0, 1];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const lacking = Math.max(0, leastShare * Math.max(-low, high) - (high - low));
  return [low - lacking / 2, high + lacking / 2];
}

/** One figure whose curves are drawn anew when there are more of them. */
export class CurveFigure {
  /** Element to put into the page. */
  readonly root: HTMLElement;
  readonly #drawing = svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    // The table below says it in words.
    "aria-hidden": "true",
  });

  /** Makes an empty figure. */
  constructor(title: string, caption: string) {
    this.root = element(
      "figure",
      { class: "panel curve" },
      element("h4", {}, title),
      this.#drawing,
      element("figcaption", {}, caption),
    );
  }

  /**
   * Draws curves.
   *
   * @param most Where the horizontal axis ends
   */
  draw(curves: readonly RunCurve[], most: number): void {
    const thin = curves.map(({ method, x, y }) => ({ method, x: thinned(x), y: thinned(y) }));
    const ticks = ticksOf(...extent(thin.map(({ y }) => y)));
    const [from, to] = [ticks[0]!, ticks.at(-1)!];
    const across = (x: number) => left + x / most * (width - left - right);
    const up = (y: number) => top + (to - y) / (to - from) * (height - top - bottom);
    this.#drawing.replaceChildren(
      ...ticks.map((tick) => yTick(up(tick), tick)),
      ...ticksOf(0, most).filter((tick) => tick <= most).map((tick) => xTick(across(tick), tick)),
      svg(
        "text",
        { class: "axis", x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" },
        "passes over the data",
      ),
      ...thin.flatMap(({ method, x, y }) => {
        const points = x.map((one, i) => [across(one).toFixed(1), up(y[i]!).toFixed(1)] as const);
        const line = svg("polyline", {
          class: `line ${colourOf(method)}`,
          points: points.map((point) => point.join()).join(" "),
        });
        const dots = points.length > fewest
          ? []
          : points.map(([cx, cy]) =>
            svg("circle", { class: `spot ${colourOf(method)}`, cx, cy, r: 3 })
          );
        return [line, ...dots];
      }),
    );
  }
}

/** Class that gives a method's colour. */
export function colourOf(method: string): string {
  return `of-${method.replace(/-$/, "-minus")}`;
}

function yTick(y: number, value: number): SVGElement {
  const label = svg("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, `${value}`);
  return svg(
    "g",
    { class: "tick" },
    svg("line", { x1: left, x2: width - right, y1: y, y2: y }),
    label,
  );
}

function xTick(x: number, value: number): SVGElement {
  const anchor = x > width - 24 ? "end" : "middle";
  const at = { x, y: height - bottom + 18, "text-anchor": anchor };
  return svg("g", { class: "tick" }, svg("text", at, `${value}`));
}
