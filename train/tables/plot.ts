/**
 * Lines over an axis as SVG, with intervals, markers and a legend inside.
 *
 * @module
 */

import { type Html, html } from "../report/html.ts";
import { ticksOf } from "../report/scatter.ts";

/** A point, with the interval of its ordinate where that is known. */
export interface PlotPoint {
  /** Value on the horizontal axis. */
  readonly x: number;
  /** Value on the vertical axis. */
  readonly y: number;
  /** Lower end of the interval; NaN or absent for none. */
  readonly low?: number;
  /** Upper end of the interval. */
  readonly high?: number;
}

/** A line of a plot. */
export interface PlotLine {
  /** Name in the legend. */
  readonly label: string;
  /** Points, left to right. */
  readonly points: readonly PlotPoint[];
  /** Number of its style, the same for a method in all plots. */
  readonly style: number;
  /** Whether it has no markers, as a line of very many points. */
  readonly isPlain?: boolean;
}

/** A level that does not depend on the horizontal axis. */
export interface PlotLevel extends Omit<PlotPoint, "x"> {
  /** Name in the legend. */
  readonly label: string;
  /** Number of its style. */
  readonly style: number;
}

/** What a plot shows. */
export interface Plot {
  /** Identifier in the page. */
  readonly id: string;
  /** What it shows, in a line. */
  readonly title: string;
  /** The same in words for those who do not see it. */
  readonly description: string;
  /** Names of the axes. */
  readonly axes: readonly [x: string, y: string];
  /** Whether the horizontal axis is logarithmic. */
  readonly isLogarithmic: boolean;
  /** Lines. */
  readonly lines: readonly PlotLine[];
  /** Levels. */
  readonly levels?: readonly PlotLevel[];
}

/** Size of a plot without its legend, in user units: readable as wide as a telephone. */
const size = { width: 360, height: 250 };
const frame = { left: 50, right: 350, top: 12, bottom: 206 };
/** Columns and row height of the legend. */
const legend = { columns: 2, height: 18 };

/** Coordinate in user units, as SVG writes it. */
export const at = (value: number): number => Number(value.toFixed(2));

/** A scale from values to user units. */
export interface Scale {
  /** Values that are marked. */
  readonly ticks: readonly number[];
  /** Place of a value. */
  readonly place: (value: number) => number;
}

/** A linear scale that encloses values, between two places. */
export function linearScale(
  values: readonly number[],
  [from, to]: readonly [number, number],
): Scale {
  const finite = values.filter(Number.isFinite);
  const ticks = ticksOf(
    finite.reduce((a, b) => Math.min(a, b), Infinity),
    finite.reduce((a, b) => Math.max(a, b), -Infinity),
  );
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  return { ticks, place: (value) => from + (to - from) * (value - low) / (high - low) };
}

/** A scale whose ticks are the values themselves. */
function scaleOfValues(
  values: readonly number[],
  isLogarithmic: boolean,
  [from, to]: readonly [number, number],
): Scale {
  const scaled = (value: number) => isLogarithmic ? Math.log(value) : value;
  const [low, high] = [scaled(values[0]!), scaled(values.at(-1)!)];
  return {
    ticks: values,
    place: (value) => from + (to - from) * ((scaled(value) - low) / (high - low || 1)),
  };
}

/** Draws a plot. */
export function drawPlot(plot: Plot): Html {
  const { id, title, description, axes, lines, levels = [] } = plot;
  const [xScale, yScale] = scalesOf(plot);
  const entries = [...levels, ...lines];
  const rows = Math.ceil(entries.length / legend.columns);
  const height = size.height + 8 + rows * legend.height;
  const [middleX, middleY] = [(frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2];
  return html`
    <svg viewBox="0 0 ${size.width} ${height}" role="img"
      aria-labelledby="${id}-title ${id}-desc"><title id="${id}-title">${title}</title>
    <desc id="${id}-desc">${description}</desc>
    ${grid(xScale, yScale)}
    <text class="note" x="${middleX}" y="${size.height - 8}" text-anchor="middle">${axes[0]}</text>
    <text class="note" transform="translate(12 ${middleY}) rotate(-90)" text-anchor="middle">${axes[
      1
    ]}</text>
    ${levels.map((level) => drawLevel(level, yScale))}
    ${lines.map((line, i) => drawLine(line, i - (lines.length - 1) / 2, [xScale, yScale]))}
    ${entries.map((entry, i) => legendEntry(entry, i, "points" in entry))}
    </svg>
  `;
}

function scalesOf({ lines, levels = [], isLogarithmic }: Plot): readonly [Scale, Scale] {
  const points = lines.flatMap((line) => line.points);
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const ys = [...points, ...levels].flatMap(({ y, low = NaN, high = NaN }) => [y, low, high]);
  const inset = 12;
  const [from, to] = [frame.left + inset, frame.right - inset];
  // Few values are marked themselves, many by round numbers.
  const x = xs.length <= 12
    ? scaleOfValues(xs, isLogarithmic, [from, to])
    : linearScale([0, ...xs], [frame.left, frame.right]);
  return [x, linearScale(ys, [frame.bottom, frame.top])];
}

function grid(x: Scale, y: Scale): Html {
  let free = -Infinity;
  const labels = x.ticks.map((tick) => {
    const [place, half] = [x.place(tick), 3.4 * `${tick}`.length];
    if (place - half < free) return undefined;
    free = place + half + 4;
    return html`<text class="note" x="${at(place)}" y="${
      frame.bottom + 18
    }" text-anchor="middle">${tick}</text>`;
  });
  const digits = Math.max(...y.ticks.map((tick) => `${tick}`.split(".")[1]?.length ?? 0));
  return html`
    ${y.ticks.map((tick) => {
      const place = at(y.place(tick));
      return html`
        <path class="grid" d="M${frame.left} ${place}H${frame.right}" />
        <text class="note" x="${frame.left - 6}" y="${place + 4}" text-anchor="end">${tick.toFixed(
          digits,
        ).replace("-", "−")}</text>
      `;
    })}
    <path class="axis" d="M${frame.left} ${frame.bottom}H${frame.right}${x.ticks.map((tick) =>
      `M${at(x.place(tick))} ${frame.bottom}v4`
    ).join("")}" />${labels}
  `;
}

/** A level as a line across the plot, with its interval as a band. */
function drawLevel({ y, low = NaN, high = NaN, style }: PlotLevel, scale: Scale): Html {
  const band = Number.isNaN(low) ? undefined : html`
    <rect class="f${style % 8} band" x="${frame.left}" y="${at(
      scale.place(high),
    )}" width="${frame.right - frame.left}"
      height="${at(scale.place(low) - scale.place(high))}" />
  `;
  return html`
    ${band}<path class="l${style % 8} level" d="M${frame.left} ${at(scale.place(y))}H${frame
      .right}" />
  `;
}

/** @param shift Steps to the side, so that intervals at the same place are seen side by side. */
function drawLine(
  { points, style, isPlain = false }: PlotLine,
  shift: number,
  [x, y]: readonly [Scale, Scale],
): Html {
  const seen = points.filter((point) => Number.isFinite(point.y));
  if (seen.length === 0) return html``;
  const hasBars = seen.some(({ low = NaN }) => !Number.isNaN(low));
  const offset = hasBars ? 2.2 * shift : 0;
  const placed = seen.map((point) => ({
    ...point,
    at: [at(x.place(point.x) + offset), at(y.place(point.y))] as const,
  }));
  const path = placed.map(({ at: [left, top] }, i) => `${i === 0 ? "M" : "L"}${left} ${top}`);
  const bars = placed.filter(({ low = NaN }) => !Number.isNaN(low)).map((point) =>
    `M${point.at[0]} ${at(y.place(point.low!))}V${at(y.place(point.high!))}`
  );
  return html`
    <path class="l${style % 8} line${dash(style)}" d="${path.join("")}" />${bars.length === 0
      ? undefined
      : html`
        <path class="l${style % 8}" d="${bars.join("")}" />
      `}${isPlain ? undefined : placed.map(({ at: place }) => marker(style, place))}
  `;
}

/** Styles beyond the colours are dashed. */
function dash(style: number): string {
  return style >= 8 ? " dashed" : "";
}

/** A marker, whose shape tells methods apart where colours do not. */
function marker(style: number, [x, y]: readonly [number, number]): Html {
  const shapes = ["M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z", "M-3-3h6v6h-6z", "M0-4l4 7h-8z"];
  const shape = [...shapes, "M0-4.2l4.2 4.2l-4.2 4.2l-4.2-4.2z"][style % 4]!;
  return html`
    <path class="l${style % 8} marker" transform="translate(${x} ${y})" d="${shape}" />
  `;
}

function legendEntry(
  { label, style }: Pick<PlotLine, "label" | "style">,
  i: number,
  hasMarker: boolean,
): Html {
  const column = (size.width - 16) / legend.columns;
  const [x, y] = [
    8 + column * (i % legend.columns),
    size.height + 12 + legend.height * Math.floor(i / legend.columns),
  ];
  const kind = hasMarker ? `line${dash(style)}` : "level";
  return html`<g><title>${label}</title><path class="l${style % 8} ${kind}" d="M${x} ${
    y - 4
  }h24"/>${hasMarker ? marker(style, [x + 12, y - 4]) : undefined}<text x="${x + 30}" y="${y}">${
    clipped(label, 20)
  }</text></g>`;
}

/** A text that fits in so many characters. */
export function clipped(text: string, most: number): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
}
